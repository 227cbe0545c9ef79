/** The table of rates: every cache, three sizes, strings and Buffers. */
import { PEERS } from "./caches.mjs";
import { alternate, hasRoom, median, runJob } from "./run.mjs";
import { markdown } from "./table.mjs";

const BYTES = 256;
const OPERATIONS = ["gets", "sets", "mixed"];

/** Cells `{ entries, values, cache, gets, sets, mixed, rssPerEntry, missRatio }`: nanoseconds and bytes, medians. */
export async function measureMatrix(context) {
  const installed = PEERS.filter((name) => context.installed[name]);
  const cells = [];
  for (const size of [1e5, 1e6, 5e6]) {
    const large = size > 1e6;
    const entries = context.scaled(size);
    if (large && (context.quick || !hasRoom((entries * 800) / 2 ** 30))) continue;
    const caches = ["lieu", ...installed.filter((name) => !large || context.full || name === "lru-cache")];
    for (const strings of [false, true]) {
      const maxSize = 1.02 * entries * (await context.room(BYTES, strings));
      const operations = context.scaled(large ? 5e5 : 1e5);
      const options = { entries, strings, maxSize, bytes: BYTES, operations, passes: 3 };
      const run = (cache, note) => runJob("matrix", { ...options, cache, note: `${entries} ${note}` });
      const results = await alternate(size > 1e5 ? 1 : context.rounds(2), caches, run);
      for (const cache of caches)
        cells.push(cellOf({ entries, values: strings ? "strings" : "Buffers", cache }, results[cache]));
    }
  }
  return cells;
}

function cellOf(cell, results) {
  const middle = (pick) => median(results.map(pick));
  for (const name of OPERATIONS) cell[name] = middle((result) => median(result[name]));
  for (const name of ["rssPerEntry", "missRatio", "missing", "held"]) cell[name] = middle((result) => result[name]);
  return cell;
}

/** The cells as a Markdown table: one line for a size, a kind of value and an operation, one column for a cache. */
export function matrixTable(cells, entriesText) {
  const caches = [...new Set(cells.map(({ cache }) => cache))];
  const groups = [...new Set(cells.map(({ entries, values }) => `${entries} ${values}`))];
  const lines = groups.flatMap((group) => {
    const own = cells.filter(({ entries, values }) => `${entries} ${values}` === group);
    const line = (what, show) => {
      const shown = caches
        .map((name) => own.find(({ cache }) => cache === name))
        .map((cell) => (cell ? show(cell) : ""));
      return [`${entriesText(own[0].entries)} ${own[0].values}: ${what}`, ...shown];
    };
    const rate = (name) => (cell) => (1000 / cell[name]).toFixed(2);
    return [
      line("gets, M/s", rate("gets")),
      line("sets, M/s", rate("sets")),
      line("read-through 90/10, M/s", rate("mixed")),
      line("... its misses", (cell) => `${(cell.missRatio * 100).toFixed(1)} %`),
      line("RSS an entry, B", (cell) => cell.rssPerEntry.toFixed(0)),
    ];
  });
  const table = markdown(["256 B, Zipf 0.99", ...caches], lines);
  const faulty = cells
    .filter(({ missing }) => missing > 0.001)
    .map((cell) => {
      const share = `${(cell.missing * 100).toFixed(1)} % of its gets missed`;
      return `${cell.cache}, ${entriesText(cell.entries)} ${cell.values}: ${share}.`;
    });
  return [table, ...faulty].join("\n\n");
}
