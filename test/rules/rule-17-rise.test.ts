/**
 * Rule 17: what can rise, rises, to the best node that its owner allows and that has or can make room; what can never rise is
 * not marked; and promotions are judged by what they push out. With either design of the lists (vitest.config.ts).
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bind,
  interleave,
  type MapOptions,
  openMemorySync,
  preferred,
  type Region,
  simCrank,
} from "../../src/index.ts";
import { LRU } from "../support/engine.ts";

const PAGE = 4096;
const MIB = 2 ** 20;

function open(nodes: Record<string, readonly [mib: number, tier?: number]>, more: object = {}) {
  const crank = simCrank();
  const kinds = Object.fromEntries(
    Object.entries(nodes).map(([name, [mib, tier = 0]]) => [name, { kind: "model" as const, size: mib * MIB, tier }]),
  );
  const memory = openMemorySync({ pretouch: false, nodes: kinds, lru: LRU, engine: "wasm", ...more }, { crank });
  const fill = (region: Region): Region => {
    for (let page = 0; page < Math.floor(region.size / PAGE); page++) region.translate(page * PAGE, "write");
    return region;
  };
  const map = (mib: number, options: MapOptions = {}): Region => fill(memory.map(Math.floor(mib * MIB), options));
  /** Touch all pages every 50 ms for so many seconds. */
  const heat = (seconds: number, ...regions: Region[]): void => {
    for (let i = 0; i < seconds * 20; i++) {
      crank.advance(50);
      for (const r of regions) for (let at = 0; at < r.size; at += PAGE) r.translate(at);
      memory.tick();
    }
  };
  const sink = (region: Region): void => {
    region.advise("cold");
    memory.reclaim(region.size, { nodes: ["dram"], mode: "demote" });
  };
  return { memory, crank, map, fill, heat, sink };
}
function on(region: Region, node: number): number {
  let n = 0;
  for (let page = 0; page < Math.floor(region.size / PAGE); page++) if (region.placeCode(page) === node) n++;
  return n;
}

describe("rule 17, what can rise, rises", () => {
  test("home full of what is locked: its peer takes the hot pages, whichever of the two is home", () => {
    for (const home of ["d0", "d1"]) {
      const other = home === "d0" ? "d1" : "d0";
      const { memory, map, heat } = open({ d0: [4], d1: [4], slow: [16, 1] }, { home });
      map(3.7, { policy: bind(home), locked: true });
      const blocker = map(3.7, { policy: bind(other), locked: true });
      const hot = map(2);
      blocker.unmap();
      heat(10, hot);
      expect(on(hot, 2)).toBe(0);
      memory.check();
    }
  });

  test.each([
    ["default", {}],
    ["preferred", { policy: preferred("dram") }],
    ["locked", { locked: true }],
    ["large folios", { folio: "64KiB" as const }],
  ] as [string, MapOptions][])("%s pages that a burst put on the slow node come back", (_, options) => {
    const { memory, map, heat } = open({ dram: [4], slow: [16, 1] });
    const blocker = map(3.7, { policy: bind("dram"), locked: true });
    const hot = map(2, options);
    expect(on(hot, 1)).toBeGreaterThan(400);
    blocker.unmap();
    heat(10, hot);
    expect(on(hot, 0)).toBe(512);
    memory.check();
  });

  test("of an interleaved region those come back whose turn it was; the others stay, unmarked", () => {
    const { memory, map, heat } = open({ dram: [4], slow: [16, 1] });
    const blocker = map(3.7, { policy: bind("dram"), locked: true });
    const hot = map(2, { policy: interleave("dram", "slow") });
    blocker.unmap();
    heat(10, hot);
    expect([on(hot, 0), on(hot, 1)]).toEqual([256, 256]);
    const before = memory.vmstat().numa_pte_updates;
    heat(5, hot);
    expect(memory.vmstat().numa_pte_updates).toBe(before);
    memory.check();
  });

  test("the top tier is full of what is locked, or hotter: the middle one takes them", () => {
    const { memory, map, heat } = open({ dram: [4], mid: [8, 1], slow: [32, 2] });
    map(3.7, { policy: bind("dram"), locked: true });
    const hot = map(2, { policy: bind("slow") });
    hot.setPolicy(bind("dram", "mid", "slow"));
    heat(10, hot);
    expect(on(hot, 2)).toBe(0);
    // But for the few that the top tier has room for.
    expect(on(hot, 1)).toBeGreaterThan(440);
    memory.check();
  });

  test("what can never rise is not marked: bound, at its wish, or below what is full of locked pages", () => {
    const { memory, map, heat } = open({ dram: [4], slow: [16, 1] });
    const still = [map(1, { policy: bind("slow") }), map(1, { policy: preferred("slow") })];
    heat(5, ...still);
    expect(memory.vmstat()).toMatchObject({ numa_pte_updates: 0, numa_hint_faults: 0 });
    map(3.7, { policy: bind("dram"), locked: true });
    const hot = map(1);
    // What room there is, they take.
    heat(5, hot);
    const { numa_pte_updates, numa_hint_faults } = memory.vmstat();
    expect(on(hot, 1)).toBeGreaterThan(100);
    heat(5, hot);
    expect(memory.vmstat()).toMatchObject({ numa_pte_updates, numa_hint_faults });
    expect(still.map((r) => on(r, 1))).toEqual([256, 256]);
  });

  test("beside a sparse mapping, wherever its few pages are, hot pages come up as soon as without", () => {
    const { memory, map, heat, sink } = open({ dram: [8], slow: [16, 1] }, { addressSpace: "20GiB" });
    const sparse = memory.map("16GiB");
    for (let i = 0; i < 16; i++) sparse.translate(i * 2 ** 30, "write");
    const hot = map(2);
    sink(hot);
    map(8);
    heat(3, hot);
    expect(on(hot, 0)).toBeGreaterThan(480);
    memory.check();
  });

  test("a loop of hits that never waits for anything sees its hot pages come up", () => {
    const { memory, map, crank, sink } = open({ dram: [8], slow: [16, 1] });
    const hot = map(1);
    sink(hot);
    map(7.9);
    for (let i = 0; i < 400_000; i++) {
      crank.advance(0.005);
      hot.translate((i % 256) * PAGE);
    }
    expect(on(hot, 0)).toBeGreaterThan(240);
    memory.check();
  });

  test("uniform access to more than the fast node holds promotes next to nothing; a hot set that follows comes up", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.constantFrom(6, 12, 20), (seed, mib) => {
        const { memory, map, crank, heat } = open({ dram: [4], slow: [32, 1] });
        const region = map(mib);
        const pages = region.size / PAGE;
        let x = seed;
        const touch = (n: number) => {
          for (let i = 0; i < n; i++) {
            x ^= x << 13;
            x ^= x >>> 17;
            x ^= x << 5;
            region.translate(((x >>> 0) % pages) * PAGE);
            if (i % 10 === 0) crank.advance(1);
            if (i % 500 === 0) memory.tick();
          }
        };
        touch(20_000);
        const before = memory.vmstat().pgpromote_success;
        touch(60_000);
        expect(memory.vmstat().pgpromote_success - before).toBeLessThan(60_000 / 40);
        const hot = map(2);
        heat(15, hot);
        expect(on(hot, 0)).toBeGreaterThan(460);
        memory.check();
      }),
      { numRuns: 4 },
    );
  });
});
