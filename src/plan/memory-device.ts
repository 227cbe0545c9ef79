/** Swap in this process's memory, in the place of a file: for runs of which only the counts are wanted. */
import { checkPage, checkSlots } from "../swap/check.ts";
import { PAGE_SIZE, type SwapDevice } from "../swap/device.ts";

/** Pages of one piece of memory. */
const PIECE = 256;

/** A device with the slots of `device`, which is closed. */
export function memoryDevice(device: SwapDevice): SwapDevice {
  const { kind, slots, keepsBytes } = device;
  device.close();
  const pieces = new Map<number, Uint8Array>();
  const at = (slot: number): Uint8Array => {
    const n = Math.floor(slot / PIECE);
    let piece = pieces.get(n);
    if (piece === undefined) {
      piece = new Uint8Array(PIECE * PAGE_SIZE);
      pieces.set(n, piece);
    }
    const from = (slot % PIECE) * PAGE_SIZE;
    return piece.subarray(from, from + PAGE_SIZE);
  };
  return {
    kind,
    slots,
    keepsBytes,
    write(slot, nr, memory, addrs) {
      checkSlots(slot, nr, slots);
      for (let i = 0; i < nr; i++) at(slot + i).set(checkPage(memory, addrs[i]));
    },
    read(slot, memory, addr) {
      checkSlots(slot, 1, slots);
      memory.set(at(slot), addr);
    },
    free: () => undefined,
    close: () => pieces.clear(),
  };
}
