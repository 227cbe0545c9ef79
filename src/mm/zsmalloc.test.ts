import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine, type TestEngine } from "../../test/support/engine.ts";
import { walkZspages } from "./debug-vm-pool.ts";
import { H_ZPOOL_FREE, hdr, setSlotSum, slotSum, zbufferAddr } from "./layout.ts";
import { zsContentSize, zsCost, zsOwner } from "./zsmalloc.ts";

const PAGES = 40;
/** Owners: slots of the device behind the pool's own. */
const SLOTS = 600;

function checkPool(objects: number): void {
  const found = [...walkZspages().values()].reduce((n, inUse) => n + inUse, 0);
  expect(found).toBe(objects);
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("store" as const),
      bytes: fc.integer({ min: 1, max: 4096 }),
      slot: fc.nat(SLOTS - 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("store" as const),
      bytes: fc.integer({ min: 1, max: 90 }),
      slot: fc.nat(SLOTS - 1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("free" as const), slot: fc.nat(SLOTS - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("compact" as const), pages: fc.integer({ min: 1, max: 8 }) }) },
);

function content(slot: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (slot * 31 + i * 7 + (i >> 8)) & 255);
}

describe.each(["js", "wasm"] as const)("the pool (%s)", (engine) => {
  function storeTo(memory: TestEngine, held: Map<number, Uint8Array>, slot: number, bytes: number): boolean {
    const { h8, data } = memory.vm.segment;
    const handle = memory.calls.zsMalloc(bytes, slot);
    if (handle < 0) return false;
    const value = content(slot, bytes);
    h8.set(value, data);
    memory.calls.zsWrite(handle, data, bytes);
    setSlotSum(slot, handle);
    held.set(slot, value);
    return true;
  }
  function checkAll(memory: TestEngine, held: Map<number, Uint8Array>): void {
    const { h8 } = memory.vm.segment;
    for (const [slot, value] of held) {
      const handle = slotSum(slot);
      expect(zsOwner(handle)).toBe(slot);
      expect(zsContentSize(handle)).toBeGreaterThanOrEqual(value.length);
      const at = memory.calls.zsRead(handle, zbufferAddr());
      expect(Buffer.compare(h8.subarray(at, at + value.length), value)).toBe(0);
    }
    checkPool(held.size);
  }

  test("does as a map does, through fragmentation and compaction", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 300 }), (steps) => {
        using memory = bootEngine({ nodes: [{ pages: 64 }], swap: SLOTS, zpages: PAGES, engine });
        memory.vm.inspect();
        const held = new Map<number, Uint8Array>();
        for (const s of steps) {
          if (s.do === "store" && !held.has(s.slot)) {
            const free = hdr(H_ZPOOL_FREE);
            const stored = storeTo(memory, held, s.slot, s.bytes);
            // Refused only where there are not the pages for one more zspage.
            expect(stored || free < 8).toBe(true);
          } else if (s.do === "free" && held.delete(s.slot)) memory.calls.zsFree(slotSum(s.slot));
          else if (s.do === "compact") {
            const free = hdr(H_ZPOOL_FREE);
            expect(memory.calls.zsCompact(s.pages)).toBe(hdr(H_ZPOOL_FREE) - free);
          }
        }
        checkAll(memory, held);
        for (const slot of held.keys()) memory.calls.zsFree(slotSum(slot));
        expect(hdr(H_ZPOOL_FREE)).toBe(PAGES);
      }),
      { numRuns: engine === "js" ? 40 : 60 },
    );
  });

  test("compaction gives back what holes took", () => {
    using memory = bootEngine({ nodes: [{ pages: 64 }], swap: SLOTS, zpages: PAGES, engine });
    memory.vm.inspect();
    const held = new Map<number, Uint8Array>();
    for (let slot = 0; storeTo(memory, held, slot, 1000); slot++);
    const stored = held.size;
    expect(stored).toBeGreaterThan(150);
    for (let slot = 0; slot < stored; slot++) {
      if (slot % 4 === 0) continue;
      memory.calls.zsFree(slotSum(slot));
      held.delete(slot);
    }
    memory.calls.zsCompact(PAGES);
    expect(hdr(H_ZPOOL_FREE)).toBeGreaterThan(PAGES * 0.6);
    checkAll(memory, held);
    for (const slot of held.keys()) memory.calls.zsFree(slotSum(slot));
  });

  test("wastes little where objects of many sizes are few: they share zspages rather than begin one for each size", () => {
    using memory = bootEngine({ nodes: [{ pages: 64 }], swap: SLOTS, zpages: 10 * PAGES, engine });
    memory.vm.inspect();
    const held = new Map<number, Uint8Array>();
    let bytes = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const size = 700 + ((slot * 389) % 1500);
      bytes += size;
      expect(storeTo(memory, held, slot, size)).toBe(true);
    }
    // 94 sizes, and 6 objects of each; one zspage of each would take twice the bytes.
    expect(((10 * PAGES - hdr(H_ZPOOL_FREE)) * 4096) / bytes).toBeLessThan(1.5);
    checkAll(memory, held);
    for (const slot of held.keys()) memory.calls.zsFree(slotSum(slot));
    expect(hdr(H_ZPOOL_FREE)).toBe(10 * PAGES);
  });

  test("wastes little at any size", () => {
    using memory = bootEngine({ nodes: [{ pages: 64 }], swap: 1, zpages: PAGES, engine });
    memory.vm.inspect();
    let worst = 0;
    for (let bytes = 200; bytes < 3600; bytes++) worst = Math.max(worst, zsCost(bytes) / (bytes + 4));
    expect(worst).toBeLessThan(1.14);
    expect(zsCost(4096)).toBe(4096);
  });
});
