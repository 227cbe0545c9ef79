/**
 * Rule 13, room before loss: nothing is swapped out or dropped while a node that its owner may use has free pages above its
 * high watermark. A wish (preferred, interleave) is no bound; a binding policy and a group's mems are.
 */
import { describe, expect, test } from "vitest";
import {
  bind,
  interleave,
  openMemorySync,
  type Policy,
  preferred,
  simCrank,
  weightedInterleave,
} from "../../src/index.ts";

const lru = process.env.LIEU_LRU === "mglru" ? "mglru" : "classic";
const PAGE = 4096;
const model = (mib: number, tier = 0) => ({ kind: "model" as const, size: mib * 2 ** 20, tier });

function open(nodes: Record<string, ReturnType<typeof model>>) {
  const swap = [{ kind: "null" as const, size: 64 * 2 ** 20 }];
  return openMemorySync({ pretouch: false, lru, nodes, swap }, { crank: simCrank() });
}
function fill(region: { size: number; translate(at: number, mode: "write"): unknown }): void {
  for (let at = 0; at < region.size; at += PAGE) region.translate(at, "write");
}

describe("rule 13, room before loss", () => {
  const wishes: [string, Policy][] = [
    ["preferred", preferred("slow")],
    ["interleave", interleave("dram", "slow")],
    ["weightedInterleave", weightedInterleave({ dram: 1, slow: 3 })],
  ];
  test.each(wishes)(
    "%s is a wish: a full node that was wished for swaps nothing while another has room",
    (_, policy) => {
      using memory = open({ dram: model(32), slow: model(2, 1) });
      fill(memory.map("16MiB", { policy }));
      memory.check();
      expect(memory.vmstat()).toMatchObject({ pswpout: 0, room_violations: 0 });
    },
  );

  test.each([1, 2, 3])("with %i slow nodes, nothing is swapped before all of them are full", (n) => {
    const slow = Object.fromEntries(Array.from({ length: n }, (_, i) => [`s${i}`, model(2 + 2 * i, 1 + (i & 1))]));
    using memory = open({ dram: model(4), ...slow });
    const total = [4, 2, 4, 6].slice(0, n + 1).reduce((a, b) => a + b);
    fill(memory.map(`${total * 0.8}MiB`));
    memory.check();
    expect(memory.vmstat()).toMatchObject({ pswpout: 0, room_violations: 0 });
  });

  test("what binds does bind: beside empty memory that it may not use, a bound region swaps", () => {
    using memory = open({ dram: model(4), slow: model(16, 1) });
    fill(memory.map("6MiB", { policy: bind("dram") }));
    memory.check();
    expect(memory.vmstat().pswpout).toBeGreaterThan(0);
    expect(memory.vmstat()).toMatchObject({ room_violations: 0, policy_violations: 0 });
  });

  test.each(["mems", "setPolicy"])("a move by %s that is some pages short sends out about as many", (how) => {
    using memory = open({ dram: model(16), slow: model(8, 1) });
    const group = memory.group("g", { mems: how === "mems" ? ["dram"] : ["dram", "slow"] });
    const region = memory.map("7.9MiB", { group, policy: how === "mems" ? undefined : bind("dram") });
    fill(region);
    const pages = region.size / PAGE;
    const short = pages - memory.node("slow").free / PAGE;
    if (how === "mems") group.set({ mems: ["slow"] });
    else region.setPolicy(bind("slow"));
    memory.check();
    const places = Array.from({ length: Math.floor(pages) }, (_, p) => region.placeCode(p));
    const out = places.filter((place) => place === -2).length;
    expect(places.filter((place) => place === 0)).toEqual([]);
    expect(out, `${short} pages short of all that is free`).toBeLessThan(100);
  });
});
