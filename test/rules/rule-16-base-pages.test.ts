/**
 * Rule 16: base pages everywhere. Promotion offers, counts and limits are in base pages, once a look, whatever the folio's size;
 * a folio that does not fit is split; neither it nor others starve; nothing is split for a target without room for a page.
 */
import { describe, expect, test } from "vitest";
import { openMemorySync, type Region, simCrank } from "../../src/index.ts";
import { LRU } from "../support/engine.ts";

const PAGE = 4096;
const MIB = 2 ** 20;
const FOLIOS = ["8KiB", "64KiB", "128KiB", "512KiB", "2MiB"] as const;

function open(dram: number, slow: number, promotion: object = {}) {
  const crank = simCrank();
  const nodes = {
    dram: { kind: "model" as const, size: dram * MIB },
    slow: { kind: "model" as const, size: slow * MIB, tier: 1 },
  };
  const swap = [{ kind: "null" as const, size: 64 * MIB }];
  const memory = openMemorySync({ pretouch: false, nodes, swap, promotion, lru: LRU }, { crank });
  const fill = (region: Region): Region => {
    for (let at = 0; at < region.size; at += PAGE) region.translate(at, "write");
    return region;
  };
  const heat = (rounds: number, ...regions: Region[]): void => {
    for (let i = 0; i < rounds; i++) {
      crank.advance(50);
      for (const r of regions) for (let at = 0; at < r.size; at += PAGE) r.translate(at);
      memory.tick();
    }
  };
  const sink = (region: Region): void => {
    region.advise("cold");
    memory.reclaim(region.size, { nodes: ["dram"], mode: "demote" });
  };
  return { memory, fill, heat, sink };
}
function up(region: Region): number {
  let n = 0;
  for (let page = 0; page < region.size / PAGE; page++) if (region.placeCode(page) === 0) n++;
  return n;
}

describe("rule 16, base pages everywhere", () => {
  test.each(FOLIOS)("hot folios of %s come up past a full node, though there is no such block", (folio) => {
    for (const dram of [8, 16]) {
      const { memory, fill, heat, sink } = open(dram, 32);
      const hot = fill(memory.map(2 * MIB, { folio }));
      sink(hot);
      expect(up(hot)).toBe(0);
      fill(memory.map(dram * MIB));
      heat(600, hot);
      expect(up(hot)).toBe(512);
      memory.check();
    }
  });

  test.each(FOLIOS)("a folio of %s is one offer a look, in base pages", (folio) => {
    const { memory, fill, heat, sink } = open(8, 32, { rateLimit: "4MiB" });
    const hot = fill(memory.map(2 * MIB, { folio }));
    sink(hot);
    fill(memory.map(8 * MIB));
    const before = memory.vmstat();
    heat(20, hot);
    const after = memory.vmstat();
    // A look every 100 ms: ten in a second.
    expect(after.pgpromote_candidate - before.pgpromote_candidate).toBeLessThanOrEqual(11 * 512);
    expect(after.numa_hint_faults - before.numa_hint_faults).toBeLessThanOrEqual(11 * 512);
  });

  test("a rate smaller than a folio lets it through in time, and base pages beside it", () => {
    const { memory, fill, heat, sink } = open(16, 32, { rateLimit: "1MiB" });
    const large = fill(memory.map(4 * MIB, { folio: "2MiB" }));
    const small = fill(memory.map(1 * MIB));
    sink(large);
    sink(small);
    fill(memory.map(14 * MIB));
    heat(400, large, small);
    expect([up(large), up(small)]).toEqual([1024, 256]);
    memory.check();
  });

  test("nothing is split for a node without room for a page", () => {
    const { memory, fill, heat, sink } = open(8, 32);
    const hot = fill(memory.map(4 * MIB, { folio: "2MiB" }));
    sink(hot);
    fill(memory.map(7.9 * MIB, { locked: true }));
    const before = memory.vmstat().thp_split_page;
    heat(100, hot);
    expect([up(hot), memory.vmstat().thp_split_page]).toEqual([0, before]);
    memory.check();
  });
});
