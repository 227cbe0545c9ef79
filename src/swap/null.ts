/**
 * A device that keeps nothing, for memories without bytes: a study or a plan needs to know where a page would be, not
 * what is on it. It counts, so that a test or a cost model sees the traffic.
 */
import { LieuError } from "../errors.ts";
import { checkSlots, slotsOfSize } from "./check.ts";
import type { SwapDevice } from "./device.ts";

/** What a {@link NullDevice} was asked to do. A write of several pages is one write. */
export interface NullDeviceCounts {
  writes: number;
  pagesWritten: number;
  reads: number;
  frees: number;
}

/** A device that keeps nothing. It never looks at the memory or the addresses that it is given. */
export interface NullDevice extends SwapDevice {
  readonly kind: "null";
  readonly keepsBytes: false;
  readonly counts: Readonly<NullDeviceCounts>;
}

/**
 * Open a device that keeps nothing.
 *
 * @param options.size how much it pretends to hold, in bytes: a positive multiple of 4096
 * @throws {@link LieuError} EINVAL
 */
export function openNullDevice(options: { readonly size: number }): NullDevice {
  const slots = slotsOfSize(options.size);
  const counts: NullDeviceCounts = { writes: 0, pagesWritten: 0, reads: 0, frees: 0 };
  let closed = false;
  const check = (slot: number, nr: number): void => {
    if (closed) throw new LieuError("ECLOSED", "the null swap device is closed");
    checkSlots(slot, nr, slots);
  };
  return {
    kind: "null",
    keepsBytes: false,
    slots,
    counts,
    write(slot, nr) {
      check(slot, nr);
      counts.writes++;
      counts.pagesWritten += nr;
    },
    read(slot) {
      check(slot, 1);
      counts.reads++;
    },
    free() {
      if (!closed) counts.frees++;
    },
    close() {
      closed = true;
    },
    descriptor() {
      check(0, 1);
      return { kind: "null", slots };
    },
  };
}
