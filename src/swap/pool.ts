/**
 * The pool of compressed pages as one of a memory's devices: it has a name, a number and slots, but what is in them is in the
 * segment, and the engine does not ask for it here (mm/zswap.ts).
 */
import { LieuError } from "../errors.ts";
import type { SwapDevice } from "./device.ts";

/** Slots of the pool for each of its pages: what it can hold at most, however well pages compress. */
export const POOL_RATIO = 6;

/** A device of `slots` slots that stands for the pool. */
export function poolStandIn(slots: number): SwapDevice {
  const refuse = (): never => {
    throw new LieuError("EBUG", "the pool of compressed pages was asked for a page as though it were a device");
  };
  return {
    kind: "zswap",
    keepsBytes: true,
    slots,
    write: refuse,
    read: refuse,
    free: refuse,
    close: () => undefined,
    descriptor: () => ({ kind: "zswap", slots }),
  };
}
