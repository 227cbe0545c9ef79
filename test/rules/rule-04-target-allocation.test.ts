/**
 * Rule 4, target allocation: NOWAIT | NOWARN | NORETRY | NOMEMALLOC | THISNODE | HIGHMEM | MOVABLE. That node only, no
 * reclaim, no retry, no reserves; it wakes that node's kswapd when low is missed, so that the cascade runs by itself.
 */
import { describe, expect, test } from "vitest";
import { ENOMEM } from "../../src/mm/errno.ts";
import { folioNid } from "../../src/mm/folio.ts";
import * as gfp from "../../src/mm/gfp.ts";
import { node, setRefs } from "../../src/mm/layout.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { allocTarget } from "../../src/mm/migrate.ts";
import { freeBlock } from "../../src/mm/page-alloc.ts";
import { bootEngine, type EngineSpec, LRU, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const [MIN, LOW] = marks;

const three = (spec: Partial<EngineSpec>): TestEngine =>
  bootEngine({
    steps: 0,
    swap: 1024,
    nodes: [
      { pages: 256, watermarks: marks },
      { pages: 256, tier: 1, watermarks: marks },
      { pages: 256, tier: 2, watermarks: marks },
    ],
    ...spec,
  });

describe("rule 4, target allocation: the request", () => {
  test("has exactly the flags of alloc_demote_folio", () => {
    const names = Object.keys(gfp).filter((name) => name !== "GFP_DEMOTE" && (gfp.GFP_DEMOTE & flag(name)) !== 0);
    const single = names.filter((name) => Number.isInteger(Math.log2(flag(name))) && name !== "GFP_NOWAIT");
    expect(single.sort()).toEqual([
      "GFP_HIGHUSER_MOVABLE",
      "GFP_KSWAPD_RECLAIM",
      "GFP_NOMEMALLOC",
      "GFP_NORETRY",
      "GFP_NOWARN",
      "GFP_THISNODE",
    ]);
    expect(gfp.GFP_DEMOTE & gfp.GFP_DIRECT_RECLAIM).toBe(0);
    expect(gfp.GFP_NOWAIT, "NOWAIT = wake kswapd, never wait").toBe(gfp.GFP_KSWAPD_RECLAIM);
  });
  const flag = (name: string): number => (gfp as Record<string, number>)[name] as number;

  test("takes that node only, down to min and no further, without reclaim or retry, and wakes its kswapd at low", () => {
    const memory = three({});
    memory.map(100, { policy: MPOL_BIND, mask: 2 }).fill().chill();
    memory.vm.inspect();
    const taken: number[] = [];
    while (memory.free(1) > LOW) taken.push(allocTarget(1, 0, gfp.GFP_DEMOTE));
    expect(memory.awake(1)).toBe(false);
    taken.push(allocTarget(1, 0, gfp.GFP_DEMOTE));
    expect(memory.awake(1), "low was missed").toBe(true);
    while (memory.free(1) > MIN) taken.push(allocTarget(1, 0, gfp.GFP_DEMOTE));
    expect(taken.every((f) => f > 0 && folioNid(f) === 1)).toBe(true);
    expect(allocTarget(1, 0, gfp.GFP_DEMOTE)).toBe(ENOMEM);
    expect(memory.free(1)).toBe(MIN);
    expect(memory.free(2), "no fallback").toBe(256);
    expect(memory.vmstat()).toMatchObject({ allocstall_normal: 0, pgscan_direct: 0, pgscan_kswapd: 0, oom: 0 });
    memory.vm.inspect();
    for (const f of taken) {
      setRefs(f, 0);
      freeBlock(f);
    }
    memory.settle();
  });

  test("a large one must leave min behind as well", () => {
    const memory = three({});
    memory.vm.inspect();
    const f = allocTarget(1, 7, gfp.GFP_DEMOTE);
    expect(allocTarget(1, 7, gfp.GFP_DEMOTE), "128 of 128 free pages").toBe(ENOMEM);
    const g = allocTarget(1, 6, gfp.GFP_DEMOTE);
    expect([folioNid(f), folioNid(g)]).toEqual([1, 1]);
    for (const h of [f, g]) {
      setRefs(h, 0);
      freeBlock(h);
    }
    memory.settle();
  });
});

describe.each(TWINS)("rule 4, target allocation (%s)", (engine) => {
  test.each(["lieu", "linux", "rfc2020"] as const)("%s: no demotion takes any target below min", (preset) => {
    const memory = three({ engine, preset });
    const pages = memory.map(1500);
    let lowest = 256;
    for (let page = 0; page < pages.count; page++) {
      pages.write(page);
      lowest = Math.min(lowest, memory.free(1), memory.free(2), memory.free(0));
    }
    expect(lowest, "full, and no fuller").toBe(MIN);
    // Where a full target is passed over, a batch of an old generation is large enough to end the request with swap.
    if (LRU === "classic" || preset === "lieu") expect(memory.vmstat().pgdemote_direct).toBeGreaterThan(100);
    pages.verify();
  });

  test("a demotion that misses the target's low wakes its kswapd; without wakeTarget it does not", () => {
    for (const wakeTarget of [true, false]) {
      const memory = three({ engine, behaviours: { wakeTarget } });
      memory.map(256 - LOW, { policy: MPOL_BIND, mask: 2 }).fill();
      memory.map(100).fill().chill();
      expect(memory.free(1)).toBe(LOW);
      expect(memory.awake(1)).toBe(false);
      expect(memory.reclaim(1, 1)).toBeGreaterThan(0);
      expect(memory.awake(1)).toBe(wakeTarget);
      memory.settle();
    }
  });

  test.each(["lieu", "linux"] as const)(
    "%s: the cascade 0 -> 1 -> 2 -> out runs by itself, with kswapd alone",
    (preset) => {
      const memory = three({ engine, preset, steps: 256 });
      // Linux lets new pages fall through to slower nodes; binding makes it demote.
      const bound = preset === "linux" ? { policy: MPOL_BIND, mask: 1 } : {};
      const pages = memory.map(1500, bound).fill();
      const nodes = [0, 1, 2].map((nid) => memory.nodeVmstat(nid));
      expect(memory.vmstat().allocstall_normal).toBe(0);
      expect(nodes[0]?.pgdemote_kswapd).toBeGreaterThan(1000);
      expect(nodes[1]?.pgdemote_kswapd).toBeGreaterThan(500);
      expect(nodes[2]?.pgdemote_kswapd, "the lowest tier never demotes").toBe(0);
      expect(nodes[2]?.pswpout).toBeGreaterThan(500);
      if (preset === "lieu") expect([nodes[0]?.pswpout, nodes[1]?.pswpout]).toEqual([0, 0]);
      // Age goes down the tiers: what was written first is furthest out.
      const mean = (place: number): number => {
        const at = [...pages.version.keys()].filter((page) => pages.place(page) === place);
        return at.reduce((a, b) => a + b, 0) / at.length;
      };
      expect(mean(-2)).toBeLessThan(mean(2));
      expect(mean(2)).toBeLessThan(mean(1));
      expect(mean(1)).toBeLessThan(mean(0));
      memory.vm.inspect();
      for (let nid = 0; nid < 3; nid++) expect(node(nid, 0)).toBe(nid * 512);
      pages.verify();
    },
  );
});
