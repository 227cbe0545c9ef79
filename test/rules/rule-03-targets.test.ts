/**
 * Rule 3, targets: strictly lower tier; the nearest node of the next tier first, ties spread at random; then any lower
 * tier; the owner's mems and policy restrict both the check and the choice; no cycles; nodes of one tier never demote to
 * each other. (Balancing, the exception that the user must turn on, has rule-03-balancing.test.ts.)
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_ANON,
  N_DEMOTE_ALLOWED,
  N_DEMOTE_PREFERRED,
  N_TIER,
} from "../../src/mm/layout.ts";
import { nextDemotionNode } from "../../src/mm/memory-tiers.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import {
  bootEngine,
  type EngineSpec,
  LRU,
  type MapSpec,
  type Pages,
  type TestEngine,
  TWINS,
} from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const tiers = (...list: number[]) => list.map((tier) => ({ pages: 256, tier, watermarks: marks }));
const topology = fc.integer({ min: 1, max: 8 }).chain((n) =>
  fc.record({
    adistances: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: n, maxLength: n }),
    distances: fc.array(fc.array(fc.integer({ min: 11, max: 14 }), { minLength: n, maxLength: n }), {
      minLength: n,
      maxLength: n,
    }),
  }),
);

describe.each(TWINS)("rule 3, targets (%s)", (engine) => {
  const boot = (spec: Pick<EngineSpec, "nodes"> & Partial<EngineSpec>): TestEngine =>
    bootEngine({ engine, steps: 0, swap: 1024, ...spec });
  const bits = (mask: number): number[] => [...Array(16).keys()].filter((nid) => (mask & (1 << nid)) !== 0);
  /** Demote pages of node 0 until `pages` has none there. */
  const demoteAll = (memory: TestEngine, pages: Pages): void => {
    pages.chill();
    while (pages.countAt(0) > 0) expect(memory.reclaim(32, 1, 1)).toBeGreaterThan(0);
  };

  test("preferred and allowed of any topology are as defined; every path of demotion ends", () => {
    fc.assert(
      fc.property(topology, ({ adistances, distances }) => {
        using memory = boot({
          nodes: adistances.map((adistance) => ({ pages: 64, adistance })),
          distances,
          swap: 0,
          bytes: false,
        });
        const tier = adistances.map((a) => Math.floor(a / 128));
        const longest = (nid: number): number => {
          const next = bits(memory.node(nid, N_DEMOTE_ALLOWED));
          expect(next.every((t) => (tier[t] as number) > (tier[nid] as number))).toBe(true);
          return next.length === 0 ? 0 : 1 + Math.max(...next.filter((t) => tier[t] === tier[next[0]!]).map(longest));
        };
        tier.forEach((mine, nid) => {
          expect(memory.node(nid, N_TIER)).toBe(mine);
          const lower = [...tier.keys()].filter((t) => (tier[t] as number) > mine);
          const nextTier = Math.min(...lower.map((t) => tier[t] as number));
          const next = lower.filter((t) => tier[t] === nextTier);
          const least = Math.min(...next.map((t) => distances[nid]?.[t] as number));
          expect(bits(memory.node(nid, N_DEMOTE_ALLOWED))).toEqual(lower);
          expect(bits(memory.node(nid, N_DEMOTE_PREFERRED))).toEqual(next.filter((t) => distances[nid]?.[t] === least));
          expect(longest(nid)).toBeLessThan(new Set(tier).size);
        });
      }),
      { numRuns: 60 },
    );
  });

  test("the nearest node of the next tier is taken, though a lower tier is nearer", () => {
    const memory = boot({
      nodes: tiers(0, 1, 1, 2),
      distances: [
        [10, 40, 30, 15],
        [40, 10, 20, 20],
        [30, 20, 10, 20],
        [15, 20, 20, 10],
      ],
    });
    const pages = memory.map(100).fill();
    demoteAll(memory, pages);
    expect(pages.countAt(2)).toBe(100);
    pages.verify();
  });

  test("ties are spread at random", () => {
    const memory = boot({ nodes: [{ pages: 1024 }, ...Array(3).fill({ pages: 512, tier: 1 })], swap: 0, seed: 7 });
    const pages = memory.map(900).fill();
    demoteAll(memory, pages);
    const spread = [1, 2, 3].map((nid) => pages.countAt(nid));
    expect(chiSquare(spread), `${spread}`).toBeLessThan(13.8); // p = 0.001 at 2 degrees of freedom
    // Pairs of neighbours tell chance from taking turns: 8 degrees of freedom.
    const pairs = Array(9).fill(0);
    for (let i = 0; i < 900; i += 2) pairs[(pages.place(i) - 1) * 3 + pages.place(i + 1) - 1]++;
    expect(chiSquare(pairs), `${pairs}`).toBeLessThan(26.1);
  });

  test.each(["lieu", "linux"] as const)("%s: any lower tier will do when the preferred node has no room", (preset) => {
    const memory = boot({ nodes: tiers(0, 1, 2), preset });
    memory.map(248, { policy: MPOL_BIND, mask: 2, locked: true }).fill();
    const pages = memory.map(100).fill();
    demoteAll(memory, pages);
    expect(pages.countAt(2)).toBe(100);
  });

  test("a preferred target is used up before another is tried", () => {
    const memory = boot({ nodes: tiers(0, 1, 2), preset: "linux" });
    memory.map(200, { policy: MPOL_BIND, mask: 2, locked: true }).fill();
    const pages = memory.map(100).fill();
    demoteAll(memory, pages);
    expect([pages.countAt(1), pages.countAt(2)]).toEqual([48, 52]);
    expect(memory.free(1)).toBe(8);
  });

  const owners: [string, (memory: TestEngine, mask: number) => MapSpec][] = [
    ["mems", (memory, mask) => ({ memcg: memory.group(mask) })],
    ["policy", (_, mask) => ({ policy: MPOL_BIND, mask })],
  ];
  describe.each(owners)("the owner's %s restrict", (_, restrict) => {
    test("the choice: a next tier that is not allowed is skipped for one that is", () => {
      const memory = boot({ nodes: tiers(0, 1, 2) });
      const pages = memory.map(100, restrict(memory, 0b101)).fill();
      const free = memory.map(50).fill();
      demoteAll(memory, pages);
      demoteAll(memory, free);
      expect([pages.countAt(1), pages.countAt(2), free.countAt(1)]).toEqual([0, 100, 50]);
      expect(memory.vmstat().policy_violations).toBe(0);
    });

    test("the choice among ties: only the allowed one of several nearest nodes", () => {
      const memory = boot({ nodes: tiers(0, 1, 1, 1) });
      const pages = memory.map(100, restrict(memory, 0b0101)).fill();
      demoteAll(memory, pages);
      expect(pages.countAt(2)).toBe(100);
    });

    test("the check: with no lower node allowed there is no demotion, and pages are swapped at once", () => {
      const memory = boot({ nodes: tiers(0, 1, 2) });
      const pages = memory.map(100, restrict(memory, 0b001)).fill().chill();
      expect(memory.reclaim(32, 1, 1), "demote only").toBe(0);
      expect(memory.vmstat().pgmigrate_fail, "not even tried").toBe(0);
      expect(memory.reclaim(32, 1)).toBeGreaterThanOrEqual(32);
      expect(memory.vmstat()).toMatchObject({ pgdemote_proactive: 0, pgmigrate_fail: 0, pgmigrate_success: 0 });
      expect(pages.countAt(-2)).toBeGreaterThanOrEqual(32);
      pages.verify();
    });

    test("the check: demotion starts although the next tier is forbidden and there is no swap", () => {
      const memory = boot({ nodes: tiers(0, 1, 2), swap: 0 });
      const pages = memory.map(400, restrict(memory, 0b101)).fill();
      expect(pages.countAt(2)).toBeGreaterThan(100);
      expect(pages.countAt(1)).toBe(0);
      pages.verify();
    });
  });

  test("a parent's mems restrict its children's", () => {
    const memory = boot({ nodes: tiers(0, 1, 2) });
    const child = memory.group(0b111, memory.group(0b101));
    const pages = memory.map(100, { memcg: child }).fill();
    demoteAll(memory, pages);
    expect(pages.countAt(2)).toBe(100);
  });

  test("nodes of one tier never demote to each other, and the lowest never demotes", () => {
    const memory = boot({ nodes: tiers(0, 0), preset: "linux", steps: 256 });
    const pages = memory.map(400, { policy: MPOL_BIND, mask: 1 }).fill();
    expect(memory.vmstat()).toMatchObject({ pgdemote_kswapd: 0, pgdemote_direct: 0, pgmigrate_success: 0 });
    expect(memory.used(1)).toBe(0);
    expect(pages.countAt(-2)).toBeGreaterThan(100);
    expect(memory.reclaim(32, 1, 1)).toBe(0);
    pages.verify();
  });

  test("targets that the user named replace the derived ones", () => {
    const memory = boot({ nodes: tiers(0, 1, 2) });
    memory.calls.setDemotionTargets(0, 0b100, 0b100);
    const pages = memory.map(100).fill();
    demoteAll(memory, pages);
    expect(pages.countAt(2)).toBe(100);
    expect(pages.list(0)).toBe(LRU === "classic" ? LRU_INACTIVE_ANON : LRU_ACTIVE_ANON);
  });
});

test("rule 3, targets: many seeds spread ties evenly, and each in its own order", () => {
  const orders = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    using memory = bootEngine({ nodes: tiers(0, 1, 1, 1, 1), bytes: false, seed: seed * 7919 });
    memory.vm.inspect();
    const draws = Array.from({ length: 2000 }, () => nextDemotionNode(0, 0b11110));
    const spread = [1, 2, 3, 4].map((nid) => draws.filter((d) => d === nid).length);
    expect(chiSquare(spread), `seed ${seed}: ${spread}`).toBeLessThan(21.1); // p = 0.0001 at 3
    orders.add(draws.slice(0, 32).join(""));
  }
  expect(orders.size).toBe(20);
});

/** Against an even spread. */
function chiSquare(counts: readonly number[]): number {
  const even = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, n) => sum + (n - even) ** 2 / even, 0);
}
