/**
 * The pool of compressed pages keeps the contract of a swap device, too. It is no object that is given pages: the engine compresses what it takes from a
 * mapping. So slot n here is page n of a region, which is put into the pool after each write and before each read. What it cannot pack goes to no
 * device, as there is none, and stays where it is.
 */
import { expect, test } from "vitest";
import { LieuError, openMemorySync } from "../../src/index.ts";
import { checkAddress, checkSlots } from "../../src/swap/check.ts";
import { PAGE_SIZE, type SwapDevice } from "../../src/swap/device.ts";
import { pageAddrs, sharedPages, swapDeviceContract } from "../contract/swap-device.ts";

function poolAsDevice(slots: number, engine: "wasm" | "js"): SwapDevice & { pooled(): number } {
  const memory = openMemorySync({
    nodes: { dram: { kind: "dram", size: "1MiB" } },
    zswap: { size: "256KiB" },
    engine,
  });
  const region = memory.map(slots * PAGE_SIZE);
  const { kind } = memory.swapDevices()[0] as { kind: string };
  const away = (slot: number, nr: number): void => {
    region.advise("pageout", slot * PAGE_SIZE, nr * PAGE_SIZE);
  };
  let open = true;
  const ensureOpen = (): void => {
    if (!open) throw new LieuError("ECLOSED", "the memory was closed");
  };
  return {
    kind,
    slots,
    keepsBytes: true,
    write(slot, nr, from, addrs) {
      ensureOpen();
      checkSlots(slot, nr, slots);
      for (let i = 0; i < nr; i++) {
        const at = addrs[i];
        checkAddress(from, at);
        region.write((slot + i) * PAGE_SIZE, from.subarray(at, at + PAGE_SIZE));
      }
      away(slot, nr);
    },
    read(slot, to, addr) {
      ensureOpen();
      checkSlots(slot, 1, slots);
      checkAddress(to, addr);
      away(slot, 1);
      region.readInto(slot * PAGE_SIZE, to.subarray(addr, addr + PAGE_SIZE));
    },
    free(slot) {
      if (open) region.fill(0, slot * PAGE_SIZE, PAGE_SIZE);
    },
    close() {
      if (!open) return;
      open = false;
      memory.check();
      memory[Symbol.dispose]();
    },
    pooled: () => memory.vmstat().nr_zswapped,
  };
}

for (const engine of ["wasm", "js"] as const) {
  swapDeviceContract(`zswap (${engine})`, (slots) => poolAsDevice(slots, engine));
}

test("what is written to it there is in the pool, and not in a node", () => {
  const device = poolAsDevice(24, "wasm");
  const memory = sharedPages(2);
  memory.fill(7, 0, PAGE_SIZE);
  memory.set(Buffer.from("not of one word"), 100);
  device.write(3, 1, memory, pageAddrs(0));
  expect(device.pooled()).toBe(1);
  device.read(3, memory, PAGE_SIZE);
  expect(Buffer.compare(memory.subarray(0, PAGE_SIZE), memory.subarray(PAGE_SIZE))).toBe(0);
  device.close();
});
