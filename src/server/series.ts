/** Numbers over time out of snapshots: for the page, and for a terminal. */
import { AGE_LEVELS, type Header, type Snapshot } from "./wire.ts";

export type Line = (number | null)[];
type Reading = (snapshot: Snapshot) => number;

export function counterIndex(header: Header, name: string): number {
  return header.counters.indexOf(name);
}

/** The sum of these counters, of the whole memory. */
export function counted(header: Header, names: readonly string[]): Reading {
  const indices = names.map((name) => counterIndex(header, name));
  return ({ vmstat }) => indices.reduce((sum, i) => sum + (vmstat[i] ?? 0), 0);
}

/** What one unit of a rate is of: a second, or a thousand requests. */
export function rateUnit(header: Header): number {
  return header.clock === "seconds" ? 1 : 1000;
}
export function rateName(header: Header): string {
  return header.clock === "seconds" ? "a second" : "in 1,000 requests";
}

/**
 * How fast a counter rises, at each snapshot since the one before; or the one before that, if the last step is a short one, as at the
 * end of a replay: what a few requests did says nothing of a thousand. A counter that was set back does not rise.
 */
export function rates(header: Header, frames: readonly Snapshot[], read: Reading): number[] {
  const unit = rateUnit(header);
  return frames.map((frame, i) => {
    const last = frames[i - 1];
    if (last === undefined) return 0;
    const second = frames[i - 2];
    const before = second !== undefined && (frame.at - last.at) * 2 < last.at - second.at ? second : last;
    const rise = read(frame) - read(before);
    const time = frame.at - before.at;
    return time > 0 ? (Math.max(0, rise) / time) * unit : 0;
  });
}

/** Lines on top of each other: the first is itself, the last the sum. */
export function stacked(lines: readonly (readonly (number | null)[])[]): Line[] {
  const sums: Line[] = [];
  for (const line of lines) {
    const below = sums.at(-1);
    sums.push(line.map((value, i) => (value === null ? null : value + (below?.[i] ?? 0))));
  }
  return sums;
}

/** Shares of what served the accesses between two snapshots, a line a tier; null where there were none. */
export function shares(frames: readonly Snapshot[]): Line[] {
  const tiers = frames[0]?.served.length ?? 0;
  const lines: Line[] = Array.from({ length: tiers }, () => []);
  frames.forEach((frame, i) => {
    const before = frames[i - 1]?.served;
    const rise = frame.served.map((n, tier) => Math.max(0, n - (before?.[tier] ?? n)));
    const all = rise.reduce((sum, n) => sum + n, 0);
    for (let tier = 0; tier < tiers; tier++) lines[tier]?.push(all === 0 ? null : (rise[tier] as number) / all);
  });
  return lines;
}

/** The highest level of age in these snapshots, and at least a few. */
export function oldest(frames: readonly Snapshot[]): number {
  let most = 3;
  for (const { idle, map } of frames) {
    for (const levels of idle)
      most = Math.max(
        most,
        levels.findLastIndex((n) => n > 0),
      );
    if (idle.length === 0) for (const age of map.age) most = Math.max(most, Number.parseInt(age, AGE_LEVELS) || 0);
  }
  return Math.min(AGE_LEVELS - 1, most);
}

/** Bytes of each node that have been idle for longer than each level says; the first level is all of them. */
export function coldTail({ idle }: Pick<Snapshot, "idle">): number[][] {
  return idle.map((levels) => {
    let sum = 0;
    return levels
      .map((_, i) => {
        sum += levels[levels.length - 1 - i] as number;
        return sum * 4096;
      })
      .reverse();
  });
}

/** Moves of pages, by name, and the counters that count them. */
export const UP: readonly Move[] = [
  ["promoted", ["pgpromote_success"]],
  ["swapped in", ["pswpin", "zswpin"]],
  ["read in swap", ["pswpread"]],
];
export const DOWN: readonly Move[] = [
  ["demoted", ["pgdemote_kswapd", "pgdemote_direct", "pgdemote_proactive"]],
  ["swapped out", ["pswpout", "zswpout"]],
  ["dropped", ["pgdiscard"]],
];
type Move = readonly [name: string, counters: readonly string[]];

export const SCANNED = ["pgscan_kswapd", "pgscan_direct", "pgscan_proactive"];
export const STOLEN = ["pgsteal_kswapd", "pgsteal_direct", "pgsteal_proactive"];

/** What serves an access, in the order of `Snapshot.served`. */
export function tierNames({ nodes, swap }: Header): string[] {
  return [...nodes.map(({ name }) => name), ...swap.map(({ name }) => name), "miss"];
}
