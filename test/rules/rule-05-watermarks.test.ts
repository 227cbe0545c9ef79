/**
 * Rule 5, watermarks: min, low, high and promo by Linux's formulas, scalable; kswapd wakes under low and sleeps at high
 * (promo on the top tier while promotion is on, unless it is to be lean); the caller reclaims directly only below min.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { N_PAGES, N_WMARK_HIGH, N_WMARK_LOW, N_WMARK_MIN, N_WMARK_PROMO, node, setNode } from "../../src/mm/layout.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { minFreeKbytes } from "../../src/mm/node.ts";
import { bootEngine, type EngineSpec, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 40] as const;
const [MIN, LOW, HIGH, PROMO] = marks;

/** calculate_min_free_kbytes() in whole numbers. */
function expectedMinFree(lowmemPages: bigint): bigint {
  const square = lowmemPages * 4n * 16n;
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((root + bit) ** 2n <= square) root += bit;
  return root < 128n ? 128n : root > 262144n ? 262144n : root;
}
/** __setup_per_zone_wmarks() in whole numbers: [min, low, high, promo]. */
function expectedMarks(pages: bigint, movable: boolean, lowmem: bigint, minFree: bigint, scale: bigint): number[] {
  const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
  const share = ((minFree / 4n) * pages) / lowmem;
  const clamped = pages / 1024n < 32n ? 32n : pages / 1024n > 128n ? 128n : pages / 1024n;
  const min = movable ? clamped : share;
  const gap = max(share / 4n, (pages * scale) / 10000n);
  return [min, min + gap, min + 2n * gap, min + 3n * gap].map(Number);
}

describe.each(TWINS)("rule 5, watermarks (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      steps: 0,
      swap: 2048,
      nodes: [
        { pages: 256, watermarks: marks },
        { pages: 256, tier: 1, watermarks: marks },
      ],
      ...spec,
    });
  const marksOf = (memory: TestEngine, nid: number): number[] =>
    [N_WMARK_MIN, N_WMARK_LOW, N_WMARK_HIGH, N_WMARK_PROMO].map((field) => memory.node(nid, field));
  /** The marks of nodes of other sizes than were booted: only the formulas look at them. */
  const marksFor = (sizes: readonly number[], tiers: readonly number[], minFree: number, scale: number): number[][] => {
    using memory = bootEngine({ engine, bytes: false, nodes: tiers.map((tier) => ({ pages: 64, tier })) });
    memory.vm.inspect();
    sizes.forEach((pages, nid) => void setNode(nid, N_PAGES, pages));
    memory.calls.setupWatermarks(minFree, scale);
    const found = sizes.map((_, nid) => marksOf(memory, nid));
    sizes.forEach((_, nid) => void setNode(nid, N_PAGES, 64));
    return found;
  };

  test("known machines", () => {
    // 1 GiB: sqrt(16 x 1 Mi) = 4096 kB = 1024 pages; gap = max(256, 262).
    expect(marksFor([262144], [0], 0, 10)).toEqual([[1024, 1286, 1548, 1810]]);
    // 4 MiB: sqrt(16 x 4096) = 256 kB = 64 pages; gap = max(16, 1).
    expect(marksFor([1024], [0], 0, 10)).toEqual([[64, 80, 96, 112]]);
    // A movable node beside it: managed / 1024, at least 32; the gap is that of its share, 64 x 65536 / 1024 / 4.
    expect(marksFor([1024, 65536], [0, 1], 0, 10)[1]).toEqual([64, 1088, 2112, 3136]);
    expect(marksFor([1024, 8192], [0, 1], 0, 10)[1]?.[0]).toBe(32);
    expect(marksFor([1024, 1 << 20], [0, 1], 0, 10)[1]?.[0]).toBe(128);
    // Two nodes share min_free_kbytes by size: sqrt(16 x 4 x 40960) = 1619 kB = 404 pages.
    expect(marksFor([8192, 32768], [0, 0], 0, 10).map((m) => m[0])).toEqual([80, 323]);
    // watermark_scale_factor 1000 = 10 %.
    expect(marksFor([10000], [0], 4000, 1000)).toEqual([[1000, 2000, 3000, 4000]]);
  });

  test("min_free_kbytes is clamped to 128 and 262144", () => {
    expect([1, 255, 256, 257, 262144, 2 ** 30, 2 ** 31 - 1].map(minFreeKbytes)).toEqual([
      128, 128, 128, 128, 4096, 262144, 262144,
    ]);
    expect(minFreeKbytes(300)).toBe(138);
  });

  test("any sizes, scale factor and min_free_kbytes", () => {
    const size = fc.integer({ min: 64, max: 1 << 26 });
    const args = [fc.tuple(size, size, size), fc.constantFrom([0, 0, 1], [0, 1, 2], [0, 0, 0])] as const;
    const minFree = fc.oneof(fc.constant(0), fc.integer({ min: 128, max: 262144 }));
    fc.assert(
      fc.property(...args, minFree, fc.integer({ min: 1, max: 3000 }), (sizes, tiers, kb, scale) => {
        const lowmem = sizes.reduce((sum, pages, nid) => sum + (tiers[nid] === 0 ? BigInt(pages) : 0n), 0n);
        // Not more than a twentieth of memory: beyond that a node would be all reserve.
        const given = Math.min(kb, Number(lowmem / 5n));
        const free = given > 0 ? BigInt(given) : expectedMinFree(lowmem);
        const expected = sizes.map((pages, nid) =>
          expectedMarks(BigInt(pages), tiers[nid] !== 0, lowmem, free, BigInt(scale)),
        );
        expect(marksFor(sizes, tiers, given, scale)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  test("kswapd is woken by the first allocation that finds free pages at low", () => {
    const memory = boot();
    const pages = memory.map(248);
    for (let page = 0; page < pages.count; page++) {
      const free = memory.free(0);
      pages.touch(page, page + 1);
      expect(memory.awake(0), `${free} free`).toBe(free <= LOW);
    }
    memory.settle();
  });

  test.each([
    ["the top tier with promotion on", 0, true, false, PROMO],
    ["the top tier with promotion on, lean", 0, true, true, HIGH],
    ["the top tier with promotion off", 0, false, false, HIGH],
    ["a lower tier", 1, true, true, HIGH],
  ])("kswapd of %s sleeps once free pages are above its goal, and no sooner", (_, nid, promotion, lean, goal) => {
    const memory = boot({ behaviours: { promotion: promotion as boolean, lean: lean as boolean } });
    memory
      .map(248, { policy: MPOL_BIND, mask: 1 << (nid as number) })
      .touch()
      .chill();
    expect(memory.awake(nid as number)).toBe(true);
    const seen: number[] = [];
    while (memory.awake(nid as number)) {
      memory.calls.kswapdStep(nid as number);
      seen.push(memory.free(nid as number));
      expect(memory.awake(nid as number)).toBe(memory.free(nid as number) <= (goal as number));
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(memory.vmstat()).toMatchObject({ pageoutrun: 1, allocstall_normal: 0 });
  });

  test("a caller reclaims only when it finds free pages at min, and then each time", () => {
    const memory = boot({ behaviours: { tierFirst: true } });
    const pages = memory.map(700);
    let stalls = 0;
    for (let page = 0; page < pages.count; page++) {
      if (memory.free(0) <= MIN) stalls++;
      pages.touch(page, page + 1);
      expect(memory.vmstat().allocstall_normal).toBe(stalls);
    }
    expect(stalls).toBeGreaterThan(5);
    expect(memory.vmstat()).toMatchObject({ pgscan_kswapd: 0, pageoutrun: 0 });
    memory.settle();
  });

  test.each(["lieu", "linux"] as const)("%s: with kswapd given its turns, no caller ever has to reclaim", (preset) => {
    const memory = boot({ preset, steps: 256 });
    memory.map(2000).touch();
    expect(memory.vmstat().allocstall_normal).toBe(0);
    expect(memory.vmstat().pageoutrun).toBeGreaterThan(0);
  });

  test("without tierFirst, the caller falls back to a slower node at low before anything is reclaimed", () => {
    const memory = boot({ preset: "linux" });
    const pages = memory.map(480).touch();
    expect([memory.free(0), memory.free(1)]).toEqual([LOW, LOW]);
    expect(memory.vmstat()).toMatchObject({ pgscan_kswapd: 0, pgscan_direct: 0, allocstall_normal: 0 });
    expect([memory.awake(0), memory.awake(1)]).toEqual([false, false]);
    expect([pages.countAt(0), pages.countAt(1)]).toEqual([240, 240]);
    expect(node(0, N_PAGES)).toBe(256);
  });
});
