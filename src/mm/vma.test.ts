import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { MAX_VMAS, V_RESIDENT, V_START, vma } from "./layout.ts";
import { createVma, findVma } from "./vma.ts";

const boot = (vpns = 4096) => {
  const memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }], vpns });
  memory.vm.inspect();
  return memory;
};
const step = fc.oneof(
  fc.record({ pages: fc.integer({ min: 1, max: 700 }), order: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ unmap: fc.nat(100) }),
);

describe("mappings", () => {
  test("get the first range that is free and aligned, as a model that tries every page finds it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        using memory = boot();
        const used: number[] = Array(4096).fill(-1);
        const held = new Map<number, { start: number; pages: number }>();
        for (const s of steps) {
          if ("pages" in s) {
            const align = 2 ** s.order;
            const id = createVma(s.pages, align, 0, 0, s.order, 0);
            let expected = 0;
            while (expected + s.pages <= 4096 && used.slice(expected, expected + s.pages).some((u) => u >= 0)) {
              expected += align;
            }
            if (expected + s.pages > 4096) {
              expect(id).toBe(-2);
              continue;
            }
            expect(held.has(id)).toBe(false);
            expect(vma(id, V_START)).toBe(expected);
            used.fill(id, expected, expected + s.pages);
            held.set(id, { start: expected, pages: s.pages });
          } else if (held.size > 0) {
            const id = [...held.keys()][s.unmap % held.size] as number;
            const { start, pages } = held.get(id) as { start: number; pages: number };
            expect(memory.calls.destroyVma(id)).toBe(0);
            used.fill(-1, start, start + pages);
            held.delete(id);
          }
          for (let vpn = 0; vpn < 4096; vpn += 61) expect(findVma(vpn)).toBe(used[vpn]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test(`there are ${MAX_VMAS} of them, and a number that is given back is used again`, () => {
    const memory = boot();
    for (let id = 0; id < MAX_VMAS; id++) expect(createVma(1, 1, 0, 0, 0, 0)).toBe(id);
    expect(createVma(1, 1, 0, 0, 0, 0)).toBe(-1);
    memory.calls.destroyVma(500);
    expect(createVma(1, 1, 0, 0, 0, 0)).toBe(500);
    expect(vma(500, V_START)).toBe(500);
  });

  test("an unmapped one gives back frames, slots and history", () => {
    const memory = bootEngine({ nodes: [{ pages: 256 }], swap: 64 });
    const pages = memory.map(50).touch();
    pages.pageout(0, 20);
    expect(vma(pages.id, V_RESIDENT)).toBe(30);
    const free = memory.free(0);
    expect(pages.unmap()).toBe(0);
    expect(memory.free(0)).toBe(free + 30);
    expect(memory.vmstat().nr_swapped).toBe(0);
    expect(pages.shadow(0)).toBe(0);
  });

  /** Where each looked at all that there are, once for each that was in its way, it took two hundred times as long, two minutes here. */
  test("to make one beside a thousand of other sizes is no walk for each of them", () => {
    const memory = boot(16_384);
    let x = 1;
    const random = (n: number) => {
      x = (x * 48_271) % 0x7fffffff;
      return x % n;
    };
    const make = () => createVma(1 + random(8), 1, 0, 0, 0, 0);
    const made = Array.from({ length: 1000 }, make);
    const start = performance.now();
    for (let i = 0; i < 5000; i++) {
      const at = random(made.length);
      memory.calls.destroyVma(made[at] as number);
      made[at] = make();
    }
    const took = performance.now() - start;
    expect(took).toBeLessThan(10_000);
    expect(new Set(made).size).toBe(1000);
    expect(made).not.toContain(-1);
  });
});
