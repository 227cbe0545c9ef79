/** Where pages go that are back from swap: by how long they were away, and by what became of those before them. */
import { describe, expect, test } from "vitest";
import { bootEngine, type EngineSpec, type Pages, type TestEngine, TWINS } from "../../test/support/engine.ts";
import {
  N_LATENCY,
  N_NEAR_NR,
  N_NEAR_TIME,
  N_NEAR_USES,
  N_REFAULT_NR,
  N_REFAULT_TIME,
  N_REFAULT_USES,
  N_VICTIM_NR,
  N_VICTIM_TIME,
  N_VICTIM_USES,
  node,
  setNode,
} from "./layout.ts";
import { MPOL_BIND, MPOL_PREFERRED } from "./mempolicy.ts";
import { refaultPays } from "./newcomers.ts";
import { span } from "./samples.ts";

describe.each(TWINS)("refaults (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      lru: "classic",
      bytes: false,
      swap: 8000,
      nodes: [{ pages: 400 }, { pages: 800, tier: 1 }],
      ...spec,
    });
  /** Send pages out, and push far more than the working set after them. */
  function sendFar(memory: TestEngine, pages: Pages): void {
    pages.touch();
    expect(pages.pageout()).toBe(pages.count);
    const stream = memory.map(4000);
    stream.touch();
    stream.unmap();
    memory.settle();
  }
  const fullTop = (memory: TestEngine): Pages => memory.map(360, { policy: MPOL_BIND, mask: 1 }).touch();
  const back = (pages: Pages): number[] => {
    for (let page = 0; page < pages.count; page++) expect(pages.access(page)).toBe(0);
    return [pages.countAt(0), pages.countAt(1)];
  };

  test("long ago: the slowest tier", () => {
    const memory = boot();
    const far = memory.map(80);
    sendFar(memory, far);
    fullTop(memory);
    expect(back(far)).toEqual([0, 80]);
  });

  /** Two dozen pages that went out just now, within the working set, which is what is active. */
  function near(memory: TestEngine): Pages {
    const pages = memory.map(24).touch();
    const top = memory.map(320, { policy: MPOL_BIND, mask: 1 }).touch();
    expect(pages.countAt(0)).toBe(24);
    top.heat(0, 200);
    expect(pages.pageout()).toBe(24);
    return pages;
  }
  test("just now, within the working set, which is what is active: the fastest, but for a few to learn from", () => {
    const [up] = back(near(boot({ seed: 7 })));
    expect(up).toBeGreaterThan(16);
    expect(up).toBeLessThan(24);
    expect(back(near(boot({ behaviours: { promotionPays: false } })))).toEqual([24, 0]);
  });

  test("just now, where earlier ones were used no more than what has to leave the top: the slowest tier", () => {
    for (const [uses, few] of [
      [20, false],
      [1, true],
    ] as const) {
      const memory = boot({ seed: 7 });
      const pages = near(memory);
      memory.map(40).touch();
      setNode(0, N_NEAR_USES, uses * 64);
      setNode(0, N_NEAR_NR, 64);
      setNode(0, N_VICTIM_USES, 64);
      setNode(0, N_VICTIM_NR, 64);
      for (const time of [N_NEAR_TIME, N_VICTIM_TIME]) setNode(0, time, 64 * span());
      let up = 0;
      for (let page = 0; page < 20; page++) {
        expect(pages.access(page)).toBe(0);
        if (pages.place(page) === 0) up++;
      }
      if (few) expect(up, `${uses} uses`).toBe(0);
      else expect(up, `${uses} uses`).toBeGreaterThan(12);
    }
  });

  test("a loop over a little more than all nodes leaves the fastest alone, and loses fewer pages than under the kernel's order", () => {
    const run = (preset: "lieu" | "linux"): { faults: number; moved: number } => {
      const memory = boot({ preset, seed: 7 });
      const pages = memory.map(1220);
      const lap = (): void => {
        for (let page = 0; page < pages.count; page++) {
          if (pages.access(page) !== 0) throw new Error("no memory");
          if (page % 100 === 0) memory.clock.advance(50);
        }
      };
      for (let i = 0; i < 6; i++) lap();
      const before = memory.vmstat();
      for (let i = 0; i < 4; i++) lap();
      const after = memory.vmstat();
      memory.check();
      return {
        faults: (after.pswpin - before.pswpin) / (4 * pages.count),
        moved: (after.pgmigrate_success - before.pgmigrate_success) / (4 * pages.count),
      };
    };
    const [lieu, linux] = [run("lieu"), run("linux")];
    expect(lieu.moved).toBeLessThan(0.02);
    expect(lieu.faults).toBeLessThan(0.8 * linux.faults);
  });

  test("not what a policy wishes for, nor where nothing is promoted or demoted", () => {
    for (const [spec, policy] of [
      [{}, { policy: MPOL_PREFERRED, mask: 1 }],
      [{ behaviours: { promotion: false } }, {}],
      [{ behaviours: { coldRefaults: false } }, {}],
      [{ preset: "linux" }, {}],
    ] as const) {
      const memory = boot(spec);
      const far = memory.map(30, policy);
      sendFar(memory, far);
      expect(back(far)[0], JSON.stringify([spec, policy])).toBe(30);
    }
  });

  test("room far above what kswapd keeps is nobody's: they take it", () => {
    const memory = boot();
    const far = memory.map(80);
    sendFar(memory, far);
    expect(back(far)).toEqual([80, 0]);
  });

  test("where earlier ones were used so much more than what has to leave the top that it pays, all but some go straight up", () => {
    for (const [refaults, victims, few] of [
      [20, 1, true],
      [20, 20, false],
      [3, 1, false],
    ] as const) {
      const memory = boot({ seed: 7 });
      const far = memory.map(160);
      sendFar(memory, far);
      memory.map(360, {}).touch();
      memory.vm.inspect();
      // A use costs 200 ns more below, and a page that makes way 2,000.
      setNode(0, N_REFAULT_USES, refaults * 64);
      setNode(0, N_REFAULT_NR, 64);
      setNode(0, N_VICTIM_USES, victims * 64);
      setNode(0, N_VICTIM_NR, 64);
      for (const time of [N_REFAULT_TIME, N_VICTIM_TIME]) setNode(0, time, 64 * span());
      for (let page = 0; page < 32; page++) expect(far.access(page)).toBe(0);
      const up = [...Array(32).keys()].filter((page) => far.place(page) === 0).length;
      expect(up > 20, `${refaults} and ${victims} uses: ${up} of 32 went up`).toBe(few);
      expect(up, "one in eight goes below to learn when that changes").toBeLessThan(32);
    }
  });

  test("what they are used in as long again as they were counted is counted on, too", () => {
    const memory = boot({ seed: 7 });
    memory.calls.setPrices(2000, 50, 1);
    memory.map(360, {}).touch();
    memory.vm.inspect();
    expect(node(1, N_LATENCY) - node(0, N_LATENCY)).toBe(200);
    setNode(0, N_REFAULT_NR, 64);
    setNode(0, N_VICTIM_NR, 64);
    setNode(0, N_VICTIM_USES, 64);
    for (const time of [N_REFAULT_TIME, N_VICTIM_TIME]) setNode(0, time, 64 * span());
    const up = (uses: number): number => {
      setNode(0, N_REFAULT_USES, uses * 64);
      return [...Array(64)].filter(() => refaultPays(0, 1, false)).length;
    };
    // (uses - 1) x 200 ns, twice, against 2,000 for the page that makes way.
    expect(up(5)).toBe(0);
    expect(up(7)).toBeGreaterThan(40);
    expect(up(7)).toBeLessThan(64);
  });
});
