/**
 * Rule 3, balancing (the RFC's third use): only between peers that the user named, only into room above the peer's high
 * watermark, and pressure made in one group never pushes another group's pages.
 */
import { describe, expect, test } from "vitest";
import { C_USAGE } from "../../src/mm/layout.ts";
import { MPOL_BIND, MPOL_PREFERRED } from "../../src/mm/mempolicy.ts";
import { bootEngine, type EngineSpec, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const HIGH = marks[2];
const tiers = (...list: number[]) => list.map((tier) => ({ pages: 256, tier, watermarks: marks }));
/** Start on node 0, and be allowed anywhere. */
const home = { policy: MPOL_PREFERRED, mask: 1 };

describe.each(TWINS)("rule 3, balancing (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine => {
    const memory = bootEngine({ engine, swap: 1024, nodes: tiers(0, 0, 1), ...spec });
    memory.calls.setBalance(0, 0b010);
    memory.calls.setBalance(1, 0b001);
    return memory;
  };

  test.each([
    ["a caller that reclaims", 0],
    ["kswapd", 256],
  ])("%s moves the pressured group's pages to the peer, until its free pages are down to high", (actor, steps) => {
    const memory = boot({ steps: steps as number });
    const a = memory.group(0b111);
    const pages = memory.map(600, { ...home, memcg: a });
    let least = 256;
    for (let page = 0; page < 600; page++) {
      pages.write(page);
      least = Math.min(least, memory.free(1));
    }
    expect(memory.groupVmstat(a).pgbalance).toBeGreaterThan(150);
    expect(least, "never into the last room above high").toBe(HIGH + 1);
    expect(memory.vmstat().pgbalance, "charged to the source").toBe(memory.nodeVmstat(0).pgbalance);
    expect(memory.vmstat()[actor === "kswapd" ? "pgdemote_kswapd" : "pgdemote_direct"]).toBeGreaterThan(0);
    expect(memory.memcg(a, C_USAGE) + memory.groupVmstat(a).nr_swapped).toBe(600);
    pages.verify();
  });

  test.each([0, 256])(
    "another group's idle pages on the peer, and on the node itself, stay out of it (%d steps)",
    (steps) => {
      const memory = boot({ steps });
      const a = memory.group(0b111);
      const b = memory.group(0b111);
      const onPeer = memory.map(120, { policy: MPOL_PREFERRED, mask: 2, memcg: b }).fill().chill();
      const onNode = memory
        .map(60, { ...home, memcg: b })
        .fill()
        .chill();
      const frames = [...onPeer.version.keys()].map((page) => onPeer.frame(page));
      const greedy = memory.map(500, { ...home, memcg: a }).fill();
      expect(memory.groupVmstat(a).pgbalance).toBeGreaterThan(50);
      expect(memory.groupVmstat(b).pgbalance).toBe(0);
      expect(onNode.countAt(1), "demoted, perhaps, but not balanced").toBe(0);
      expect([...onPeer.version.keys()].map((page) => onPeer.frame(page))).toEqual(frames);
      expect(memory.nodeVmstat(1)).toMatchObject({ pgscan_kswapd: 0, pgscan_direct: 0 });
      expect(memory.awake(1)).toBe(false);
      for (const pages of [onPeer, onNode, greedy]) pages.verify();
    },
  );

  test("pressure that comes down by demotion pushes no other group's pages between the peers below", () => {
    const memory = bootEngine({ engine, swap: 1024, steps: 256, nodes: tiers(0, 1, 1) });
    memory.calls.setBalance(1, 0b100);
    memory.calls.setBalance(2, 0b010);
    const a = memory.group(0b111);
    const b = memory.group(0b111);
    // B fills node 1 down to low and has cold pages on node 0 that A's pressure will demote there.
    memory.calls.setDemotionTargets(0, 0b010, 0b010);
    const below = memory.map(240, { policy: MPOL_PREFERRED, mask: 2, memcg: b }).fill().chill();
    const above = memory
      .map(100, { ...home, memcg: b })
      .fill()
      .chill();
    expect([memory.free(1), memory.awake(1)]).toEqual([16, false]);
    const greedy = memory.map(300, { ...home, memcg: a }).fill();
    expect(memory.groupVmstat(b).pgdemote_kswapd).toBeGreaterThan(0);
    expect(memory.groupVmstat(b).pgbalance).toBe(0);
    for (const pages of [below, above, greedy]) pages.verify();
  });

  test("without the user's naming the peers, or for a page that may not be there, nothing is balanced", () => {
    const apart = bootEngine({ engine, swap: 1024, steps: 0, nodes: tiers(0, 0, 1) });
    apart.map(500, { ...home, memcg: apart.group(0b111) }).fill();
    expect(apart.vmstat()).toMatchObject({ pgbalance: 0, pswpout: 0 });
    const bound = boot({ steps: 0 });
    bound.map(400, { policy: MPOL_BIND, mask: 0b101, memcg: bound.group(0b111) }).fill();
    bound.map(200, { ...home, memcg: bound.group(0b101) }).fill();
    expect(bound.vmstat()).toMatchObject({ pgbalance: 0, policy_violations: 0 });
    // The peer is used in lieu of swap, and only then: node 2 is full.
    expect([apart.used(1) > 0, apart.free(2) <= HIGH, bound.used(1)]).toEqual([true, true, 0]);
  });

  test("a peer at its high watermark takes nothing, and a request, which is nobody's pressure, balances nothing", () => {
    const full = boot({ steps: 0 });
    full.map(256 - HIGH, { policy: MPOL_BIND, mask: 2 }).fill();
    full.map(400, { ...home, memcg: full.group(0b111) }).fill();
    expect([full.vmstat().pgbalance, full.free(1)]).toEqual([0, HIGH]);
    const asked = boot({ steps: 0 });
    asked
      .map(100, { ...home, memcg: asked.group(0b111) })
      .fill()
      .chill();
    expect(asked.reclaim(64, 0b001)).toBeGreaterThan(0);
    expect(asked.vmstat().pgbalance).toBe(0);
  });
});
