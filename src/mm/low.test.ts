/** Pages that their owner wants a tier further down are taken there, without anybody making room; where that cannot be, as others are. */
import { describe, expect, test } from "vitest";
import { bootEngine, type EngineSpec, TWINS } from "../../test/support/engine.ts";
import { MPOL_BIND, MPOL_PREFERRED } from "./mempolicy.ts";

const FAULT_LOW = 4;

describe.each(TWINS)("pages for a lower tier (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}) =>
    bootEngine({
      engine,
      lru: "classic",
      nodes: [
        { pages: 256, watermarks: [8, 16, 24, 32] },
        { pages: 256, tier: 1, watermarks: [8, 16, 24, 32] },
        { pages: 256, tier: 2, watermarks: [8, 16, 24, 32] },
      ],
      ...spec,
    });

  test("on the node to which pages go down, and nothing moves for it", () => {
    const memory = boot();
    const pages = memory.map(100);
    for (let page = 0; page < 100; page++) expect(pages.access(page, FAULT_LOW)).toBe(0);
    expect([0, 1, 2].map((nid) => pages.countAt(nid))).toEqual([0, 100, 0]);
    const { pgmigrate_success, numa_hit, numa_miss } = memory.vmstat();
    expect([pgmigrate_success, numa_hit, numa_miss]).toEqual([0, 100, 0]);
    pages.unmap();
  });

  test("never below min there: what finds no room is placed as others are", () => {
    const memory = boot({ nodes: [{ pages: 256 }, { pages: 64, tier: 1, watermarks: [8, 16, 24, 32] }], steps: 0 });
    const pages = memory.map(100);
    for (let page = 0; page < 100; page++) expect(pages.access(page, FAULT_LOW)).toBe(0);
    expect(pages.countAt(1)).toBeLessThanOrEqual(56);
    expect(pages.countAt(1)).toBeGreaterThan(40);
    expect(pages.countAt(0) + pages.countAt(1)).toBe(100);
  });

  test("only where policy and group allow, and only where something could go down", () => {
    const places = (spec: Partial<EngineSpec>, policy: { policy?: number; mask?: number }) => {
      const memory = boot(spec);
      const pages = memory.map(20, policy);
      for (let page = 0; page < 20; page++) expect(pages.access(page, FAULT_LOW)).toBe(0);
      expect(memory.vmstat().policy_violations).toBe(0);
      return [0, 1, 2].map((nid) => pages.countAt(nid));
    };
    expect(places({}, { policy: MPOL_BIND, mask: 1 })).toEqual([20, 0, 0]);
    expect(places({}, { policy: MPOL_BIND, mask: 5 })).toEqual([0, 0, 20]);
    expect(places({}, { policy: MPOL_PREFERRED, mask: 2 })).toEqual([0, 0, 20]);
    expect(places({ behaviours: { demotion: false } }, {})).toEqual([20, 0, 0]);
    const memory = boot();
    const pages = memory.map(20, { memcg: memory.group(5) });
    for (let page = 0; page < 20; page++) expect(pages.access(page, FAULT_LOW)).toBe(0);
    expect([0, 1, 2].map((nid) => pages.countAt(nid))).toEqual([0, 0, 20]);
  });
});
