import fc from "fast-check";
import { expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { H_NR_SLOTS, hdr } from "./layout.ts";
import { addSlot, addSlots, FREE_SLOTS, nextAround, nextSlot, POOL_SLOTS, removeSlot } from "./slot-sets.ts";
import { allocSlot, cancelSlot } from "./swap.ts";

/** Four levels of words, the last of each not full. */
const SLOTS = 40_007;

/** Near ends of words and of levels as often as anywhere. */
const slot = fc.oneof(
  fc.integer({ min: 0, max: SLOTS - 1 }),
  fc.tuple(fc.constantFrom(0, 32, 1024, 32_768, SLOTS - 1), fc.integer({ min: -2, max: 2 })).map(([at, by]) => at + by),
);
const operation = fc.record({
  what: fc.constantFrom("add", "addRange", "remove", "next", "around"),
  at: slot.filter((at) => at >= 0 && at < SLOTS),
  other: slot.filter((at) => at >= 0 && at < SLOTS),
});

test("a set of slots does as a Set does", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      using memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }], swap: SLOTS });
      memory.vm.inspect();
      const model = new Set<number>();
      const first = (from: number, to: number) => {
        let least = -1;
        for (const s of model) if (s >= from && s < to && (least < 0 || s < least)) least = s;
        return least;
      };
      for (const { what, at, other } of operations) {
        const from = Math.min(at, other);
        const to = Math.max(at, other);
        if (what === "add") {
          addSlot(POOL_SLOTS, at);
          model.add(at);
        } else if (what === "addRange") {
          const end = Math.min(to, from + 100) + 1;
          addSlots(POOL_SLOTS, from, end);
          for (let s = from; s < end; s++) model.add(s);
        } else if (what === "remove") {
          removeSlot(POOL_SLOTS, at);
          model.delete(at);
        } else if (what === "next") expect(nextSlot(POOL_SLOTS, from, to)).toBe(first(from, to));
        else {
          const found = first(at, SLOTS);
          expect(nextAround(POOL_SLOTS, 0, SLOTS, at)).toBe(found >= 0 ? found : first(0, at));
        }
      }
      for (let s = nextSlot(POOL_SLOTS, 0, SLOTS); s >= 0; s = nextSlot(POOL_SLOTS, s + 1, SLOTS)) {
        expect(model.delete(s)).toBe(true);
        removeSlot(POOL_SLOTS, s);
      }
      expect(model.size).toBe(0);
    }),
    { numRuns: 30 },
  );
});

test("all slots of several devices are free at first, and found from each device's own", () => {
  using memory = bootEngine({
    bytes: false,
    nodes: [{ pages: 64 }],
    swap: [
      { slots: 45, priority: 1 },
      { slots: 3, priority: 1 },
      { slots: 0, priority: 1 },
      { slots: 1000, priority: 0 },
    ],
  });
  memory.vm.inspect();
  expect(hdr(H_NR_SLOTS)).toBe(1048);
  for (let s = 0; s < 1048; s++) expect(nextSlot(FREE_SLOTS, s, 1048)).toBe(s);
  const taken = Array.from({ length: 48 }, () => allocSlot(1));
  expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 48 }, (_, i) => i));
  expect(allocSlot(1)).toBe(48);
  for (let s = 0; s <= 48; s++) cancelSlot(s);
});

/** By a walk over the slots it would look at half of them each time, five thousand million in all. */
test("a full device finds the slot that came free, however many it has", () => {
  const slots = 1 << 18;
  using memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }], swap: slots });
  memory.vm.inspect();
  for (let s = 0; s < slots; s++) allocSlot(1);
  const start = performance.now();
  let found = 0;
  for (let i = 0, s = 1; i < 40_000; i++) {
    s = (s * 48_271 + 1) % slots;
    cancelSlot(s);
    if (allocSlot(1) === s) found++;
  }
  expect(performance.now() - start).toBeLessThan(2000);
  expect(found).toBe(40_000);
  for (let s = 0; s < slots; s++) cancelSlot(s);
});
