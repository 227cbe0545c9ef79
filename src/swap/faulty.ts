/**
 * Faults on purpose, for tests and for trying out a configuration: a device around a device that fails, lies, fills up
 * or dawdles by plan. The plan is deterministic: the same seed and the same operations give the same faults.
 *
 * Per operation at most one fault: the scheduled one, else one drawn by the plan's probabilities. Each operation draws
 * the same count of random numbers whatever happens to it, so that one more scheduled fault leaves the others where they
 * were.
 */
import { LieuError } from "../errors.ts";
import { checkPage, slotRange } from "./check.ts";
import { PAGE_SIZE, type SwapDevice } from "./device.ts";

/**
 * What can happen to a write:
 *
 * - `error`: nothing is written; EIO.
 * - `full`: nothing is written; ENOSPC.
 * - `shortWrite`: some of the pages are written, the last of them perhaps in part (the rest of it is zeros); EIO.
 * - `flip`: one bit is written wrong, and nobody is told.
 * - `slow`: it takes `delay` longer.
 */
export type WriteFault = "error" | "full" | "shortWrite" | "flip" | "slow";

/** What can happen to a read: `error` (EIO), `flip` (one bit of what was read is wrong, untold) or `slow`. */
export type ReadFault = "error" | "flip" | "slow";

/** A fault at a given operation. */
export type ScheduledFault = {
  /** At the how many-th read or write, counted from 1 over the operations seen while enabled. */
  readonly nth: number;
  /** For how many operations in a row; `Infinity` for a device that is gone for good. Default 1. */
  readonly times?: number;
} & ({ readonly op: "write"; readonly fault: WriteFault } | { readonly op: "read"; readonly fault: ReadFault });

export interface FaultPlan {
  /** Default 1. */
  readonly seed?: number;
  /** Probability, from 0 to 1, of each fault at each write; together at most 1. */
  readonly write?: { readonly [fault in WriteFault]?: number };
  /** Probability of each fault at each read. */
  readonly read?: { readonly [fault in ReadFault]?: number };
  /** Faults at given operations. Where two are for the same, the first in the list happens. */
  readonly schedule?: readonly ScheduledFault[];
  /** How long `slow` takes, in milliseconds. Default 10. */
  readonly delay?: number;
  /** How `slow` waits. Default: it blocks the thread. A simulation moves its clock on instead. */
  readonly wait?: (ms: number) => void;
  /** Whether faults happen from the start. Default true. */
  readonly enabled?: boolean;
}

/** The switch and the counters of an injected device. */
export interface Faults {
  /** Off: everything passes untouched, uncounted, and the plan stands still. */
  enabled: boolean;
  /** Operations seen while enabled. */
  readonly seen: { readonly read: number; readonly write: number };
  /** Faults that happened, by kind. */
  readonly injected: { readonly [fault in WriteFault]: number };
}

/** A device with faults. Its kind, slots and `keepsBytes` are those of the device inside, which it closes with itself. */
export interface FaultyDevice extends SwapDevice {
  readonly faults: Faults;
}

/**
 * Put faults into `device`.
 *
 * @throws {@link LieuError} EINVAL: a plan with a bad number or name, or with flips for a device that keeps no bytes
 */
export function injectFaults(device: SwapDevice, plan: FaultPlan): FaultyDevice {
  return new Injector(device, plan);
}

const WRITE_FAULTS: readonly WriteFault[] = ["error", "full", "shortWrite", "flip", "slow"];
const READ_FAULTS: readonly ReadFault[] = ["error", "flip", "slow"];

class Injector implements FaultyDevice {
  readonly kind: string;
  readonly slots: number;
  readonly keepsBytes: boolean;
  readonly faults = {
    enabled: true,
    seen: { read: 0, write: 0 },
    injected: { error: 0, full: 0, shortWrite: 0, flip: 0, slow: 0 },
  };
  readonly #device: SwapDevice;
  readonly #plan: FaultPlan;
  readonly #random: () => number;
  #closed = false;

  constructor(device: SwapDevice, plan: FaultPlan) {
    checkPlan(plan, device.keepsBytes);
    this.kind = device.kind;
    this.slots = device.slots;
    this.keepsBytes = device.keepsBytes;
    this.faults.enabled = plan.enabled ?? true;
    this.#device = device;
    this.#plan = plan;
    this.#random = randomNumbers(plan.seed ?? 1);
  }

  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void {
    const { fault, place } = this.#next("write");
    const where = slotRange(slot, nr);
    switch (fault) {
      case "error":
        throw new LieuError("EIO", `injected fault: ${where} of the ${this.kind} device cannot be written`);
      case "full":
        throw new LieuError("ENOSPC", `injected fault: the ${this.kind} device has no room for ${where}`);
      case "shortWrite":
        this.#writePart(slot, nr, memory, addrs, place);
        throw new LieuError("EIO", `injected fault: short write at ${where} of the ${this.kind} device`);
      case "flip":
        this.#writeFlipped(slot, nr, memory, addrs, place);
        return;
      case "slow":
        this.#wait();
    }
    this.#device.write(slot, nr, memory, addrs);
  }

  read(slot: number, memory: Uint8Array, addr: number): void {
    const { fault, place } = this.#next("read");
    if (fault === "error") {
      throw new LieuError("EIO", `injected fault: ${slotRange(slot, 1)} of the ${this.kind} device cannot be read`);
    }
    if (fault === "slow") this.#wait();
    this.#device.read(slot, memory, addr);
    if (fault === "flip") flipBit(checkPage(memory, addr), place);
  }

  free(slot: number): void {
    this.#device.free(slot);
  }

  close(): void {
    this.#closed = true;
    this.#device.close();
  }

  /** The fault of the operation that begins now, and a number from 0 to 1 for where in the bytes it happens. */
  #next(op: "read" | "write"): { fault: WriteFault | undefined; place: number } {
    // A closed device says so itself.
    if (!this.faults.enabled || this.#closed) return { fault: undefined, place: 0 };
    const nth = ++this.faults.seen[op];
    const draw = this.#random();
    const place = this.#random();
    const scheduled = this.#plan.schedule?.find((s) => s.op === op && nth >= s.nth && nth < s.nth + (s.times ?? 1));
    const fault = scheduled?.fault ?? drawFault(this.#plan[op], draw);
    if (fault !== undefined) this.faults.injected[fault]++;
    return { fault, place };
  }

  #writePart(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array, place: number): void {
    if (!this.keepsBytes) {
      const whole = Math.floor(place * nr);
      if (whole > 0) this.#device.write(slot, whole, memory, addrs);
      return;
    }
    const cut = 1 + Math.floor(place * (nr * PAGE_SIZE - 1));
    const copy = copyPages(nr, memory, addrs).fill(0, cut);
    const reached = Math.ceil(cut / PAGE_SIZE);
    this.#device.write(slot, reached, copy, copyAddrs(reached));
  }

  /** The caller's page stays as it is: it is the copy that goes wrong on its way. */
  #writeFlipped(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array, place: number): void {
    const copy = copyPages(nr, memory, addrs);
    flipBit(copy, place);
    this.#device.write(slot, nr, copy, copyAddrs(nr));
  }

  #wait(): void {
    (this.#plan.wait ?? block)(this.#plan.delay ?? 10);
  }
}

function copyPages(nr: number, memory: Uint8Array, addrs: Uint32Array): Uint8Array {
  const copy = new Uint8Array(nr * PAGE_SIZE);
  for (let i = 0; i < nr; i++) copy.set(checkPage(memory, addrs[i]), i * PAGE_SIZE);
  return copy;
}
function copyAddrs(nr: number): Uint32Array {
  return Uint32Array.from({ length: nr }, (_, i) => i * PAGE_SIZE);
}

function flipBit(bytes: Uint8Array, place: number): void {
  const bit = Math.floor(place * bytes.length * 8);
  bytes[bit >>> 3]! ^= 1 << (bit & 7);
}

function drawFault(rates: FaultPlan["write"], draw: number): WriteFault | undefined {
  let upTo = 0;
  return WRITE_FAULTS.find((fault) => {
    upTo += rates?.[fault] ?? 0;
    return draw < upTo;
  });
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Mulberry32: numbers from 0 to 1, without 1. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

function checkPlan(plan: FaultPlan, keepsBytes: boolean): void {
  const wrong = (what: string): never => {
    throw new LieuError("EINVAL", `fault plan: ${what}`);
  };
  const checkFault = (op: "read" | "write", fault: string): void => {
    const allowed: readonly string[] = op === "write" ? WRITE_FAULTS : READ_FAULTS;
    if (!allowed.includes(fault)) wrong(`unknown ${op} fault "${fault}"; known: ${allowed.join(", ")}`);
    if (fault === "flip" && !keepsBytes) wrong("no bit can flip on a device that keeps no bytes");
  };
  for (const op of ["read", "write"] as const) {
    let sum = 0;
    for (const [fault, rate] of Object.entries(plan[op] ?? {})) {
      checkFault(op, fault);
      if (!(rate >= 0 && rate <= 1)) wrong(`${op}.${fault} is ${rate}, which is no probability from 0 to 1`);
      sum += rate;
    }
    // A sum of decimal fractions may miss 1 by a rounding.
    if (sum > 1 + 1e-9) wrong(`the probabilities of ${op} faults sum to ${sum}, which is more than 1`);
  }
  for (const { op, fault, nth, times = 1 } of plan.schedule ?? []) {
    if (op !== "read" && op !== "write") wrong(`unknown operation "${op}" in the schedule; known: read, write`);
    checkFault(op, fault);
    if (!Number.isInteger(nth) || nth < 1) wrong(`nth is ${nth}; operations are counted from 1`);
    if (times !== Infinity && (!Number.isInteger(times) || times < 1)) wrong(`times is ${times}; at least 1`);
  }
  const { delay = 10, seed = 1 } = plan;
  if (!(delay >= 0 && delay < Infinity)) wrong(`delay is ${delay}; milliseconds, 0 or more`);
  if (!Number.isInteger(seed)) wrong(`seed is ${seed}; it must be an integer`);
}
