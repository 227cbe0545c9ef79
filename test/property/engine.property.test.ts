/**
 * Three hundred thousand random operations on the public API against a naive model (world.ts), with the invariant walk on, over all
 * presets, both twins and many topologies. LIEU_SEED runs one seed again; LIEU_OPS sets the operations of each
 * configuration, of which one with a smaller share does that part.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CONFIGS, type Config, randomConfig } from "./configs.ts";
import { drive, replay } from "./drive.ts";
import { listed, runSeed } from "./source.ts";

const seed = runSeed();
const OPS = Number(process.env.LIEU_OPS ?? 12_000);
const minutes = 60_000;
const opsOf = (config: Config) => Math.ceil(OPS * (config.share ?? 1));

console.info(`random operations: LIEU_SEED=${seed} LIEU_OPS=${OPS}`);

describe(`random operations, seed ${seed}`, () => {
  for (const config of CONFIGS) {
    const ops = opsOf(config);
    test(`${config.name}: ${ops} of them`, { timeout: 10 * minutes }, () => {
      expect(drive(config, seed, ops).ops).toBe(ops);
    });
  }
});

test.each([1, 2, 3, 4])("random operations on a random configuration, %i", { timeout: 10 * minutes }, (n) => {
  const config = { ...randomConfig(seed + n), share: 0.1 };
  expect(drive(config, seed, opsOf(config)).ops).toBe(opsOf(config));
});

/** Configurations, seeds and operations that once failed. */
const FAILED = [
  ["mglru, zswap, 2 swap devices", 2355307192, 2200], // a pool without a slot that compaction gave pages: no end
] as const;
test.each(FAILED)("%s with seed %i, which failed once", { timeout: 2 * minutes }, (name, failed, ops) => {
  const config = CONFIGS.find((c) => c.name === name) as Config;
  expect(drive({ ...config, share: 1 }, failed, ops).ops).toBe(ops);
});

test.runIf(process.env.LIEU_OPS === undefined)("that is three hundred thousand of them", () => {
  expect(CONFIGS.reduce((n, config) => n + opsOf(config), 0)).toBeGreaterThan(300_000);
});

describe("short runs, shrunk if they fail", () => {
  const lists = fc.array(fc.array(fc.nat(0xffff), { maxLength: 14 }), { minLength: 1, maxLength: 120, size: "max" });
  for (const config of CONFIGS.filter((c) => c.swap.every((s) => s.file !== true))) {
    test(config.name, { timeout: 2 * minutes }, () => {
      fc.assert(
        fc.property(lists, (ops) => replay(config, ops, listed)),
        { numRuns: 5, seed: seed | 0 },
      );
    });
  }
});
