/**
 * The presets: `rfc2020` (the patch as posted), `linux` (today's kernel), `lieu` (the default). Each row of the table below
 * is one documented difference; beside it stands the test that shows it.
 *
 *   behaviour        rfc2020  linux  lieu   what it changes
 *   demotion         yes      yes    yes    cold pages move to a lower tier in lieu of leaving memory
 *   wakeTarget       yes      yes    yes    a target that misses low has its kswapd woken: the cascade
 *   splitLarge       yes      yes    yes    a large folio without contiguous room is split
 *   countFolios      yes      -      -      a demoted folio counts as one reclaimed page (nr_reclaimed++)
 *   anyLower         -        yes    yes    when the next node has no room, any lower node will do
 *   honourCpuset     -        yes    yes    demotion stays within the owner group's mems
 *   honourMempolicy  -        -      yes    demotion stays within the owner's bind policy
 *   promotion        -        yes    yes    hot pages come back up
 *   memcgDemotes     -        yes    -      a group at its limit demotes, though its usage does not fall by it
 *   cascade          -        -      yes    a full target sends its own coldest pages down first
 *   tierFirst        -        -      yes    an allocation makes room in its tier before it falls back to a slower one
 *   swapFile         -        -      yes    cache pages go to swap before they are dropped
 *   coldRefaults     -        -      yes    a page back from swap after long takes the slowest tier
 *   lean             -        -      yes    kswapd frees what is missing and no more; promotion uses room down to low
 *   frequency        -        -      yes    above the last tier, a page found referenced often stays longer
 *   roomFirst        -        -      yes    nothing is lost while a node that its owner may use has room (rule 13)
 *   smallNodes       -        -      yes    1/16 of a node is plenty for promotion, be it under 1 GiB
 */
import { describe, expect, test } from "vitest";
import { PG_HEAT_ONE } from "../../src/mm/folio.ts";
import { C_HIGH, C_MAX, C_USAGE } from "../../src/mm/layout.ts";
import { MPOL_BIND, MPOL_DEFAULT } from "../../src/mm/mempolicy.ts";
import { BEHAVIOURS, type Behaviour, behaviourBits, PRESETS, type Preset } from "../../src/mm/presets.ts";
import { bootEngine, type EngineSpec, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const [LOW] = marks.slice(1);
const ALL = ["rfc2020", "linux", "lieu"] as const;

const TABLE: Record<Behaviour, string> = {
  demotion: "rfc2020 linux lieu",
  wakeTarget: "rfc2020 linux lieu",
  splitLarge: "rfc2020 linux lieu",
  countFolios: "rfc2020",
  anyLower: "linux lieu",
  honourCpuset: "linux lieu",
  honourMempolicy: "lieu",
  promotion: "linux lieu",
  memcgDemotes: "linux",
  cascade: "lieu",
  tierFirst: "lieu",
  swapFile: "lieu",
  coldRefaults: "lieu",
  lean: "lieu",
  frequency: "lieu",
  promotionPays: "lieu",
  rememberFailure: "lieu",
  rise: "lieu",
  roomFirst: "lieu",
  coldestFirst: "lieu",
  smallNodes: "lieu",
};

test("presets: each is exactly its column of the table", () => {
  for (const preset of ALL) {
    const has = (Object.keys(TABLE) as Behaviour[]).filter((b) => TABLE[b].split(" ").includes(preset));
    expect(PRESETS[preset]).toBe(has.reduce((bits, b) => bits | BEHAVIOURS[b], 0));
  }
  expect(Object.keys(TABLE).sort()).toEqual(Object.keys(BEHAVIOURS).sort());
  expect(Object.keys(PRESETS).sort()).toEqual([...ALL].sort());
});

test("presets: single behaviours can be turned on and off", () => {
  expect(behaviourBits("linux", { demotion: false, cascade: true })).toBe(
    (PRESETS.linux & ~BEHAVIOURS.demotion) | BEHAVIOURS.cascade,
  );
});

describe.each(TWINS)("presets (%s)", (engine) => {
  const boot = (preset: Preset, spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      preset,
      swap: 1024,
      steps: 0,
      nodes: [0, 1, 2].map((tier) => ({ pages: 256, tier, watermarks: marks })),
      ...spec,
    });
  const two = [0, 1].map((tier) => ({ pages: 256, tier, watermarks: marks }));
  const block = (memory: TestEngine, nid: number): void => {
    memory.map(248, { policy: MPOL_BIND, mask: 1 << nid, locked: true }).fill();
  };
  /** One row of the table: what shows in each preset. */
  const row = <T>(name: string, expected: Record<Preset, T>, show: (preset: Preset) => T): void => {
    describe(name, () => {
      test.each(ALL)("%s", (preset) => {
        expect(show(preset)).toEqual(expected[preset]);
      });
    });
  };
  const same = <T>(value: T): Record<Preset, T> => ({ rfc2020: value, linux: value, lieu: value });

  row("demotion: cold pages sink", same([100, 0]), (preset) => {
    const memory = boot(preset);
    const pages = memory.map(100).fill().chill();
    while (pages.countAt(0) > 0) memory.reclaim(32, 1, 0);
    return [pages.countAt(1), memory.vmstat().pswpout];
  });

  row("wakeTarget: a demotion that misses low wakes the target's kswapd", same(true), (preset) => {
    const memory = boot(preset);
    memory.map(256 - (LOW as number), { policy: MPOL_BIND, mask: 2 }).fill();
    memory.map(10).fill().chill();
    memory.reclaim(1, 1, 1);
    return memory.awake(1);
  });

  row("splitLarge: a large folio without contiguous room is split", same([1, 64]), (preset) => {
    const memory = boot(preset, { nodes: two });
    const filler = memory.map(248, { policy: MPOL_BIND, mask: 2, locked: true }).fill();
    for (let page = 0; page < 248; page += 2) memory.calls.zapRange(filler.id, filler.start + page, 1);
    const pages = memory.map(64, { order: 6 }).fill().chill();
    memory.reclaim(64, 1, 1);
    pages.verify();
    return [memory.vmstat().thp_split_page, pages.countAt(1)];
  });

  row("countFolios: two demoted folios of 32 pages are", { rfc2020: 2, linux: 64, lieu: 64 }, (preset) => {
    const memory = boot(preset);
    memory.map(64, { order: 5 }).fill().chill();
    return memory.reclaim(preset === "rfc2020" ? 2 : 64, 1, 1);
  });

  row("anyLower: the next node is blocked, so", { rfc2020: [0, 0], linux: [0, 100], lieu: [0, 100] }, (preset) => {
    const memory = boot(preset);
    block(memory, 1);
    const pages = memory.map(100).fill().chill();
    for (let i = 0; i < 10; i++) memory.reclaim(100, 1, 1);
    return [pages.countAt(1), pages.countAt(2)];
  });

  row(
    "honourCpuset, honourMempolicy: demotion leaves the owner's nodes",
    {
      rfc2020: { bound: true, caged: true },
      linux: { bound: true, caged: false },
      lieu: { bound: false, caged: false },
    },
    (preset) => {
      const memory = boot(preset);
      const bound = memory.map(60, { policy: MPOL_BIND, mask: 1 }).fill().chill();
      const caged = memory
        .map(60, { memcg: memory.group(1) })
        .fill()
        .chill();
      for (let i = 0; i < 10; i++) memory.reclaim(120, 1, 1);
      expect(memory.vmstat().policy_violations).toBe(bound.countAt(1) + caged.countAt(1));
      return { bound: bound.countAt(1) > 0, caged: caged.countAt(1) > 0 };
    },
  );

  /** Ten pages sunk to node 1, then touched right after they were marked. */
  const promote = (preset: Preset): number => {
    const memory = boot(preset);
    const pages = memory.map(10).fill().chill();
    while (pages.countAt(1) < 10) memory.reclaim(10, 1, 1);
    memory.clock.advance(2000);
    memory.vm.turn();
    memory.clock.advance(10);
    pages.verify();
    expect(memory.vmstat().numa_hint_faults).toBe(preset === "rfc2020" ? 0 : 10);
    expect(memory.vmstat().pgpromote_candidate_nrl, "plenty of room").toBe(preset === "lieu" ? 10 : 0);
    expect(memory.vmstat().pgpromote_candidate, "by the limiter").toBe(preset === "linux" ? 10 : 0);
    return pages.countAt(0);
  };
  row(
    "promotion, smallNodes: pages that are touched soon after they were marked",
    { rfc2020: 0, linux: 10, lieu: 10 },
    promote,
  );

  row(
    "smallNodes: a page that is touched late is promoted into a small node with room",
    { rfc2020: 0, linux: 0, lieu: 10 },
    (preset) => {
      const memory = boot(preset);
      const pages = memory.map(10).fill().chill();
      while (pages.countAt(1) < 10) memory.reclaim(10, 1, 1);
      memory.clock.advance(2000);
      memory.vm.turn();
      memory.clock.advance(1001);
      pages.verify();
      return pages.countAt(0);
    },
  );

  row(
    "memcgDemotes: a group at its max",
    {
      rfc2020: { demoted: false, fits: true },
      linux: { demoted: true, fits: true },
      lieu: { demoted: false, fits: true },
    },
    (preset) => {
      const memory = boot(preset);
      const cg = memory.group(7);
      memory.calls.setLimit(cg, C_MAX, 100);
      memory.map(150, { memcg: cg }).fill();
      return {
        demoted: memory.groupVmstat(cg).pgdemote_direct > 0,
        fits: memory.memcg(cg, C_USAGE) <= 100 && memory.groupVmstat(cg).nr_swapped >= 50,
      };
    },
  );

  row(
    "memcgDemotes: lieu cures a group's limit from the bottom; linux empties the fast tier for nothing",
    { rfc2020: "from the top", linux: "demoted in vain", lieu: "from the bottom" },
    (preset) => {
      const memory = boot(preset);
      const cg = memory.group(7);
      const low = memory.map(60, { memcg: cg, policy: MPOL_BIND, mask: 4 }).fill().chill();
      const top = memory.map(60, { memcg: cg }).fill().chill();
      memory.calls.setLimit(cg, C_HIGH, 100);
      const one = memory.map(1, { memcg: cg }).fill();
      expect(one.place(0)).toBe(0);
      const usage = memory.memcg(cg, C_USAGE);
      if (top.countAt(1) > 0 && usage > 100) return "demoted in vain";
      expect(usage).toBeLessThanOrEqual(100);
      return low.countAt(-2) >= 20 && top.countAt(0) === 60 ? "from the bottom" : "from the top";
    },
  );

  row(
    "cascade: the next node is full of colder pages, so the top tier",
    { rfc2020: "swaps", linux: "swaps", lieu: "demotes" },
    (preset) => {
      const memory = boot(preset, { nodes: two });
      const colder = memory.map(248, { policy: MPOL_BIND, mask: 2 }).fill().chill();
      memory.map(248).fill().chill();
      memory.calls.wakeKswapd(0, 0);
      while (memory.awake(0)) memory.calls.kswapdStep(0);
      colder.verify(240);
      const [top, next] = [memory.nodeVmstat(0), memory.nodeVmstat(1)];
      if (top.pswpout > 0 && top.pgdemote_kswapd === 0 && next.pswpout === 0) return "swaps";
      return top.pswpout === 0 && top.pgdemote_kswapd > 0 && next.pswpout > 0 ? "demotes" : "?";
    },
  );

  row(
    "tierFirst: new pages for which the top tier has no room",
    { rfc2020: "fall back", linux: "fall back", lieu: "push cold pages down" },
    (preset) => {
      const memory = boot(preset);
      const cold = memory.map(240).fill().chill();
      const fresh = memory.map(100).fill();
      if (fresh.countAt(1) === 100 && cold.countAt(0) === 240) return "fall back";
      return fresh.countAt(0) === 100 && cold.countAt(1) > 80 ? "push cold pages down" : "?";
    },
  );

  row(
    "coldRefaults: a page back from swap after more evictions than the working set has pages goes to",
    { rfc2020: 0, linux: 0, lieu: 1 },
    (preset) => {
      const memory = boot(preset, { nodes: two });
      const pages = memory.map(400, { policy: MPOL_BIND, mask: 2 }).fill();
      const old = [...Array(400).keys()].find((page) => pages.place(page) === -2) as number;
      pages.fill();
      expect(pages.place(old)).toBe(-2);
      memory.calls.changePolicy(pages.id, MPOL_DEFAULT, 0);
      // Node 0 has no more free than kswapd keeps: room above that would be taken before anything is lost.
      memory.map(256 - 24, { policy: MPOL_BIND, mask: 1 }).fill();
      pages.verify(old, old + 1);
      return pages.place(old);
    },
  );

  row("lean: kswapd, woken under low, frees", { rfc2020: "more", linux: "more", lieu: "to high" }, (preset) => {
    const memory = boot(preset, {
      nodes: [
        { pages: 4096, watermarks: [300, 400, 500, 600] },
        { pages: 4096, tier: 1 },
      ],
    });
    memory
      .map(4096 - 350, { policy: MPOL_BIND, mask: 1 })
      .fill()
      .chill();
    memory.map(4096, { policy: MPOL_BIND, mask: 1, locked: true });
    memory.calls.wakeKswapd(0, 0);
    memory.settle();
    return memory.free(0) <= 500 + 32 ? "to high" : "more";
  });

  row(
    "frequency: of 20 pages found referenced often, though not lately, are still there",
    { rfc2020: 0, linux: 0, lieu: 20 },
    (preset) => {
      const memory = boot(preset, { nodes: two.map((node) => ({ ...node, pages: 2048 })) });
      const pages = memory.map(1600).fill().chill();
      for (let page = 0; page < 20; page++) pages.setFlags(page, 3 * PG_HEAT_ONE);
      memory.reclaim(40, 1, 1);
      let there = 0;
      for (let page = 0; page < 20; page++) if (pages.place(page) === 0) there++;
      return there;
    },
  );

  row(
    "rememberFailure: pages scanned for a second fault that has to pass a node of bound pages by",
    { rfc2020: "some", linux: "some", lieu: "none" },
    (preset) => {
      const memory = boot(preset, { nodes: two });
      memory.map(248, { policy: MPOL_BIND, mask: 1 }).fill();
      const more = memory.map(2);
      more.fill(0, 1);
      if (preset !== "lieu") memory.reclaim(32, 1, 1);
      const { pgscan_direct, pgscan_kswapd, pgscan_proactive } = memory.vmstat();
      more.fill(1, 2);
      if (preset !== "lieu") memory.reclaim(32, 1, 1);
      const now = memory.vmstat();
      const scanned = now.pgscan_direct + now.pgscan_kswapd + now.pgscan_proactive;
      return scanned > pgscan_direct + pgscan_kswapd + pgscan_proactive ? "some" : "none";
    },
  );

  row(
    "coldestFirst: of a group with old pages on the top node and young ones below, its limit takes",
    { rfc2020: "any", linux: "any", lieu: "the old" },
    (preset) => {
      const memory = boot(preset);
      const cg = memory.group(7);
      const old = memory.map(100, { memcg: cg, policy: MPOL_BIND, mask: 1 }).fill();
      const young = memory.map(100, { memcg: cg, policy: MPOL_BIND, mask: 4 }).fill();
      memory.calls.setLimit(cg, C_MAX, 150);
      memory.calls.enforceLimits(cg);
      expect(old.countAt(-2) + young.countAt(-2)).toBeGreaterThanOrEqual(preset === "linux" ? 0 : 50);
      return young.countAt(-2) === 0 && old.countAt(-2) >= 50 ? "the old" : "any";
    },
  );

  row("swapFile: evicted cache pages are", { rfc2020: "dropped", linux: "dropped", lieu: "swapped" }, (preset) => {
    const memory = boot(preset);
    const pages = memory.map(100, { file: true }).fill().chill();
    memory.reclaim(50, 1, 2);
    const { pswpout, pgdiscard } = memory.vmstat();
    expect(pswpout + pgdiscard).toBe(pages.countAt(-1) + pages.countAt(-2));
    return pswpout >= 50 && pgdiscard === 0 ? "swapped" : pgdiscard >= 50 && pswpout === 0 ? "dropped" : "?";
  });
});
