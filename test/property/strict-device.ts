/**
 * A swap device for tests: keeps pages in memory, and a second copy of what it was given, so that it knows which reads
 * came back wrong and holds the engine to the contract (nothing written over, read or freed that is not kept).
 */
import { type FaultPlan, injectFaults, LieuError, type SwapDevice } from "../../src/index.ts";

const PAGE = 4096;

/** Slots in an array. */
export function memoryDevice(slots: number): SwapDevice {
  const bytes = new Uint8Array(slots * PAGE);
  return {
    kind: "memory",
    slots,
    keepsBytes: true,
    write(slot, nr, memory, addrs) {
      for (let i = 0; i < nr; i++) {
        const at = addrs[i] as number;
        bytes.set(memory.subarray(at, at + PAGE), (slot + i) * PAGE);
      }
    },
    read(slot, memory, addr) {
      memory.set(bytes.subarray(slot * PAGE, (slot + 1) * PAGE), addr);
    },
    free() {},
    close() {},
  };
}

/** What a memory is given for its devices: the same slots, but in an array; for `wrapDevice`. */
export function inMemory(device: SwapDevice): SwapDevice {
  device.close();
  return memoryDevice(device.slots);
}

/** A device that watches; see the file's head. */
export class StrictDevice implements SwapDevice {
  readonly kind: string;
  readonly slots: number;
  readonly keepsBytes: boolean;
  /** Reads that failed or came back with other bytes than were written. */
  badReads = 0;
  /** What the engine did that the contract forbids. */
  readonly violations: string[] = [];
  readonly #inner: ReturnType<typeof injectFaults>;
  readonly #kept = new Map<number, Uint8Array>();

  constructor(device: SwapDevice, plan: FaultPlan) {
    this.#inner = injectFaults(device, plan);
    this.kind = device.kind;
    this.slots = device.slots;
    this.keepsBytes = device.keepsBytes;
  }

  /** Slots that hold a page now. */
  get kept(): number {
    return this.#kept.size;
  }
  get faulty(): boolean {
    return this.#inner.faults.enabled;
  }
  set faulty(on: boolean) {
    this.#inner.faults.enabled = on;
  }

  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void {
    for (let i = 0; i < nr; i++) if (this.#kept.has(slot + i)) this.violations.push(`slot ${slot + i} written over`);
    this.#inner.write(slot, nr, memory, addrs);
    for (let i = 0; i < nr; i++) {
      const at = addrs[i] as number;
      this.#kept.set(slot + i, Uint8Array.prototype.slice.call(memory, at, at + PAGE));
    }
  }

  read(slot: number, memory: Uint8Array, addr: number): void {
    const kept = this.#kept.get(slot);
    if (kept === undefined) {
      this.violations.push(`slot ${slot} read while it keeps nothing`);
      throw new LieuError("EIO", `slot ${slot} keeps nothing`);
    }
    try {
      this.#inner.read(slot, memory, addr);
    } catch (error) {
      this.badReads++;
      throw error;
    }
    if (Buffer.compare(kept, memory.subarray(addr, addr + PAGE)) !== 0) this.badReads++;
  }

  free(slot: number): void {
    if (!this.#kept.delete(slot)) this.violations.push(`slot ${slot} freed while it keeps nothing`);
    this.#inner.free(slot);
  }

  close(): void {
    this.#inner.close();
  }
}
