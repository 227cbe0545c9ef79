/**
 * The random operations on caches of test/cache with a new seed for every run, for LIEU_FUZZ_SECONDS (60 by default): each
 * configuration in turn, with a random one after each. LIEU_SEED is the first seed.
 */
import { expect, test } from "vitest";
import { CONFIGS, randomConfig } from "../cache/configs.ts";
import { drive } from "../cache/world.ts";
import { first, inTurns, seconds } from "./turns.ts";

const OPS = Number(process.env.LIEU_CACHE_OPS ?? 6000);

test(`random operations on caches for ${seconds} s, first seed ${first}`, () => {
  const { runs, ops } = inTurns({ configs: CONFIGS, randomConfig, drive }, OPS);
  console.info(`${ops} operations on caches in ${runs} runs`);
  expect(runs).toBeGreaterThan(0);
});
