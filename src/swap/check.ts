/** What the devices of this folder check of their arguments: mistakes of a configuration, or bugs of a caller. */
import { LieuError } from "../errors.ts";
import { PAGE_SIZE } from "./device.ts";

/**
 * How many slots a device of `size` bytes has.
 *
 * @throws {@link LieuError} EINVAL
 */
export function slotsOfSize(size: number): number {
  if (!Number.isSafeInteger(size) || size <= 0 || size % PAGE_SIZE !== 0) {
    throw new LieuError("EINVAL", `swap size ${size} must be a positive multiple of ${PAGE_SIZE} bytes`);
  }
  return size / PAGE_SIZE;
}

/** Check that slots `slot` to `slot + nr - 1` exist: a write outside them would reach what is not the device's. */
export function checkSlots(slot: number, nr: number, slots: number): void {
  if (!Number.isInteger(slot) || !Number.isInteger(nr) || slot < 0 || nr < 1 || slot + nr > slots) {
    throw new LieuError("ERANGE", `${slotRange(slot, nr)} is outside slots 0 to ${slots - 1}`);
  }
}

/** The page of `memory` at byte `addr`. A view cut short by the end of the memory would shift the pages after it. */
export function checkPage(memory: Uint8Array, addr: number | undefined): Uint8Array {
  checkAddress(memory, addr);
  return memory.subarray(addr, addr + PAGE_SIZE);
}

/** Check that a page at byte `addr` lies within `memory`. */
export function checkAddress(memory: Uint8Array, addr: number | undefined): asserts addr is number {
  if (addr === undefined || addr < 0 || addr + PAGE_SIZE > memory.length) {
    throw new LieuError("ERANGE", `page address ${addr} is outside a memory of ${memory.length} bytes`);
  }
}

/** `slot 5`, or `slots 5 to 8`, for a message. */
export function slotRange(slot: number, nr: number): string {
  return nr === 1 ? `slot ${slot}` : `slots ${slot} to ${slot + nr - 1}`;
}
