/**
 * Rule 15, failure has a memory, and it ends: a scan that found nothing is not repeated until something changed, and what
 * changed it ends that at once.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { C_MAX, H_SWAPPINESS } from "../../src/mm/layout.ts";
import { MPOL_BIND, MPOL_DEFAULT } from "../../src/mm/mempolicy.ts";
import { bootEngine, type EngineSpec, faultsOf, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

/** What a fault that fails, or goes to another node, may look at. */
const FEW = 40;

const scanned = (memory: TestEngine): number => {
  const { pgscan_direct, pgscan_kswapd, pgscan_proactive, pgrefill } = memory.vmstat();
  return pgscan_direct + pgscan_kswapd + pgscan_proactive + pgrefill;
};
/** Fault pages in until one fails. Gives the first that did, or the count. */
function fillUntilFull(pages: Pages, from = 0): number {
  let page = from;
  while (page < pages.count && pages.access(page, 1) === 0) page++;
  return page;
}
/** What one more access costs: its result, and pages looked at. */
function cost(memory: TestEngine, pages: Pages, page: number): [result: number, looked: number] {
  const before = scanned(memory);
  const result = pages.access(page, 1);
  return [result, scanned(memory) - before];
}
/** Make the engine forget what it holds for hopeless: setting a tunable to what it is ends all of it. */
const forget = (memory: TestEngine): void => memory.calls.tune(H_SWAPPINESS, 60);

/** Everything full of pages that cannot go; `loose` more, held as `hold` says, that could. */
interface Full {
  readonly memory: TestEngine;
  readonly stuck: Pages;
  readonly held: Pages;
  readonly more: Pages;
  /** The page of `more` that does not fit. */
  readonly page: number;
  readonly frames: number[];
}

describe.each(TWINS)("rule 15, failure (%s)", (engine) => {
  const boot = (tiers: readonly number[], spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({ engine, bytes: false, nodes: tiers.map((pages, tier) => ({ pages, tier })), ...spec });

  /** All nodes full: the top one of bound pages, of which `held` are pinned; the others of locked ones. */
  function full(tiers: readonly number[], spec: Partial<EngineSpec> = {}): Full {
    const memory = boot(tiers, spec);
    for (let nid = 1; nid < tiers.length; nid++) {
      fillUntilFull(memory.map(tiers[nid] as number, { policy: MPOL_BIND, mask: 1 << nid, locked: true }));
    }
    const held = memory.map(8);
    held.touch();
    const frames = [...Array(8).keys()].map((page) => held.pin(page));
    const stuck = memory.map(tiers[0] as number, { policy: MPOL_BIND, mask: 1 });
    fillUntilFull(stuck);
    const more = memory.map(64);
    return { memory, stuck, held, more, page: fillUntilFull(more), frames };
  }

  test.each([[[600, 300]], [[4096, 512]], [[300, 300, 300]], [[300, 300, 2000, 300]]])(
    "a fault that must fail looks at few pages, however large nodes of %j pages are",
    (tiers) => {
      const { memory, more, page } = full(tiers);
      for (let i = 0; i < 50; i++) {
        const [result, looked] = cost(memory, more, page);
        expect(result).toBeLessThan(0);
        expect(looked).toBeLessThan(FEW);
      }
    },
  );

  test.each([[[600, 3000]], [[4096, 4096]], [[300, 300, 3000]]])(
    "a fault that must go to another node looks at few pages (%j)",
    (tiers) => {
      const memory = boot(tiers);
      for (let nid = 0; nid < tiers.length - 1; nid++) {
        fillUntilFull(memory.map(tiers[nid] as number, { policy: MPOL_BIND, mask: 1 << nid }));
      }
      const more = memory.map(1000).touch(0, 10);
      for (let page = 10; page < 1000; page++) {
        const [result, looked] = cost(memory, more, page);
        expect(result).toBe(0);
        expect(looked).toBeLessThan(FEW);
        expect(more.place(page)).toBe(tiers.length - 1);
      }
    },
  );

  test("kswapd gives up on a node of pages that cannot go, and comes back when one can", () => {
    const memory = boot([512, 512], {
      nodes: [
        { pages: 512, watermarks: [8, 64, 96, 128] },
        { pages: 512, tier: 1 },
      ],
    });
    const bound = memory.map(500, { policy: MPOL_BIND, mask: 1 }).touch(0, 440);
    bound.touch(440, 460);
    memory.settle();
    const before = scanned(memory);
    bound.touch(460, 490);
    expect(memory.awake(0)).toBe(false);
    expect(scanned(memory) - before).toBeLessThan(FEW);
    memory.calls.changePolicy(bound.id, MPOL_DEFAULT, 0);
    bound.touch(490, 491);
    bound.touch(491, 492);
    memory.settle();
    expect(memory.free(0)).toBeGreaterThan(64);
  });

  test.each([
    ["a page is unpinned", ({ memory, frames }: Full) => memory.calls.unpinFrame(frames[3] as number), 1],
    ["a page is unmapped", ({ memory, stuck }: Full) => memory.calls.zapRange(stuck.id, stuck.start + 5, 4), 1],
    ["a policy allows more", ({ memory, stuck }: Full) => memory.calls.changePolicy(stuck.id, MPOL_DEFAULT, 0), 1],
  ] as const)("%s: the next fault knows", (_, change, fits) => {
    const spec = { swap: 4 };
    const state = full([600, 300], spec);
    const { memory, more, page } = state;
    // All slots are in use by what was pushed out before.
    expect(cost(memory, more, page)[0]).toBeLessThan(0);
    change(state);
    let came = 0;
    while (more.access(page + came, 1) === 0) came++;
    // With every slot taken, a page can only go where one was given back.
    expect(came).toBeGreaterThanOrEqual(fits === 1 && memory.vmstat().nr_swapped === 4 ? 0 : fits);
    forget(memory);
    expect(more.access(page + came, 1), "nothing was missed").toBeLessThan(0);
  });

  test("a slot is freed: the next fault knows", () => {
    const memory = boot([600], { swap: 100 });
    const pages = memory.map(1000);
    const page = fillUntilFull(pages);
    const swapped = [...Array(page).keys()].filter((p) => pages.place(p) === -2);
    expect(swapped).toHaveLength(100);
    expect(cost(memory, pages, page)[0]).toBeLessThan(0);
    const [result, looked] = cost(memory, pages, page);
    expect(result).toBeLessThan(0);
    expect(looked).toBeLessThan(FEW);
    for (const p of swapped.slice(0, 10)) memory.calls.zapRange(pages.id, pages.start + p, 1);
    for (let i = 0; i < 10; i++) expect(pages.access(page + i, 1)).toBe(0);
    expect(pages.access(page + 10, 1)).toBeLessThan(0);
  });

  test("a device that works again is used by the next fault, pageout, request and change of policy", () => {
    const uses: ((memory: TestEngine, pages: Pages) => boolean)[] = [
      (_, pages) => pages.access(590, 1) === 0,
      (_, pages) => pages.pageout(0, 50) === 50,
      (memory) => memory.reclaim(32, 1, 2) >= 32,
      (memory, pages) => memory.calls.changePolicy(pages.id, MPOL_BIND, 2) === 0,
    ];
    for (const use of uses) {
      const memory = boot([600, 300], { swap: [{ slots: 800, faults: { write: { error: 1 } } }] });
      fillUntilFull(memory.map(300, { policy: MPOL_BIND, mask: 2, locked: true }), 0);
      const pages = memory.map(600);
      const page = fillUntilFull(pages);
      expect(page).toBeLessThan(590);
      for (let i = 0; i < 1000; i++) {
        const errors = memory.vmstat().swap_write_error;
        const [result, looked] = cost(memory, pages, page);
        expect(result).toBeLessThan(0);
        expect(looked).toBeLessThan(FEW);
        expect(memory.vmstat().swap_write_error - errors).toBeLessThanOrEqual(1);
      }
      faultsOf(memory).enabled = false;
      expect(use(memory, pages), use.toString()).toBe(true);
    }
  });

  test("a group at its max whose pages cannot go: a charge that must fail is cheap; a limit, or an unpin, ends that", () => {
    const memory = boot([4096, 4096], { swap: 4096 });
    const parent = memory.group(3);
    const cg = memory.group(3, parent);
    memory.calls.setLimit(parent, C_MAX, 2000);
    const pages = memory.map(3000, { memcg: cg });
    pages.touch(0, 2000);
    const frames = [...Array(2000).keys()].map((page) => pages.pin(page));
    expect(pages.access(2000, 1)).toBeLessThan(0);
    for (let i = 0; i < 20; i++) {
      const [result, looked] = cost(memory, pages, 2000);
      expect(result).toBeLessThan(0);
      expect(looked).toBeLessThan(FEW);
    }
    memory.calls.unpinFrame(frames[1234] as number);
    expect(pages.access(2000, 1)).toBe(0);
    expect(pages.place(1234)).toBe(-2);
    frames.push(pages.pin(2000));
    expect(pages.access(2001, 1)).toBeLessThan(0);
    memory.calls.setLimit(parent, C_MAX, 2001);
    expect(pages.access(2001, 1)).toBe(0);
    for (const frame of frames.filter((_, i) => i !== 1234)) memory.calls.unpinFrame(frame);
  });

  test("whatever happens in whatever order: what fails is cheap from then on, and would have failed without the memory", () => {
    const size = fc.integer({ min: 200, max: 500 });
    const act = fc.constantFrom(
      "pin",
      "unpin",
      "unmap",
      "fault",
      "slot",
      "policy",
      "limit",
      "pageout",
      "heal",
      "break",
    );
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(0, 50, 2000),
        fc.constantFrom("classic" as const, "mglru" as const),
        fc.array(fc.tuple(act, fc.nat(1e6)), { minLength: 5, maxLength: 30 }),
        (tiers, slots, lru, acts) => {
          using memory = boot(tiers, {
            lru,
            swap: slots === 0 ? 0 : [{ slots, faults: { enabled: false, write: { error: 1 } } }],
          });
          const total = tiers.reduce((a, b) => a + b, 0);
          const cg = memory.group((1 << tiers.length) - 1);
          const regions = [
            memory.map(total, { policy: MPOL_BIND, mask: 1 }),
            memory.map(total),
            memory.map(total, { memcg: cg }),
            memory.map(60, { locked: true, policy: MPOL_BIND, mask: 1 << (tiers.length - 1) }),
          ] as [Pages, Pages, Pages, Pages];
          const pins: number[] = [];
          regions.forEach((pages) => {
            fillUntilFull(pages);
          });
          for (const [what, n] of acts) {
            const pages = regions[n % 3] as Pages;
            const page = n % total;
            if (what === "pin") {
              for (let p = page; p < total; p++) if (pages.place(p) >= 0) pins.push(pages.pin(p));
            } else if (what === "unpin") {
              for (const frame of pins.splice(0, 1 + (n % 50))) memory.calls.unpinFrame(frame);
            } else if (what === "unmap") memory.calls.zapRange(pages.id, pages.start + page, Math.min(3, total - page));
            else if (what === "fault") fillUntilFull(pages, page);
            else if (what === "slot") {
              const p = [...Array(total).keys()].find((q) => pages.place(q) === -2);
              if (p !== undefined) memory.calls.zapRange(pages.id, pages.start + p, 1);
            } else if (what === "policy") {
              memory.calls.changePolicy(pages.id, n % 2 === 0 ? MPOL_DEFAULT : MPOL_BIND, 1);
            } else if (what === "limit") memory.calls.setLimit(cg, C_MAX, 1 + (n % (2 * total)));
            else if (what === "pageout") pages.pageout(page, Math.min(page + 5, total));
            else if (slots > 0) faultsOf(memory).enabled = what === "break";
            for (const some of regions) {
              const at = [...Array(some.count).keys()].find((p) => some.place(p) < 0);
              if (at === undefined || some.access(at, 1) === 0) continue;
              // kswapd of other nodes, which this woke, has its own look at all there is in the next turn.
              if (some.access(at, 1) === 0) continue;
              const [again, looked] = cost(memory, some, at);
              if (again === 0) continue;
              expect(looked, `${what}: pages looked at`).toBeLessThan(FEW);
              forget(memory);
              expect(some.access(at, 1), `${what}: it fits after all`).toBeLessThan(0);
            }
          }
          for (const frame of pins) memory.calls.unpinFrame(frame);
        },
      ),
      { numRuns: engine === "js" ? 40 : 15, interruptAfterTimeLimit: 4000, endOnFailure: true },
    );
  });
});
