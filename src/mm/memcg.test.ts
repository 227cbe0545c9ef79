import { describe, expect, test } from "vitest";
import { bootEngine, type EngineSpec, type TestEngine, TWINS } from "../../test/support/engine.ts";
import { ENOMEM } from "./errno.ts";
import { C_HIGH, C_LOW, C_MAX, C_MIN, C_SWAP, C_USAGE, MAX_MEMCG } from "./layout.ts";
import { PAGE_COUNTER_MAX } from "./memcg.ts";

describe.each(TWINS)("groups (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      swap: 1024,
      nodes: [
        { pages: 256, watermarks: [8, 16, 24, 32] },
        { pages: 256, tier: 1, watermarks: [8, 16, 24, 32] },
      ],
      ...spec,
    });
  const usage = (memory: TestEngine, ...groups: number[]) => groups.map((cg) => memory.memcg(cg, C_USAGE));

  test("pages are charged to the group and all above it, in memory and in swap", () => {
    const memory = boot();
    const a = memory.group(3);
    const child = memory.group(3, a);
    const b = memory.group(3);
    const mine = memory.map(30, { memcg: child }).touch();
    memory.map(20, { memcg: b }).touch();
    memory.map(10).touch();
    expect(usage(memory, child, a, b, 0)).toEqual([30, 30, 20, 60]);
    expect(mine.pageout(0, 12)).toBe(12);
    expect(usage(memory, child, a, b, 0)).toEqual([18, 18, 20, 48]);
    expect([child, a, b, 0].map((cg) => memory.memcg(cg, C_SWAP))).toEqual([12, 12, 0, 12]);
    mine.touch();
    expect([memory.memcg(a, C_USAGE), memory.memcg(a, C_SWAP)]).toEqual([30, 0]);
    mine.unmap();
    expect(usage(memory, child, a, 0)).toEqual([0, 0, 30]);
  });

  test("max: never passed; the group reclaims from itself, and nobody else from it", () => {
    const memory = boot({ steps: 0 });
    const a = memory.group(3);
    const other = memory.map(50).fill().chill();
    memory.calls.setLimit(a, C_MAX, 60);
    const pages = memory.map(150, { memcg: a });
    for (let page = 0; page < 150; page++) {
      expect(pages.write(page)).toBe(0);
      expect(memory.memcg(a, C_USAGE)).toBeLessThanOrEqual(60);
    }
    expect(other.countAt(0)).toBe(50);
    expect(memory.vmstat().max).toBeGreaterThan(0);
    pages.verify();
  });

  test("max of an ancestor binds the children together", () => {
    const memory = boot({ steps: 0 });
    const parent = memory.group(3);
    const children = [memory.group(3, parent), memory.group(3, parent)];
    memory.calls.setLimit(parent, C_MAX, 80);
    const maps = children.map((memcg) => memory.map(70, { memcg }));
    for (let page = 0; page < 70; page++) {
      for (const pages of maps) expect(pages.write(page)).toBe(0);
      expect(memory.memcg(parent, C_USAGE)).toBeLessThanOrEqual(80);
    }
    for (const pages of maps) pages.verify();
  });

  test("max without anything to reclaim: no memory, nothing charged, nothing lost", () => {
    const memory = boot({ swap: 0 });
    const a = memory.group(3);
    memory.calls.setLimit(a, C_MAX, 40);
    const pages = memory.map(60, { memcg: a });
    const results = Array.from({ length: 60 }, (_, page) => pages.write(page));
    expect(results.filter((r) => r === 0).length).toBe(40);
    expect(results.at(-1)).toBe(ENOMEM);
    expect(memory.memcg(a, C_USAGE)).toBe(40);
    expect(memory.groupVmstat(a).oom).toBe(20);
    pages.verify(0, 40);
    memory.calls.setLimit(a, C_MAX, PAGE_COUNTER_MAX);
    expect(pages.write(59)).toBe(0);
  });

  test("high: may be passed, but the group is cut back as it grows", () => {
    const memory = boot({ steps: 0 });
    const a = memory.group(3);
    memory.calls.setLimit(a, C_HIGH, 60);
    const pages = memory.map(150, { memcg: a }).fill();
    expect(memory.memcg(a, C_USAGE)).toBeLessThanOrEqual(70);
    expect(memory.vmstat().high).toBeGreaterThan(0);
    const stuck = boot({ steps: 0, swap: 0 });
    const b = stuck.group(3);
    stuck.calls.setLimit(b, C_HIGH, 60);
    stuck.map(100, { memcg: b }).fill();
    expect(stuck.memcg(b, C_USAGE), "high never fails").toBe(100);
    pages.verify();
  });

  /** Idle pages of a protected group, and more than enough pressure from another. */
  const protectedBy = (limit: number, pages: number, spec: { child?: boolean } = {}) => {
    // Callers reclaim: they override low only when nothing else is left, kswapd when one run of it found nothing.
    const memory = boot({ nodes: [{ pages: 256, watermarks: [8, 16, 24, 32] }], steps: 0 });
    const tenant = memory.group(1);
    memory.calls.setLimit(tenant, limit, pages);
    const memcg = spec.child ? memory.group(1, tenant) : tenant;
    const idle = memory.map(100, { memcg }).fill().chill();
    const noisy = memory.map(600, { memcg: memory.group(1) });
    for (let round = 0; round < 3; round++) noisy.touch();
    const left = idle.countAt(0);
    const { low } = memory.vmstat();
    idle.verify();
    return { left, low };
  };

  test("min: below it nothing is ever taken; above it only what is above, about", () => {
    expect(protectedBy(C_MIN, 100).left).toBe(100);
    expect(protectedBy(C_MIN, 100, { child: true }).left, "a cache in the tenant").toBe(100);
    const half = protectedBy(C_MIN, 50).left;
    expect(half).toBeGreaterThanOrEqual(50 - 32);
    expect(half).toBeLessThan(100);
  });

  test("low: respected while there is something else to take", () => {
    const { left, low } = protectedBy(C_LOW, 100);
    expect([left, low]).toEqual([100, 0]);
  });

  test("low is overridden before memory runs out, min is not", () => {
    for (const [limit, yields] of [
      [C_LOW, true],
      [C_MIN, false],
    ] as const) {
      const memory = boot({ nodes: [{ pages: 256, watermarks: [8, 16, 24, 32] }], steps: 0 });
      const tenant = memory.group(1);
      memory.calls.setLimit(tenant, limit, 250);
      const idle = memory.map(240, { memcg: tenant }).fill().chill();
      const locked = memory.map(60, { locked: true });
      const results = Array.from({ length: 60 }, (_, page) => locked.write(page));
      expect(results.every((r) => r === 0)).toBe(yields);
      expect(idle.countAt(0) < 240).toBe(yields);
      expect(memory.vmstat().low > 0).toBe(yields);
      idle.verify();
    }
  });

  test("a group is not protected from its own limit", () => {
    const memory = boot({ steps: 0 });
    const a = memory.group(3);
    memory.calls.setLimit(a, C_MIN, 1000);
    memory.calls.setLimit(a, C_MAX, 50);
    memory.map(100, { memcg: a }).fill().verify();
    expect(memory.memcg(a, C_USAGE)).toBeLessThanOrEqual(50);
  });

  test("without protection the same pressure takes the idle pages", () => {
    expect(protectedBy(C_LOW, 0).left).toBeLessThan(20);
  });

  test("a group is removed only when nothing belongs to it; its number is used again", () => {
    const memory = boot();
    const a = memory.group(3);
    const child = memory.group(3, a);
    const pages = memory.map(4, { memcg: child });
    expect([memory.calls.destroyMemcg(a), memory.calls.destroyMemcg(child)]).toEqual([1, 1]);
    pages.touch().pageout();
    expect(memory.calls.destroyMemcg(child)).toBe(1);
    pages.unmap();
    expect([memory.calls.destroyMemcg(child), memory.calls.destroyMemcg(a)]).toEqual([0, 0]);
    const made: number[] = [];
    for (let id = memory.group(3); id >= 0; id = memory.group(3)) made.push(id);
    expect(made).toEqual(Array.from({ length: MAX_MEMCG - 1 }, (_, i) => i + 1));
    for (const id of made) memory.calls.destroyMemcg(id);
  });
});
