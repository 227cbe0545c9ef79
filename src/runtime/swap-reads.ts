/**
 * Reads from swap devices without the lock of a shared memory: an operation that is about to need pages which are in swap lets go of the lock before it
 * has begun, reads their slots to bytes of its thread's own, takes the lock and begins anew; what the engine then asks the device for is here. So
 * those who have nothing to do with these pages wait for no device.
 *
 * A slot may have been given back and written anew while it was read. So what was read is good if its checksum is that which the slot has under the
 * lock, as it is of all that comes from devices; else the device is asked again.
 */
import { isLieuError, LieuError } from "../errors.ts";
import { checksum } from "../mm/checksum.ts";
import { slotSumsAddr, slotVpnsAddr } from "../mm/layout.ts";
import { type Host, plug } from "../mm/machine.ts";
import type { SwapDevice } from "../swap/device.ts";
import type { EngineCalls } from "./engine.ts";
import type { Lane } from "./lane.ts";
import { NO_SEGMENT, type Segment } from "./segment.ts";

const PAGE = 4096;
/** Slots that are read at once at most, and those of which the content is kept. */
const MOST_READS = 32;
const KEPT = 64;

/** A slot that was read. */
interface Read {
  readonly slot: number;
  /** What it said, under the lock, of whose it is, and its checksum. */
  readonly vpn: number;
  readonly sum: number;
  /** The checksum of what was read. */
  found: number;
  error: LieuError | undefined;
}

/** What reading needs of the memory. */
export interface SwapReader {
  readonly segment: Segment;
  readonly devices: readonly SwapDevice[];
  readonly deviceStart: readonly number[];
  readonly deviceErrors: (LieuError | undefined)[];
  deviceOfSlot(slot: number): number;
  readonly lane: Pick<Lane, "address" | "value">;
  readonly storeCalls: Pick<EngineCalls, "checksum">;
}

/** See the file's head; one a thread. */
export class SwapReads {
  /** Whether there is a device that one could have to wait for. */
  readonly wanted: boolean;
  readonly #vm: SwapReader;
  readonly #sums: number;
  readonly #vpns: number;
  #bytes: Uint8Array = NO_SEGMENT.h8;
  #reads: Read[] = [];

  constructor(vm: SwapReader) {
    this.#vm = vm;
    this.#sums = slotSumsAddr() >>> 2;
    this.#vpns = slotVpnsAddr() >>> 2;
    this.wanted = vm.devices.some((device) => isAway(device));
  }

  /** With the lock: of these slots, those that are to be read without it, as many as are read at once. */
  missing(slots: Iterable<number>): Read[] {
    const { h32 } = this.#vm.segment;
    const found: Read[] = [];
    for (const slot of slots) {
      if (found.length === MOST_READS) break;
      if (!isAway(this.#vm.devices[this.#vm.deviceOfSlot(slot)] as SwapDevice)) continue;
      const sum = h32[this.#sums + slot] as number;
      if (this.#reads.some((read) => read.slot === slot && read.error === undefined && read.found === sum)) continue;
      found.push({ slot, vpn: h32[this.#vpns + slot] as number, sum, found: 0, error: undefined });
    }
    return found;
  }
  /** Without the lock: read them. What was read long before is forgotten. Never throws: what goes wrong shows when it is asked for. */
  read(reads: Read[]): void {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(KEPT * PAGE);
    const { devices, deviceStart } = this.#vm;
    const bytes = this.#bytes;
    if (this.#reads.length + reads.length > KEPT) this.#reads = [];
    for (const device of devices) device.begin?.();
    for (const read of reads) {
      const i = this.#reads.push(read) - 1;
      const dev = this.#vm.deviceOfSlot(read.slot);
      try {
        (devices[dev] as SwapDevice).read(read.slot - (deviceStart[dev] as number), bytes, i * PAGE);
        read.found = this.#sumOf(bytes, i * PAGE);
      } catch (error) {
        read.error = isLieuError(error) ? error : new LieuError("EIO", String(error), { cause: error });
      }
    }
  }
  /** The checksum of a page of bytes that are in no segment: by the engine, of a copy in the thread's lane, if it has one. */
  #sumOf(bytes: Uint8Array, at: number): number {
    const { lane, segment, storeCalls } = this.#vm;
    if (lane.address === 0) return sumOf(bytes, at);
    segment.h8.set(bytes.subarray(at, at + PAGE), lane.value);
    return storeCalls.checksum(lane.value);
  }
  /**
   * With the lock: what a slot of a device holds, to byte `addr` of the segment, if it was read. Returns 0 if it was, -1 if the device is to be
   * asked, and 1 if it was asked, and failed.
   */
  take(dev: number, slotOfDevice: number, addr: number): number {
    if (this.#reads.length === 0) return -1;
    const slot = slotOfDevice + (this.#vm.deviceStart[dev] as number);
    const i = this.#reads.findLastIndex((read) => read.slot === slot);
    if (i < 0) return -1;
    const { vpn, sum, found, error } = this.#reads[i] as Read;
    const { h32, h8 } = this.#vm.segment;
    if (error !== undefined) {
      this.#reads.length = i;
      if (h32[this.#vpns + slot] !== vpn || h32[this.#sums + slot] !== sum) return -1;
      this.#vm.deviceErrors[dev] = error;
      return 1;
    }
    if (found !== h32[this.#sums + slot]) return -1;
    h8.set(this.#bytes.subarray(i * PAGE, (i + 1) * PAGE), addr);
    return 0;
  }
  forget(): void {
    this.#reads = [];
  }
}

/** Whether reading from a device takes time that others need not wait. */
function isAway({ kind, keepsBytes }: SwapDevice): boolean {
  return kind !== "zswap" && keepsBytes;
}

const NO_HOST = {} as Host;
/** The same by the twin, which takes ten times as long. */
function sumOf(bytes: Uint8Array, at: number): number {
  const { buffer } = bytes;
  plug({ h32: new Int32Array(buffer), h8: bytes, hf: new Float64Array(buffer), host: NO_HOST });
  return checksum(at);
}
