/** Numbers over time out of snapshots. Pure, so that a test can hold them against `vmstat()`. */
import type { Header, Snapshot } from "../../src/server/wire.ts";

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

/** How fast a counter rises, at each snapshot since the one before. One that was set back rises from 0. */
export function rates(header: Header, frames: readonly Snapshot[], read: Reading): number[] {
  const unit = rateUnit(header);
  return frames.map((frame, i) => {
    const before = frames[i - 1];
    if (before === undefined) return 0;
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

/** Bytes of each node that have been idle for longer than each level says; the first level is all of them. */
export function coldTail({ idle }: Snapshot): number[][] {
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
