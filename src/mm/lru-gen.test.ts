/** Generations: which one a folio is in, aging, eviction, refaults, and the controller's arithmetic. */
import { describe, expect, test } from "vitest";
import {
  bootEngine,
  type EngineSpec,
  type MapSpec,
  type Pages,
  type TestEngine,
  TWINS,
} from "../../test/support/engine.ts";
import {
  LRU_REFS_MASK,
  PG_ACTIVE,
  PG_LOCKED,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_WORKINGSET,
  PG_WRITEBACK,
} from "./folio.ts";
import {
  L_AVG_REFAULTED,
  L_AVG_TOTAL,
  L_EVICTED,
  L_PROTECTED,
  L_REFAULTED,
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_ANON,
  lru,
  lruvecOf,
  setLru,
} from "./layout.ts";
import {
  flagsGen,
  genIsActive,
  genOf,
  genPages,
  LRU_GEN_ANON,
  LRU_GEN_FILE,
  MIN_LRU_BATCH,
  maxSeq,
  minSeq,
  nrGens,
} from "./lru-gen.ts";
import { tryToIncMaxSeq, tryToIncMinSeq } from "./lru-gen-aging.ts";
import { addTier, refsOf, resetCtrl, tierAgainst, tierOf, tierToEvict, typeToEvict } from "./lru-gen-ctrl.ts";
import { PTE_ACCESSED } from "./page-table.ts";
import { SWAP_CLUSTER_MAX } from "./scan-control.ts";

const marks = [8, 16, 24, 32] as const;
const two = [
  { pages: 4096, watermarks: marks },
  { pages: 4096, tier: 1, watermarks: marks },
];

describe.each(TWINS)("generations (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine => {
    const memory = bootEngine({ engine, lru: "mglru", steps: 0, bytes: false, nodes: two, ...spec });
    memory.vm.inspect();
    return memory;
  };
  /** The lruvec of a node and the root group. */
  const lv = (nid = 0): number => lruvecOf(nid, 0);
  /** How many generations behind the youngest a page is. */
  const age = (pages: Pages, page: number): number => {
    const of = lv(pages.nid(page));
    return (maxSeq(of) - flagsGen(pages.flags(page))) & 3;
  };
  /** Age node 0, as eviction does when it runs out. */
  const aging = (force = false): void => {
    tryToIncMaxSeq(0, 0, true, force);
    tryToIncMinSeq(0, 0, true);
  };
  const young = (pages: Pages, page: number): boolean => (pages.pte(page) & PTE_ACCESSED) !== 0;
  const mapped = (memory: TestEngine, count: number, spec: MapSpec = {}): Pages => memory.map(count, spec).touch();

  test("a new lruvec has all four open, and two of each type at the least ever after", () => {
    const memory = boot();
    expect([maxSeq(lv()), nrGens(lv(), LRU_GEN_ANON), nrGens(lv(), LRU_GEN_FILE)]).toEqual([3, 4, 4]);
    mapped(memory, 100);
    mapped(memory, 100, { file: true });
    for (let i = 0; i < 40; i++) {
      aging((i & 3) === 0);
      memory.check();
      expect(maxSeq(lv())).toBe(4 + i);
    }
  });

  test("slots are sequence numbers modulo four; the two youngest are active", () => {
    boot();
    for (let seq = 3; seq < 20; seq++) {
      const active = [seq - 3, seq - 2, seq - 1, seq].map((s) => genIsActive(lv(), genOf(s)));
      expect(active).toEqual([false, false, true, true]);
      tryToIncMaxSeq(0, 0, true, false);
    }
  });

  test("faulted pages are the youngest; untouched ones turn inactive after two agings", () => {
    const memory = boot();
    const pages = mapped(memory, 100);
    expect([age(pages, 0), pages.list(0), pages.flags(0) & PG_ACTIVE]).toEqual([0, LRU_ACTIVE_ANON, 0]);
    aging();
    // Accessed when they were faulted in, so that they were the youngest when a younger one was opened.
    expect([age(pages, 0), young(pages, 0), memory.vmstat().nr_active_anon]).toEqual([1, false, 100]);
    pages.touch(0, 10);
    aging();
    expect([age(pages, 0), age(pages, 10), pages.list(10)]).toEqual([1, 2, LRU_INACTIVE_ANON]);
    expect(memory.vmstat()).toMatchObject({ nr_active_anon: 10, nr_inactive_anon: 90 });
  });

  test("a generation that has folios when it must be closed hands them on", () => {
    const memory = boot();
    const pages = mapped(memory, 100);
    for (let i = 0; i < 5; i++) tryToIncMaxSeq(0, 0, true, false);
    expect([age(pages, 0), nrGens(lv(), LRU_GEN_ANON)]).toEqual([3, 4]);
    expect(genPages(lv(), genOf(minSeq(lv(), LRU_GEN_ANON)), LRU_GEN_ANON)).toBe(100);
  });

  test("demoted pages arrive as the second youngest, promoted ones as the youngest", () => {
    const memory = boot();
    const pages = mapped(memory, 200);
    expect(memory.reclaim(MIN_LRU_BATCH, 1, 1)).toBeGreaterThan(0);
    expect([pages.nid(0), age(pages, 0)]).toEqual([1, 1]);
    memory.clock.advance(5000);
    memory.vm.turn();
    pages.touch(0, 1);
    expect([pages.nid(0), age(pages, 0)]).toEqual([0, 0]);
  });

  test("advice makes a page the next to go, whatever its generation", () => {
    const memory = boot();
    const pages = mapped(memory, 1000);
    aging();
    pages.chill(500, 540);
    expect(age(pages, 500)).toBe(maxSeq(lv()) - minSeq(lv(), LRU_GEN_ANON));
    expect(memory.reclaim(MIN_LRU_BATCH, 1, 1)).toBeGreaterThanOrEqual(32);
    expect(pages.countAt(1)).toBeLessThanOrEqual(MIN_LRU_BATCH);
    for (let page = 500; page < 540; page++) expect(pages.place(page)).toBe(1);
  });

  test("a walk leaves out blocks with few young pages, until look-around finds some; force leaves out none", () => {
    const memory = boot();
    const pages = mapped(memory, 1024);
    aging();
    // Every block was busy; now the first is still, and the second is hardly.
    pages.touch(0, 512).touch(600, 610);
    aging();
    expect([young(pages, 0), young(pages, 600)]).toEqual([false, false]);
    pages.touch(0, 10).touch(600, 610);
    aging();
    expect([young(pages, 0), young(pages, 600)], "512 of 512, and 10 of 512 young last time").toEqual([false, true]);
    aging(true);
    expect(young(pages, 600)).toBe(false);
  });

  test("a page in use is kept, and so are its neighbours without being scanned themselves", () => {
    const memory = boot();
    const pages = mapped(memory, 1024);
    for (let i = 0; i < 2; i++) aging();
    expect(age(pages, 0)).toBe(2);
    // So few that no walk looks there.
    pages.touch(3, 4).touch(80, 81).touch(20, 21);
    const scanned = memory.reclaim(SWAP_CLUSTER_MAX, 1, 1);
    expect(scanned).toBe(SWAP_CLUSTER_MAX);
    expect([pages.nid(3), pages.nid(20), pages.nid(4)]).toEqual([0, 0, 1]);
    expect([age(pages, 3), age(pages, 20)]).toEqual([0, 0]);
    expect(memory.vmstat().pgactivate, "the second was found by the first one's look-around").toBe(1);
    expect([young(pages, 80), age(pages, 80)], "too far away to be seen").toEqual([true, 2]);
    expect(memory.reclaim(MIN_LRU_BATCH - 1, 1, 1)).toBe(MIN_LRU_BATCH - 1);
    expect([pages.nid(80), age(pages, 80)]).toEqual([0, 0]);
  });

  test("a folio that is locked or being written gets another generation, and keeps its marks", () => {
    const memory = boot();
    const pages = mapped(memory, 1024);
    for (let i = 0; i < 2; i++) aging();
    pages.touch(0, 2);
    pages.setFlags(0, PG_LOCKED);
    pages.setFlags(1, PG_WRITEBACK);
    expect(memory.reclaim(MIN_LRU_BATCH, 1, 1)).toBe(MIN_LRU_BATCH);
    expect([pages.place(0), pages.place(1), pages.place(2)]).toEqual([0, 0, 1]);
    expect([young(pages, 0), young(pages, 1)]).toEqual([true, true]);
    expect([pages.flags(0) & PG_RECLAIM, pages.flags(1) & PG_RECLAIM]).toEqual([0, PG_RECLAIM]);
    expect([age(pages, 0), age(pages, 1)]).toEqual([1, 1]);
    pages.setFlags(0, 0, PG_LOCKED);
    pages.setFlags(1, 0, PG_WRITEBACK | PG_RECLAIM);
  });

  test("what eviction had no use for starts anew as the youngest", () => {
    const memory = boot({ swap: 0 });
    const pages = mapped(memory, 1024);
    for (let i = 0; i < 2; i++) aging();
    const pin = pages.pin(0);
    expect(memory.reclaim(MIN_LRU_BATCH - 1, 1, 1)).toBe(MIN_LRU_BATCH - 1);
    expect([pages.nid(0), age(pages, 0)]).toEqual([0, 0]);
    memory.calls.unpinFrame(pin);
  });

  test("a page that comes back while its generation is the oldest gets a second round; a later one does not", () => {
    const memory = boot({ nodes: [{ pages: 4096, watermarks: marks }], swap: 2048 });
    const pages = mapped(memory, 1024);
    for (let i = 0; i < 2; i++) aging();
    expect(memory.reclaim(MIN_LRU_BATCH, 1)).toBe(MIN_LRU_BATCH);
    expect(lru(lv(), L_EVICTED)).toBe(MIN_LRU_BATCH);
    expect(pages.shadow(0) & 2).toBe(0);
    pages.touch(0, 1);
    const history = PG_WORKINGSET | LRU_REFS_MASK;
    expect([pages.flags(0) & history, age(pages, 0), lru(lv(), L_REFAULTED)]).toEqual([history, 0, 1]);
    expect(memory.vmstat()).toMatchObject({ workingset_refault_anon: 1, workingset_restore_anon: 1 });
    for (let i = 0; i < 8; i++) aging(true);
    pages.touch(1, 2);
    expect([pages.flags(1) & history, age(pages, 1)]).toEqual([0, 0]);
    expect(memory.vmstat()).toMatchObject({ workingset_refault_anon: 2, workingset_restore_anon: 1 });
  });

  test("what a refault put back is protected once, whatever the controller says", () => {
    const memory = boot();
    const pages = mapped(memory, 256);
    for (let i = 0; i < 2; i++) aging();
    pages.setFlags(0, PG_WORKINGSET | LRU_REFS_MASK);
    expect(memory.reclaim(MIN_LRU_BATCH, 1, 1)).toBe(MIN_LRU_BATCH);
    expect([pages.nid(0), age(pages, 0), lru(lv(), L_PROTECTED + 12)]).toEqual([0, 1, 1]);
    expect(pages.flags(0) & (PG_WORKINGSET | LRU_REFS_MASK | PG_REFERENCED)).toBe(0);
  });

  test("swappiness 0 spares a region's pages for as long as a cache has any", () => {
    const memory = boot({ swappiness: 0, nodes: [{ pages: 4096, watermarks: marks }], swap: 4096 });
    const pages = mapped(memory, 1000);
    const cache = mapped(memory, 192, { file: true });
    while (cache.countAt(0) > 0) expect(memory.reclaim(32, 1)).toBeGreaterThan(0);
    expect(pages.countAt(0)).toBe(1000);
    expect(memory.reclaim(32, 1)).toBeGreaterThan(0);
    expect(pages.countAt(0)).toBeLessThan(1000);
  });

  test("kswapd stops a batch above its mark", () => {
    const memory = boot({ steps: 256 });
    const pages = memory.map(6000);
    let most = 0;
    for (let page = 0; page < pages.count; page++) {
      pages.touch(page, page + 1);
      if (page > 4096) most = Math.max(most, memory.free(0));
    }
    expect(most).toBeLessThanOrEqual(24 + 2 * MIN_LRU_BATCH);
    expect(memory.vmstat().allocstall_normal).toBe(0);
  });
});

describe("the controller", () => {
  const fresh = (): number => {
    bootEngine({ lru: "mglru", bytes: false, nodes: two }).vm.inspect();
    return lruvecOf(0, 0);
  };
  test("tiers are the logarithm of accesses", () => {
    expect([0, 1, 2, 3, 4].map(tierOf)).toEqual([0, 1, 2, 2, 3]);
    expect([0, PG_WORKINGSET, LRU_REFS_MASK, LRU_REFS_MASK | PG_WORKINGSET].map(refsOf)).toEqual([0, 1, 3, 4]);
  });

  test("a tier is evicted while its refaults are few, or its share of them at most twice the first tier's", () => {
    const lv = fresh();
    expect(tierToEvict(lv, LRU_GEN_ANON)).toBe(3);
    addTier(lv, L_EVICTED, LRU_GEN_ANON, 0, 10_000);
    addTier(lv, L_REFAULTED, LRU_GEN_ANON, 0, 100);
    addTier(lv, L_EVICTED, LRU_GEN_ANON, 1, 1000);
    addTier(lv, L_REFAULTED, LRU_GEN_ANON, 1, 63);
    expect(tierToEvict(lv, LRU_GEN_ANON), "fewer than a batch").toBe(3);
    setLru(lv, L_REFAULTED + 4, 64);
    expect(tierToEvict(lv, LRU_GEN_ANON), "6.4 % against 2 x 1 %").toBe(0);
    addTier(lv, L_PROTECTED, LRU_GEN_ANON, 1, 9000);
    expect(tierToEvict(lv, LRU_GEN_ANON), "0.64 %").toBe(3);
  });

  test("the type with the lower share of refaults goes, weighed by swappiness", () => {
    const lv = fresh();
    expect([1, 60, 199].map((s) => typeToEvict(lv, s))).toEqual([LRU_GEN_FILE, LRU_GEN_FILE, LRU_GEN_FILE]);
    for (const type of [LRU_GEN_ANON, LRU_GEN_FILE]) {
      addTier(lv, L_EVICTED, type, 0, 10_000);
      addTier(lv, L_REFAULTED, type, 0, type === LRU_GEN_FILE ? 2000 : 1000);
    }
    expect([60, 66, 68, 140].map((s) => typeToEvict(lv, s))).toEqual([1, 1, 0, 0]);
    expect(tierAgainst(lv, LRU_GEN_FILE, 60)).toBe(3);
  });

  test("a closed generation's counts are averaged in by halves", () => {
    const lv = fresh();
    addTier(lv, L_EVICTED, LRU_GEN_FILE, 2, 800);
    addTier(lv, L_PROTECTED, LRU_GEN_FILE, 2, 200);
    addTier(lv, L_REFAULTED, LRU_GEN_FILE, 2, 100);
    const averages = () => [lru(lv, L_AVG_REFAULTED + 24), lru(lv, L_AVG_TOTAL + 24)];
    resetCtrl(lv, LRU_GEN_FILE);
    expect(averages()).toEqual([50, 500]);
    resetCtrl(lv, LRU_GEN_FILE);
    expect([...averages(), lru(lv, L_REFAULTED + 24), lru(lv, L_EVICTED + 24)]).toEqual([25, 250, 0, 0]);
  });
});
