/**
 * The random operations of test/property with a new seed for every run, for LIEU_FUZZ_SECONDS (60 by default): each
 * configuration in turn, with a random one after each. LIEU_SEED is the first seed.
 */
import { expect, test } from "vitest";
import { CONFIGS, randomConfig } from "../property/configs.ts";
import { drive } from "../property/drive.ts";
import { first, inTurns, seconds } from "./turns.ts";

/** Enough to fill a memory and to use up what is scarce; the JavaScript twin gets there with fewer. */
const OPS = 20_000;

test(`random operations for ${seconds} s, first seed ${first}`, () => {
  const { runs, ops } = inTurns({ configs: CONFIGS, randomConfig, drive }, OPS);
  console.info(`${ops} operations in ${runs} runs`);
  expect(runs).toBeGreaterThan(0);
});
