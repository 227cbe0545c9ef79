import { expect, test } from "vitest";
import { pageAddrs, sharedPages, swapDeviceContract } from "../../test/contract/swap-device.ts";
import { PAGE_SIZE } from "./device.ts";
import { openNullDevice } from "./null.ts";

swapDeviceContract("null", (slots) => openNullDevice({ size: slots * PAGE_SIZE }));

test("it counts what it is asked to do, and leaves memory as it is", () => {
  const device = openNullDevice({ size: 8 * PAGE_SIZE });
  const memory = sharedPages(2).fill(7);
  device.write(0, 2, memory, pageAddrs(0, 1));
  device.write(4, 1, memory, pageAddrs(1));
  device.read(4, memory, 0);
  device.free(4);
  device.close();
  device.free(0);
  expect(device.counts).toEqual({ writes: 2, pagesWritten: 3, reads: 1, frees: 1 });
  expect(memory.every((byte) => byte === 7)).toBe(true);
});

test.each([0, -4096, 100, 4095.5, Number.NaN, Infinity])("a size of %s is an EINVAL error", (size) => {
  expect(() => openNullDevice({ size })).toThrow(expect.objectContaining({ code: "EINVAL" }));
});

test.each([
  [-1, 1],
  [8, 1],
  [7, 2],
  [0.5, 1],
  [0, 0],
])("a write to slot %d of %d pages is an ERANGE error where there are 8 slots", (slot, nr) => {
  const device = openNullDevice({ size: 8 * PAGE_SIZE });
  expect(() => device.write(slot, nr, sharedPages(0), pageAddrs(0, 1))).toThrow(
    expect.objectContaining({ code: "ERANGE" }),
  );
  expect(device.counts.writes).toBe(0);
});
