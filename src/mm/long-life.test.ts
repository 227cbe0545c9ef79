/**
 * What the engine counts in words that wrap, around 2^24, 2^31 and 2^32: generations, ages, activations, and the clock in
 * milliseconds. Runs that begin shortly before must do exactly what one that begins at 0 does. Counts that do not wrap are
 * shown to have a bound.
 */
import { describe, expect, test } from "vitest";
import { seeded } from "../../test/property/source.ts";
import { bootEngine, type EngineSpec, TWINS } from "../../test/support/engine.ts";
import { L_EVICTED, L_REFAULTED, lru, lruvecOf } from "./layout.ts";
import { addTier } from "./lru-gen-ctrl.ts";

const EDGES = [2 ** 24, 2 ** 31, 2 ** 32];

/** A working set larger than memory, swept and returned to, with idle time between. */
function run(spec: Partial<EngineSpec>): unknown {
  using engine = bootEngine({
    nodes: [{ pages: 256 }, { pages: 512, tier: 1 }],
    swap: 2048,
    seed: 5,
    behaviours: { promotion: true },
    ...spec,
  });
  const pages = engine.map(1400);
  const files = engine.map(300, { file: true });
  const { below } = seeded(9);
  for (let i = 0; i < (spec.engine === "js" ? 3000 : 6000); i++) {
    const r = below(4) === 0 ? below(1400) : below(600);
    if (i % 9 === 0) files.access(below(300), 0);
    pages.access(r, i % 3 === 0 ? 1 : 0);
    engine.clock.advance(below(3));
    if (i % 500 === 499) engine.clock.advance(5000);
    engine.vm.turn();
  }
  engine.check();
  return engine.vmstat();
}

describe.each(TWINS)("%s", (engine) => {
  describe.each(["classic", "mglru"] as const)("%s", (lru) => {
    // The clock begins late enough for what is due after a minute to be due.
    const usual = run({ engine, lru, startTime: 2 ** 20 });
    test.each(EDGES)("counts around %d", (edge) => {
      for (const before of [8, 256]) {
        expect(run({ engine, lru, startTime: 2 ** 20, initialCount: edge - before })).toEqual(usual);
      }
    });
    test.each(EDGES)("milliseconds around %d", (edge) => {
      expect(run({ engine, lru, startTime: edge - 20_000 })).toEqual(usual);
    });
  });
});

test("a generation that lasts counts with a bound, and keeps the proportion", () => {
  const engine = bootEngine({ nodes: [{ pages: 256 }], lru: "mglru" });
  engine.vm.inspect();
  const lv = lruvecOf(0, 0);
  for (let i = 0; i < 2000; i++) {
    addTier(lv, L_EVICTED, 1, 0, 2 ** 22);
    addTier(lv, L_REFAULTED, 1, 0, 2 ** 20);
    expect(lru(lv, L_EVICTED + 16)).toBeLessThan(2 ** 28);
  }
  expect(lru(lv, L_EVICTED + 16) / lru(lv, L_REFAULTED + 16)).toBeCloseTo(4, 0);
});
