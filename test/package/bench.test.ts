/**
 * The benchmarks that link the engine themselves (`npm run bench`, `npm run bench:memories`) start and give figures: an engine that
 * needs more of who runs it would break them unseen. Whether their bars hold is not asked here.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/sources.ts";

interface Figure {
  readonly value?: number;
}
type Figures = Record<string, Figure>;

function run(script: string, ...args: string[]): Figures & { readonly results?: Figures } {
  const printed = execFileSync(process.execPath, [join(root, script), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(printed);
}

const CASES: [what: string, script: string, args: string[], figures: number][] = [
  ["the engine's inner loops", "bench/main.mjs", ["--suite", "engine"], 3],
  ["what reclaim looks at", "bench/main.mjs", ["--suite", "reclaim"], 4],
  ["a cache with a tier below it", "bench/tiers.mjs", ["1000"], 4],
  ["compressed pages beside the codec alone", "bench/memories.mjs", ["zswap"], 9],
];

for (const [what, script, args, figures] of CASES) {
  test(`${what}: measured`, () => {
    const printed = run(script, ...args);
    const values = Object.values(printed.results ?? printed).map((it) => it.value);
    expect(values.length).toBeGreaterThanOrEqual(figures);
    for (const value of values) expect(value).toBeGreaterThanOrEqual(0);
  }, 120_000);
}
