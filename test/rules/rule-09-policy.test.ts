/**
 * Rule 9, policy: under the default preset no page is ever on a node that its policy or group forbids: not by allocation,
 * demotion, balancing, promotion, split or swap-in. Violations are counted; only rfc2020 and linux can make them.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ENOMEM } from "../../src/mm/errno.ts";
import {
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_PREFERRED,
  MPOL_WEIGHTED_INTERLEAVE,
} from "../../src/mm/mempolicy.ts";
import type { Preset } from "../../src/mm/presets.ts";
import { bootEngine, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const mask = fc.integer({ min: 1, max: 15 });
const placement = fc.record({
  policy: fc.constantFrom(MPOL_DEFAULT, MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE),
  mask,
  group: fc.integer({ min: 0, max: 2 }),
  file: fc.boolean(),
  order: fc.constantFrom(0, 0, 3),
});
type Placement = typeof placement extends fc.Arbitrary<infer T> ? T : never;

describe.each(TWINS)("rule 9, policy (%s)", (engine) => {
  /** A mapping and where its pages may be. */
  interface Placed {
    readonly pages: Pages;
    readonly group: number;
    allowed: number;
  }

  test("lieu: any placements under any pressure: every page on an allowed node, no violation", () => {
    const steps = engine === "js" ? 150 : 500;
    fc.assert(
      fc.property(
        fc.array(placement, { minLength: 2, maxLength: 6 }),
        fc.tuple(mask, mask),
        fc.integer({ min: 1, max: 0x7fffffff }),
        (placements, mems, seed) => {
          using memory = bootEngine({
            engine,
            seed,
            swap: 700,
            steps: seed & 1 ? 4 : 64,
            nodes: [0, 0, 1, 2].map((tier) => ({ pages: 160, tier, watermarks: marks })),
          });
          memory.calls.setBalance(0, 2);
          memory.calls.setBalance(1, 1);
          const groups = [15, ...mems].map((m) => ({ id: memory.group(m), mems: m }));
          const place = ({ group, ...p }: Placement): Placed | undefined => {
            const owner = groups[group] as { id: number; mems: number };
            const allowed = owner.mems & (p.policy === MPOL_BIND ? p.mask : 15);
            // The public API refuses these.
            if (allowed === 0) return undefined;
            const weights = { 0: 3, 1: 1, 2: 2, 3: 5 };
            return { pages: memory.map(300, { ...p, memcg: owner.id, weights }), group, allowed };
          };
          const placed = placements.map(place).filter((p) => p !== undefined);
          let x = seed;
          const pick = (n: number): number => {
            x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
            return (x >>> 8) % n;
          };
          for (let i = 0; i < steps && placed.length > 0; i++) {
            const one = placed[pick(placed.length)] as Placed;
            const from = pick(300);
            for (let page = from; page < Math.min(300, from + 1 + pick(40)); page++) {
              const r = pick(3) === 0 && one.pages.version[page] === 0 ? 0 : one.pages.access(page, 1);
              expect(r === 0 || r === ENOMEM).toBe(true);
            }
            memory.clock.advance(pick(400));
            if (pick(4) === 0) memory.vm.turn();
            if (pick(12) === 0) memory.reclaim(1 + pick(100), 1 + pick(15), pick(3));
            if (pick(20) === 0) one.pages.pageout(from, Math.min(300, from + 50));
            if (pick(25) === 0) {
              const m = 1 + pick(15);
              const mine = (groups[one.group] as { mems: number }).mems;
              if ((m & mine) !== 0 && memory.calls.changePolicy(one.pages.id, MPOL_BIND, m) === 0)
                one.allowed = m & mine;
            }
            if (i % 10 === 9) expectAllowed(memory, placed);
          }
          expectAllowed(memory, placed);
        },
      ),
      { numRuns: engine === "js" ? 10 : 25 },
    );
  });
  const expectAllowed = (memory: TestEngine, placed: readonly Placed[]): void => {
    for (const { pages, allowed } of placed) {
      for (let page = 0; page < pages.count; page++) {
        const at = pages.place(page);
        if (at >= 0 && (allowed & (1 << at)) === 0) throw new Error(`page ${page} on node ${at}; allowed: ${allowed}`);
      }
    }
    expect(memory.vmstat().policy_violations).toBe(0);
  };

  test("lieu: each way that a page can move keeps to its policy", () => {
    const memory = bootEngine({
      engine,
      swap: 2048,
      nodes: [0, 1, 2].map((tier) => ({ pages: 1024, tier, watermarks: marks })),
    });
    const bound = memory.map(512, { policy: MPOL_BIND, mask: 0b110, order: 9 }).fill();
    expect([bound.place(0), bound.order(0)]).toEqual([1, 9]);
    bound.chill();
    // Node 2 without contiguous room: demotion by split.
    const filler = memory.map(1016, { policy: MPOL_BIND, mask: 0b100, locked: true }).touch();
    for (let page = 0; page < 1016; page += 2) memory.calls.zapRange(filler.id, filler.start + page, 1);
    while (bound.countAt(2) < 400) expect(memory.reclaim(64, 0b010, 1)).toBeGreaterThan(0);
    expect(memory.vmstat().thp_split_page).toBe(1);
    // Promotion goes to the middle tier, which is allowed, and not to the top one, which is not.
    memory.clock.advance(5000);
    memory.vm.turn();
    bound.verify();
    expect(memory.vmstat().numa_hint_faults).toBeGreaterThan(400);
    expect([bound.countAt(0), bound.countAt(1)]).toEqual([0, 512]);
    // Out and back in.
    bound.chill().pageout();
    expect(bound.countAt(-2)).toBe(512);
    bound.verify();
    expect(bound.countAt(0)).toBe(0);
    expect(memory.vmstat().policy_violations).toBe(0);
  });

  /** Bound pages, and pages of a group kept to the same node, both cold; then pressure on that node. */
  const pressed = (preset: Preset, demote = true) => {
    const memory = bootEngine({
      engine,
      preset,
      swap: 1024,
      steps: 0,
      behaviours: { demotion: demote },
      nodes: [0, 1].map((tier) => ({ pages: 256, tier, watermarks: marks })),
    });
    const bound = memory.map(60, { policy: MPOL_BIND, mask: 1 }).fill().chill();
    const caged = memory
      .map(60, { memcg: memory.group(1) })
      .fill()
      .chill();
    memory.calls.setWatermarks(0, 8, 250, 252, 253);
    memory.calls.wakeKswapd(0, 0);
    memory.settle();
    const violations = memory.vmstat().policy_violations;
    const found = { mbind: bound.countAt(1), cpuset: caged.countAt(1) };
    bound.verify();
    caged.verify();
    return { memory, found, violations };
  };

  test.each([
    ["lieu", false, false],
    ["linux", true, false],
    ["rfc2020", true, true],
  ] as const)("%s: demotion violates mbind: %s, cpuset: %s; the counter says how often", (preset, mbind, cpuset) => {
    const { memory, found, violations } = pressed(preset);
    expect(found.mbind > 0).toBe(mbind);
    expect(found.cpuset > 0).toBe(cpuset);
    expect(violations).toBe(found.mbind + found.cpuset);
    expect(memory.nodeVmstat(1).policy_violations, "charged to the node it is on").toBe(violations);
  });

  test("linux with demotion off violates nothing", () => {
    expect(pressed("linux", false).violations).toBe(0);
  });

  test("mems without any allowed node leave no room rather than a wrong place", () => {
    const memory = bootEngine({ engine, nodes: [{ pages: 64 }, { pages: 64, tier: 1 }] });
    const pages = memory.map(4, { memcg: memory.group(2), policy: MPOL_BIND, mask: 1 });
    expect(pages.access(0)).toBe(ENOMEM);
    expect(memory.used(0) + memory.used(1)).toBe(0);
  });
});
