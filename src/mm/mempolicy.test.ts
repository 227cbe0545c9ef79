import { describe, expect, test } from "vitest";
import { bootEngine, type MapSpec, type Pages, type TestEngine } from "../../test/support/engine.ts";
import { H_HOME } from "./layout.ts";
import {
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_PREFERRED,
  MPOL_WEIGHTED_INTERLEAVE,
  placementMask,
  policyNode,
} from "./mempolicy.ts";

/** Two sockets, each with DRAM (0, 1) and slower memory of its own (2, 3). */
const boot = (home = 0): TestEngine => {
  const memory = bootEngine({
    nodes: [0, 0, 1, 1].map((tier) => ({ pages: 64, tier })),
    distances: [
      [10, 21, 17, 28],
      [21, 10, 28, 17],
      [17, 28, 10, 28],
      [28, 17, 28, 10],
    ],
  });
  memory.calls.tune(H_HOME, home);
  memory.vm.inspect();
  return memory;
};
/** The nodes that the first pages ask for. */
const asked = (pages: Pages, n: number): string => {
  const mask = placementMask(pages.id);
  return Array.from({ length: n }, (_, i) => policyNode(pages.id, pages.start + i, 0, mask)).join("");
};

describe("the node that a page asks for", () => {
  const map = (memory: TestEngine, spec: MapSpec): Pages => {
    memory.map(3); // so that mappings do not start at virtual page 0
    const pages = memory.map(40, spec);
    memory.vm.inspect();
    return pages;
  };

  test.each<[string, MapSpec, number, string]>([
    ["default: home", { policy: MPOL_DEFAULT }, 0, "0000"],
    ["default, from the other socket", { policy: MPOL_DEFAULT }, 1, "1111"],
    ["bind: the nearest to home of those named", { policy: MPOL_BIND, mask: 0b1110 }, 0, "2222"],
    ["bind, from the other socket", { policy: MPOL_BIND, mask: 0b1101 }, 1, "3333"],
    ["preferred", { policy: MPOL_PREFERRED, mask: 0b1000 }, 0, "3333"],
    ["interleave: by offset", { policy: MPOL_INTERLEAVE, mask: 0b1011 }, 0, "01301301"],
    ["interleave over one", { policy: MPOL_INTERLEAVE, mask: 0b0100 }, 0, "2222"],
    [
      "weighted interleave",
      { policy: MPOL_WEIGHTED_INTERLEAVE, mask: 0b1011, weights: { 0: 3, 1: 1, 3: 2 } },
      0,
      "000133000133",
    ],
    [
      "weights of nodes that are not named count for nothing",
      { policy: MPOL_WEIGHTED_INTERLEAVE, mask: 0b0101, weights: { 0: 1, 1: 9, 2: 2 } },
      0,
      "022022",
    ],
  ])("%s", (_, spec, home, expected) => {
    expect(asked(map(boot(home), spec), expected.length)).toBe(expected);
  });

  test("the group's mems come off the nodes named; if none is left, it is as if none had been named", () => {
    const memory = boot();
    const memcg = memory.group(0b0110);
    expect(asked(map(memory, { memcg, policy: MPOL_INTERLEAVE, mask: 0b0111 }), 6)).toBe("121212");
    expect(asked(map(memory, { memcg, policy: MPOL_PREFERRED, mask: 0b0001 }), 3)).toBe("222");
    expect(asked(map(memory, { memcg }), 3), "nearest to home").toBe("222");
    const bound = map(memory, { memcg, policy: MPOL_BIND, mask: 0b1001 });
    expect(placementMask(bound.id)).toBe(0);
  });

  test("a page asks for the same node again after it was away", () => {
    const memory = bootEngine({ nodes: [0, 0, 1].map((tier) => ({ pages: 64, tier })), swap: 64 });
    const pages = memory.map(12, { policy: MPOL_INTERLEAVE, mask: 0b111 }).fill();
    const before = [...pages.version.keys()].map((page) => pages.place(page));
    expect(before.join("")).toBe("012012012012");
    pages.pageout();
    pages.verify();
    expect([...pages.version.keys()].map((page) => pages.place(page))).toEqual(before);
    expect(memory.vmstat().numa_interleave).toBe(24);
    expect(memory.vmstat()).toMatchObject({ numa_hit: 24, numa_miss: 0, numa_foreign: 0 });
  });

  test("only bind forbids: the others fall back when the node that they ask for is full", () => {
    const memory = boot();
    const pages = memory.map(100, { policy: MPOL_PREFERRED, mask: 0b0010 }).touch();
    expect(pages.countAt(1)).toBeGreaterThan(20);
    expect(pages.countAt(1)).toBeLessThan(64);
    const v = memory.vmstat();
    expect(v.numa_miss).toBe(v.numa_foreign);
    expect(v.numa_hit + v.numa_miss).toBe(100);
    expect(memory.nodeVmstat(1).numa_foreign).toBe(v.numa_foreign);
  });
});
