/**
 * The random operations on caches of test/cache with a new seed for every run, for LIEU_FUZZ_SECONDS (60 by default): each
 * configuration in turn, with a random one after each. LIEU_SEED is the first seed.
 */
import { expect, test } from "vitest";
import { CONFIGS, type Config, randomConfig } from "../cache/configs.ts";
import { drive } from "../cache/world.ts";
import { runSeed, seeded } from "../property/source.ts";

const seconds = Number(process.env.LIEU_FUZZ_SECONDS ?? 60);
const first = runSeed();
/** Say what is run before it is run, to find one that does not end. */
const verbose = process.env.LIEU_FUZZ_VERBOSE === "1";
const OPS = Number(process.env.LIEU_CACHE_OPS ?? 6000);

test(`random operations on caches for ${seconds} s, first seed ${first}`, () => {
  const seeds = seeded(first);
  const end = Date.now() + seconds * 1000;
  let runs = 0;
  let ops = 0;
  const run = (config: Config, seed: number) => {
    if (Date.now() >= end) return;
    if (verbose) process.stderr.write(`${config.name}: LIEU_SEED=${seed}\n`);
    ops += drive(config, seed, Math.ceil(OPS * (config.share ?? 1))).ops;
    runs++;
  };
  for (let seed = first; Date.now() < end; seed = seeds.below(0x100000000)) {
    // The seed is the configuration's and the run's, so that it alone shows a failure again, first thing.
    run(randomConfig(seed), seed);
    for (const config of CONFIGS) {
      run(config, seed);
      const other = seeds.below(0x100000000);
      run(randomConfig(other), other);
    }
  }
  console.info(`${ops} operations on caches in ${runs} runs`);
  expect(runs).toBeGreaterThan(0);
});
