/**
 * Random operations on caches against a naive model (model.ts), with the invariant walk on. LIEU_SEED runs one seed again;
 * LIEU_CACHE_OPS sets the operations of each configuration, of which one with a smaller share does that part.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listed, runSeed } from "../property/source.ts";
import { CONFIGS, type Config, randomConfig } from "./configs.ts";
import { drive, replay } from "./world.ts";

const seed = runSeed();
const OPS = Number(process.env.LIEU_CACHE_OPS ?? 1000);
const minutes = 60_000;
const opsOf = (config: Config) => Math.ceil(OPS * (config.share ?? 1));

console.info(`random operations on caches: LIEU_SEED=${seed} LIEU_CACHE_OPS=${OPS}`);

describe(`random operations on caches, seed ${seed}`, () => {
  test.each(CONFIGS.map((config) => [config.name, config] as const))("%s", { timeout: 10 * minutes }, (_, config) => {
    expect(drive(config, seed, opsOf(config)).ops).toBe(opsOf(config));
  });
  test.each([1, 2, 3, 4])("on a random configuration, %i", { timeout: 10 * minutes }, (n) => {
    const config = randomConfig(seed + n);
    drive(config, seed + n, opsOf(config) >>> 1);
  });
});

/** What fuzzing has found: a value that had come up from swap was held above, and its segment did not say so. */
test.each([4231303133])("a run that showed a fault once, LIEU_SEED=%i", { timeout: 2 * minutes }, (found) => {
  expect(drive(randomConfig(found), found, 4000).ops).toBe(4000);
});

describe("short runs, shrunk if they fail", () => {
  const lists = fc.array(fc.array(fc.nat(0xffff), { maxLength: 14 }), { minLength: 1, maxLength: 40, size: "max" });
  const some = CONFIGS.filter(
    (config) => config.options.engine === undefined && config.swap.every((s) => s.file !== true),
  );
  test.each(some.map((config) => [config.name, config] as const))("%s", { timeout: 2 * minutes }, (_, config) => {
    const property = fc.property(fc.nat(50), lists, (n, ops) => replay(config, n, ops, listed));
    fc.assert(property, { numRuns: 2, seed: seed | 0 });
  });
});
