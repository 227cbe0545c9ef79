/** Values of very different sizes in one cache, at equal `maxSize` (lru-cache counts its values' bytes alone). */
import { runJob } from "./run.mjs";
import { faster, sides, skipped, smaller } from "./table.mjs";

const SIZES = [64, 256];
const KINDS = ["5 to 30 KB", "30 to 100 KB", "150 to 500 KB"];

export async function mixed(context) {
  if (!context.installed["lru-cache"]) return [skipped("values of mixed sizes: lru-cache", "not installed")];
  const rows = [];
  for (const mib of context.quick ? SIZES.slice(0, 1) : SIZES) {
    const valueBytes = mib * 2 ** 20;
    const requestsPerKey = Math.max(1, 9 * Math.min(1, context.scaled(1e6) / 1e6));
    const results = { lieu: [], "lru-cache": [] };
    for (let round = 0; round < context.rounds(2); round++) {
      for (const cache of Object.keys(results)) {
        results[cache].push(await runJob("mixed", { cache, valueBytes, requestsPerKey, note: `${mib} MiB` }));
      }
    }
    const both = sides(results.lieu, "lru-cache", results["lru-cache"]);
    for (const [i, kind] of KINDS.entries()) {
      const row = `misses of ${kind}, mixed sizes in ${mib} MiB`;
      rows.push(smaller(row, "count", 1, ...both(({ misses }) => misses[i])));
    }
    rows.push(faster(`a request, mixed sizes in ${mib} MiB`, 0.83, ...both(({ ns }) => ns)));
  }
  return rows;
}
