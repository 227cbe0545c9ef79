/** Rule 13 for what is in swap: a cache's page whose slot another needs comes back where there is room, and is dropped only where there is none. */
import { describe, expect, test } from "vitest";
import { C_MAX } from "../../src/mm/layout.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { bootEngine, faultsOf, type Pages, TWINS } from "../support/engine.ts";

describe.each(TWINS)("rule 13, slots (%s)", (engine) => {
  /** Swap full of a cache's pages; node 1 with room again; and a region that is bound to node 0 and swaps. */
  function prepare(lru: "classic" | "mglru", cacheMask = 3) {
    const memory = bootEngine({
      engine,
      lru,
      nodes: [{ pages: 400 }, { pages: 400, tier: 1 }],
      swap: [{ slots: 100, faults: { enabled: false, read: { error: 1 } } }],
    });
    const cg = memory.group(3);
    const cache = memory.map(100, { file: true, policy: MPOL_BIND, mask: cacheMask, memcg: cg }).fill();
    const dropped: number[] = [];
    memory.vm.onDiscard(cache.id, (vpn) => dropped.push(vpn));
    const filler = memory.map(300, { policy: MPOL_BIND, mask: 2, locked: true }).touch();
    expect(cache.pageout()).toBe(100);
    filler.unmap();
    memory.settle();
    const region = memory.map(450, { policy: MPOL_BIND, mask: 1 });
    const press = (): Pages => region.fill();
    return { memory, cg, cache, dropped, press };
  }

  test.each(["classic", "mglru"] as const)("nothing is dropped from swap beside room (%s)", (lru) => {
    const { memory, cache, dropped, press } = prepare(lru);
    press();
    expect(dropped).toEqual([]);
    expect(cache.countAt(1)).toBeGreaterThan(50);
    expect(cache.countAt(1) + cache.countAt(-2)).toBe(100);
    for (let page = 0; page < 100; page++) if (cache.place(page) >= 0) cache.verifyResident(page);
    expect(memory.vmstat()).toMatchObject({ swap_discard: 0, room_violations: 0, policy_violations: 0 });
  });

  test("where the cache may not go, or is at its limit, or the device cannot read, it is dropped", () => {
    for (const why of ["policy", "limit", "device"]) {
      const { memory, cg, cache, dropped, press } = prepare("classic", why === "policy" ? 1 : 3);
      if (why === "limit") memory.calls.setLimit(cg, C_MAX, 0);
      if (why === "device") faultsOf(memory).enabled = true;
      press();
      expect(dropped.length, why).toBeGreaterThan(50);
      expect(cache.countAt(-1), why).toBe(dropped.length);
      expect(memory.vmstat().room_violations).toBe(0);
    }
  });
});
