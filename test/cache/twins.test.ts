/** The same operations on caches on both twins of the engine give the same results and the same counters. */
import { expect, test } from "vitest";
import { runSeed } from "../property/source.ts";
import { CONFIGS, type Config } from "./configs.ts";
import { agree } from "./model.ts";
import { drive, type World } from "./world.ts";

const seed = runSeed();
/** The JavaScript twin is slow under a test runner, which turns each import into a getter. */
const OPS = Math.min(400, Number(process.env.LIEU_CACHE_OPS ?? 400));
const EVERY = 25;
const NAMES = ["1 tier", "2 tiers, tight", "3 tiers, swap", "swap that fails, tight", "tiny cache"];

const counters = (w: World) => [w.memory.vmstat(), ...w.caches.map(({ cache }) => [cache.stats(), cache.size])];

function compare(config: Config): void {
  const digests: number[] = [];
  const snapshots: ReturnType<typeof counters>[] = [];
  const ways = { wallClock: false, walkEvery: 250 };
  const first = drive(config, seed, OPS, {
    ...ways,
    change: { engine: "wasm" },
    after(w, op) {
      digests.push(w.digest);
      if (op % EVERY === 0) snapshots.push(counters(w));
    },
  });
  const second = drive(config, seed, OPS, {
    ...ways,
    change: { engine: "js" },
    after(w, op) {
      agree(w.digest === digests[op], () => "the twins came to different results");
      if (op % EVERY === 0) expect(counters(w)).toEqual(snapshots[op / EVERY]);
    },
  });
  expect(second).toEqual(first);
}

test.each(CONFIGS.filter((config) => NAMES.includes(config.name)).map((config) => [config.name, config] as const))(
  `%s: twins agree, seed ${seed}`,
  { timeout: 10 * 60_000 },
  (_, config) => compare(config),
);
