/** What every swap device must do, whatever it is made of. A device's own tests call {@link swapDeviceContract}. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attachDevice } from "../../src/swap/attach.ts";
import { PAGE_SIZE, type SwapDevice } from "../../src/swap/device.ts";

const SLOTS = 24;
const PAGES = 16;
const BATCH = 8;

/** Shared memory of `pages` pages, as the engine's segment is; a device without bytes gets none, so that it touches none. */
export function sharedPages(pages: number): Uint8Array {
  const wasmPages = Math.ceil((pages * PAGE_SIZE) / 65_536);
  const { buffer } = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
  return new Uint8Array(buffer, 0, pages * PAGE_SIZE);
}

/** The byte addresses of pages of a memory. */
export function pageAddrs(...pages: number[]): Uint32Array {
  return Uint32Array.from(pages, (page) => page * PAGE_SIZE);
}

/** A page that only `seed` makes: no two seeds have a word in common at the same place. */
export function pattern(seed: number): Uint8Array {
  const words = new Uint32Array(PAGE_SIZE / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(i, 0x85ebca6b);
  return new Uint8Array(words.buffer);
}

/** Put `pattern(seed)` on a page of `memory`. */
export function fillPage(memory: Uint8Array, page: number, seed: number): void {
  memory.set(pattern(seed), page * PAGE_SIZE);
}

/** Expect `pattern(seed)` on a page of `memory`. */
export function expectPage(memory: Uint8Array, page: number, seed: number): void {
  const bytes = memory.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  if (Buffer.compare(bytes, pattern(seed)) !== 0) expect(bytes).toEqual(pattern(seed));
}

/**
 * Declare the contract's tests for a device.
 *
 * @param open a new, empty device with this many slots; the suite closes it
 */
export function swapDeviceContract(name: string, open: (slots: number) => SwapDevice | Promise<SwapDevice>): void {
  describe(`${name} keeps the contract of a swap device`, () => {
    let device: SwapDevice;
    let memory: Uint8Array;
    beforeEach(async () => {
      device = await open(SLOTS);
      memory = sharedPages(device.keepsBytes ? PAGES : 0);
    });
    afterEach(() => device.close());

    const fill = (page: number, seed: number): void => {
      if (device.keepsBytes) fillPage(memory, page, seed);
    };
    const writePages = (slot: number, ...pages: number[]): void =>
      device.write(slot, pages.length, memory, pageAddrs(...pages));
    /** Read a slot into a page, and expect there what `seed` made. */
    const expectSlot = (slot: number, seed: number, into = PAGES - 1): void => {
      fill(into, -2);
      device.read(slot, memory, into * PAGE_SIZE);
      if (device.keepsBytes) expectPage(memory, into, seed);
    };

    test("it says what it is", () => {
      expect(device).toMatchObject({ kind: expect.stringMatching(/./), slots: SLOTS, keepsBytes: expect.any(Boolean) });
    });

    test("a page comes back, on any page of memory, as often as it is asked for", () => {
      fill(3, 1);
      writePages(5, 3);
      expectSlot(5, 1, 0);
      expectSlot(5, 1, PAGES - 1);
      expectSlot(5, 1, 3);
    });

    test("a batch comes from pages anywhere in memory, in the order of the addresses", () => {
      const pages = [9, 2, 15, 3, 0, 14];
      for (const page of pages) fill(page, page);
      writePages(7, ...pages);
      pages.forEach((page, i) => {
        expectSlot(7 + i, page, 1);
      });
    });

    test("one page of memory can go to several slots of a batch", () => {
      fill(4, 44);
      writePages(0, 4, 4, 4);
      for (const slot of [0, 1, 2]) expectSlot(slot, 44);
    });

    test("addresses after the batch's own are not looked at", () => {
      fill(1, 1);
      fill(2, 2);
      writePages(11, 2);
      device.write(10, 1, memory, Uint32Array.of(PAGE_SIZE, 0xffff_f000, 0xffff_f000));
      expectSlot(10, 1);
      expectSlot(11, 2);
    });

    test("the caller's memory and addresses are its own again after a write", () => {
      fill(1, 1);
      fill(2, 2);
      const addrs = pageAddrs(1, 2);
      device.write(0, 2, memory, addrs);
      expect(addrs).toEqual(pageAddrs(1, 2));
      if (device.keepsBytes) {
        expectPage(memory, 1, 1);
        expectPage(memory, 2, 2);
      }
      addrs.fill(0);
      fill(1, 8);
      fill(2, 9);
      expectSlot(0, 1);
      expectSlot(1, 2);
    });

    test("a read changes the one page and nothing beside it", () => {
      if (!device.keepsBytes) return;
      for (let page = 0; page < PAGES; page++) fill(page, page);
      writePages(3, 7);
      device.read(3, memory, 9 * PAGE_SIZE);
      for (let page = 0; page < PAGES; page++) expectPage(memory, page, page === 9 ? 7 : page);
    });

    test("a slot that is written again has the new page", () => {
      fill(0, 1);
      fill(1, 2);
      writePages(6, 0);
      writePages(6, 1);
      expectSlot(6, 2);
      writePages(6, 0);
      expectSlot(6, 1);
    });

    test("the slots on either side of a write stay as they were", () => {
      for (let page = 0; page < 6; page++) fill(page, page);
      writePages(4, 0, 1, 2, 3);
      writePages(5, 4, 5);
      [0, 4, 5, 3].forEach((seed, i) => {
        expectSlot(4 + i, seed);
      });
    });

    test("pages of one repeated byte, of zeros and of noise come back alike", () => {
      if (!device.keepsBytes) return;
      const noise = pattern(123);
      for (let i = 0; i < noise.length; i++) noise[i] = Math.imul(noise[i]! + i, 0x9e3779b1) >>> 23;
      const contents = [new Uint8Array(PAGE_SIZE), new Uint8Array(PAGE_SIZE).fill(0xff), noise];
      contents.forEach((content, i) => {
        memory.set(content, i * PAGE_SIZE);
      });
      writePages(0, 0, 1, 2);
      contents.forEach((content, i) => {
        device.read(i, memory, 5 * PAGE_SIZE);
        expect(Buffer.compare(memory.subarray(5 * PAGE_SIZE, 6 * PAGE_SIZE), content)).toBe(0);
      });
    });

    test("the first and the last slot are slots like the others", () => {
      fill(1, 1);
      fill(2, 2);
      writePages(0, 1);
      writePages(SLOTS - 1, 2);
      expectSlot(0, 1);
      expectSlot(SLOTS - 1, 2);
    });

    test("all slots can be full at once", () => {
      for (let slot = 0; slot < SLOTS; slot += BATCH) {
        const pages = Array.from({ length: BATCH }, (_, i) => i);
        for (const page of pages) fill(page, slot + page);
        writePages(slot, ...pages);
      }
      for (let slot = 0; slot < SLOTS; slot++) expectSlot(slot, slot);
    });

    test("a freed slot can be used again, and its neighbours keep theirs", () => {
      for (const page of [0, 1, 2, 3]) fill(page, page);
      writePages(8, 0, 1, 2);
      device.free(9);
      expectSlot(8, 0);
      expectSlot(10, 2);
      writePages(9, 3);
      expectSlot(8, 0);
      expectSlot(9, 3);
      expectSlot(10, 2);
    });

    test("freeing what was freed, or never written, does nothing", () => {
      fill(0, 5);
      writePages(0, 0);
      device.free(1);
      device.free(1);
      device.free(SLOTS - 1);
      expectSlot(0, 5);
    });

    test("it can be closed twice", () => {
      writePages(0, 0);
      device.close();
      expect(() => device.close()).not.toThrow();
    });

    test("once closed, it neither writes nor reads (ECLOSED), but a free may still come in", () => {
      writePages(0, 0);
      device.close();
      expect(() => writePages(0, 0)).toThrow(expect.objectContaining({ name: "LieuError", code: "ECLOSED" }));
      expect(() => device.read(0, memory, 0)).toThrow(expect.objectContaining({ name: "LieuError", code: "ECLOSED" }));
      expect(() => device.free(0)).not.toThrow();
    });

    test("two devices of a kind have nothing in common", async () => {
      const other = await open(SLOTS);
      try {
        fill(0, 1);
        fill(1, 2);
        writePages(0, 0);
        other.write(0, 1, memory, pageAddrs(1));
        expectSlot(0, 1);
        other.close();
        expectSlot(0, 1);
      } finally {
        other.close();
      }
    });

    test("who attaches with its descriptor has the same slots, until each has closed its own", () => {
      if (device.descriptor === undefined) return;
      const other = attachDevice(structuredClone(device.descriptor()));
      try {
        expect(other).toMatchObject({ kind: device.kind, slots: SLOTS, keepsBytes: device.keepsBytes });
        fill(0, 1);
        fill(1, 2);
        writePages(3, 0);
        other.write(4, 1, memory, pageAddrs(1));
        if (device.keepsBytes) {
          other.read(3, memory, 5 * PAGE_SIZE);
          expectPage(memory, 5, 1);
        }
        expectSlot(4, 2);
        other.close();
        expect(() => other.write(4, 1, memory, pageAddrs(1))).toThrow(expect.objectContaining({ code: "ECLOSED" }));
        expectSlot(3, 1);
        expectSlot(4, 2);
      } finally {
        other.close();
      }
    });

    test("one that is closed cannot be attached to (ECLOSED)", () => {
      if (device.descriptor === undefined) return;
      const late = device.descriptor();
      device.close();
      expect(() => device.descriptor?.()).toThrow(expect.objectContaining({ code: "ECLOSED" }));
      if (device.keepsBytes) expect(() => attachDevice(late)).toThrow(expect.objectContaining({ code: "ECLOSED" }));
    });

    test("any sequence of writes, reads and frees does as a map of slots would", () => {
      const write = fc.record({
        op: fc.constant("write" as const),
        slot: fc.nat(SLOTS - 1),
        pages: fc.array(fc.nat(PAGES - 2), { minLength: 1, maxLength: BATCH }),
        seed: fc.nat(),
      });
      const read = fc.record({ op: fc.constant("read" as const), slot: fc.nat(SLOTS - 1), into: fc.nat(PAGES - 1) });
      const free = fc.record({ op: fc.constant("free" as const), slot: fc.nat(SLOTS - 1) });
      const steps = fc.array(fc.oneof(write, read, free), { maxLength: 60, size: "max" });
      const model = new Map<number, number>();
      const run = fc.property(steps, (sequence) => {
        for (const slot of model.keys()) device.free(slot);
        model.clear();
        for (const step of sequence) {
          if (step.op === "free") {
            device.free(step.slot);
            model.delete(step.slot);
          } else if (step.op === "read") {
            const seed = model.get(step.slot);
            if (seed !== undefined) expectSlot(step.slot, seed, step.into);
          } else {
            const pages = step.pages.slice(0, SLOTS - step.slot);
            for (const page of pages) fill(page, step.seed + page);
            writePages(step.slot, ...pages);
            pages.forEach((page, i) => {
              model.set(step.slot + i, step.seed + page);
            });
          }
        }
        for (const [slot, seed] of model) expectSlot(slot, seed);
      });
      fc.assert(run, { numRuns: 60 });
    });
  });
}
