/** Numbers and tables as people read them, and a replay's result as both people and programs do. */
import Table from "cli-table3";
import { formatSize } from "../memory/size.ts";
import type { Vmstat } from "../memory/vmstat.ts";
import type { ReplayResult } from "../trace/replay.ts";

const PAGE = 4096;

/** 1234567 as "1,234,567". */
export function count(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** 0.1234 as "12.34 %". */
export function percent(ratio: number): string {
  return Number.isFinite(ratio) ? `${(ratio * 100).toFixed(2)} %` : "-";
}

/** Bytes of so many pages, as people read them. */
export function pages(nr: number): string {
  return nr === 0 ? "0" : formatSize(nr * PAGE);
}

/** Pages moved down, by anyone. */
export function demotions(vmstat: Vmstat): number {
  return vmstat.pgdemote_kswapd + vmstat.pgdemote_direct + vmstat.pgdemote_proactive;
}

/** Pages dropped, from memory or from swap. */
export function discards(vmstat: Vmstat): number {
  return vmstat.pgdiscard;
}

/** Text broken into lines of at most `width` characters. */
export function wrap(text: string, width = 100): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

/** A table whose first column is words and whose others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
}

/** The one object that `--json` prints. */
export function replayJson(result: ReplayResult): Record<string, unknown> {
  const { trace, requests, hits, misses, objectMissRatio, byteMissRatio, hitsByTier, corrupt, vmstat, nodes } = result;
  const { violations, requestsPerSecond, elapsedSeconds, peakRssBytes, seed } = result;
  return {
    trace,
    requests,
    hits,
    misses,
    objectMissRatio,
    byteMissRatio,
    hitsByTier,
    corrupt,
    vmstat,
    nodes,
    violations,
    requestsPerSecond,
    elapsedSeconds,
    peakRssBytes,
    seed,
  };
}

/** A result in words: where the hits were, what moved, and whether every byte was right. */
export function replayReport(result: ReplayResult): string {
  const { as, vmstat, requests, footprint } = result;
  const what = as === "region" ? "pages" : "objects";
  const title = `${result.trace} as ${as}: ${count(requests)} requests, ${formatSize(footprint)} of ${what}`;
  return [title, tierTable(result), eventTable(result, vmstat), verdict(result)].join("\n\n");
}

function tierTable(result: ReplayResult): string {
  const { hitsByTier, nodes, swap, vmstat, requests } = result;
  const share = (name: string) => [count(hitsByTier[name] ?? 0), percent((hitsByTier[name] ?? 0) / requests)];
  const rows = Object.entries(nodes).map(([name, node]) => [
    name,
    formatSize(node.size),
    pages(node.residentPages),
    ...share(name),
    count(demotions(node.vmstat)),
    count(node.vmstat.pgpromote_success),
  ]);
  const names = Object.keys(swap);
  for (const name of names) {
    const used = names.length === 1 ? pages(vmstat.nr_swapped) : "";
    rows.push([name, formatSize(swap[name] as number), used, ...share(name), "", ""]);
  }
  const origin = result.as === "region" ? "first touch" : "origin";
  rows.push([origin, "", "", count(result.misses), percent(result.objectMissRatio), "", ""]);
  return table(["tier", "size", "used at end", "requests served", "share", "demoted from", "promoted to"], rows);
}

function eventTable(result: ReplayResult, vmstat: Vmstat): string {
  const moved = (nr: number) => [count(nr), pages(nr)];
  const rows = [
    ["demotions", ...moved(demotions(vmstat))],
    ["promotions", ...moved(vmstat.pgpromote_success)],
    ["swapped out", ...moved(vmstat.pswpout)],
    ["swapped in", ...moved(vmstat.pswpin)],
    ...(result.as === "cache" ? [["read from swap, where it stayed", ...moved(vmstat.pswpread)]] : []),
    ["discards", ...moved(discards(vmstat))],
    ["direct reclaims", count(vmstat.allocstall_normal), ""],
    ["policy violations", ...moved(result.violations)],
  ];
  if (result.as === "cache") rows.push(["objects not stored", count(result.rejected), ""]);
  return table(["event", "pages", "bytes"], rows);
}

function verdict(result: ReplayResult): string {
  const { corrupt, checkedBytes, requestsPerSecond, elapsedSeconds, peakRssBytes, seed } = result;
  const checked =
    checkedBytes === 0
      ? "no bytes were kept"
      : `${formatSize(checkedBytes)} of hits checked, ${count(corrupt)} values wrong`;
  const speed = `${count(requestsPerSecond)} requests/s for ${elapsedSeconds.toFixed(2)} s`;
  return `${checked}; miss ratio ${percent(result.objectMissRatio)} of requests, ${percent(result.byteMissRatio)} of bytes
${speed}; peak RSS ${formatSize(peakRssBytes)}; seed ${seed}`;
}
