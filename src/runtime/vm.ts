/**
 * The running engine: a segment, a twin of the engine over it, the swap devices, and whoever turns the crank. Regions
 * and caches talk to this; it maps the engine's numbers to errors and owns what the engine cannot hold: device objects
 * and discard listeners.
 */
import { isLieuError, LieuError } from "../errors.ts";
import * as errno from "../mm/errno.ts";
import {
  attach,
  frameFlagsAddr,
  framePrivateAddr,
  H_CLOCK,
  H_HINT_DUE,
  H_KSWAPD,
  H_PRICE_TOUCH,
  H_USE_LIMIT,
  pageTableAddr,
  place,
} from "../mm/layout.ts";
import { type Host, type Machine, plug } from "../mm/machine.ts";
import { LINES_SHIFT } from "../mm/mm.ts";
import { PTE_ACCESSED, PTE_DIRTY, PTE_HINT, PTE_PRESENT, PTE_SWAP, PTE_WATCH } from "../mm/page-table.ts";
import { accessesOf, isTimeToJudge, MAX_USES, USES_MASK } from "../mm/uses.ts";
import type { SwapDevice } from "../swap/device.ts";
import { CLOSED_CALLS, type EngineCalls, type EngineKind, loadEngine } from "./engine.ts";
import { asOperations } from "./operations.ts";
import { giveUpSegment, NO_SEGMENT, type Segment, type SegmentShape } from "./segment.ts";

/** Who turns the crank: gives the time and decides how far kswapd gets between two operations of the caller. */
export interface Crank {
  /** Milliseconds, not falling. */
  now(): number;
  /** kswapd steps that may run before the next slow operation; a step is one pass over a node at one priority. */
  readonly stepsPerTurn: number;
}

/** A page table entry that may be read at once: present, marked accessed, no hint, not watched. */
export const READY_MASK: number = PTE_PRESENT | PTE_ACCESSED | PTE_HINT | PTE_WATCH;
export const READY_TO_READ: number = PTE_PRESENT | PTE_ACCESSED;
/** ... and that may be written at once. */
export const WRITE_MASK: number = READY_MASK | PTE_DIRTY;
export const READY_TO_WRITE: number = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;

/** Hits on pages that could be on a faster node, after which the engine has its turn though nobody asked for it. */
const HITS_PER_TURN = 1024;

/** Where a page is. */
export type PagePlace =
  | { readonly where: "nowhere" }
  | { readonly where: "node"; readonly node: number; readonly frame: number }
  | { readonly where: "swap"; readonly device: number };

const BUGS = ["", "list", "references", "free", "page table entry", "slot", "charge", "reclaim depth", "gate"];

/** The engine at work; see the file's head. */
export class Vm {
  /** Without bytes once the memory is closed; who keeps views of it must drop them then. */
  segment: Segment;
  readonly shape: SegmentShape;
  readonly devices: readonly SwapDevice[];
  /** First global slot number of each device. */
  readonly deviceStart: readonly number[];
  calls: EngineCalls;
  machine: Machine;
  /** Index into h32 of page 0's entry. */
  readonly pageTable: number;
  /** Index into h32 of frame 0's flags. */
  readonly frameFlags: number;
  /** Index into h32 of frame 0's count of uses. */
  readonly #frameUses: number;
  /** The last error of each device, for messages. */
  readonly deviceErrors: (LieuError | undefined)[];
  readonly crank: Crank;
  /** Milliseconds that kswapd has taken, of the caller's time. */
  kswapdMs = 0;
  /** The number of the operation under way (operations.ts). It wraps. */
  operation = 0;
  /** Whether other shards of the memory have let a group have more of its limit (Host.share); undefined: there are none. */
  onShare: ((cg: number, field: number, nr: number, how: number) => boolean) | undefined;
  readonly #listeners = new Map<number, (vpn: number) => void>();
  readonly #evictions = new Map<number, (loc: number, why: number) => void>();
  readonly #samples = new Map<number, (hash: number, bytes: number, what: number) => void>();
  /** Hits on watched pages that are left until the next turn. */
  #hitsLeft = HITS_PER_TURN;
  #closed = false;
  readonly #readsAhead: boolean;

  constructor(segment: Segment, shape: SegmentShape, devices: readonly SwapDevice[], crank: Crank, kind: EngineKind) {
    this.segment = segment;
    this.shape = shape;
    this.devices = devices;
    this.crank = crank;
    this.deviceErrors = devices.map(() => undefined);
    this.#readsAhead = devices.some((device) => device.readAhead !== undefined);
    let start = 0;
    this.deviceStart = devices.map((d) => {
      const at = start;
      start += d.slots;
      return at;
    });
    place(shape.nodes, shape.frames, shape.vpns, shape.slots, shape.zpages ?? 0, shape.pins ?? 0);
    this.pageTable = pageTableAddr() >>> 2;
    this.frameFlags = frameFlagsAddr() >>> 2;
    this.#frameUses = framePrivateAddr() >>> 2;
    this.machine = machineOf(segment, this.host());
    this.calls = asOperations(loadEngine(segment.memory, this.machine, kind), devices, this);
  }

  /** The calls of stores, for caches, which make several in one operation. */
  get storeCalls(): EngineCalls {
    return this.calls;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws {@link LieuError} ECLOSED after close() */
  ensureOpen(): void {
    if (this.#closed) throw new LieuError("ECLOSED", "the memory was closed");
  }

  /** Hear of the discarded pages of a cache mapping. The listener must not call the engine. */
  onDiscard(vma: number, listener: ((vpn: number) => void) | undefined): void {
    if (listener === undefined) this.#listeners.delete(vma);
    else this.#listeners.set(vma, listener);
  }

  /** Hear of the items that a store is about to drop. The listener may look at them (storeAt, storePiece), no more. */
  onEvict(store: number, listener: ((loc: number, why: number) => void) | undefined): void {
    if (listener === undefined) this.#evictions.delete(store);
    else this.#evictions.set(store, listener);
  }

  /** Hear of what becomes of the sampled keys of a store (store/sampled.ts). The listener must not call the engine. */
  onSampled(store: number, listener: ((hash: number, bytes: number, what: number) => void) | undefined): void {
    if (listener === undefined) this.#samples.delete(store);
    else this.#samples.set(store, listener);
  }

  /**
   * Let time pass: give the engine the time, kswapd its turn, and promotion its scan if one is due. Called before each
   * slow operation rather than after it, so that a page just faulted in is still there when its caller touches it. `now`:
   * the moment of the operation of which it is a part; without it, one begins. Returns the time.
   */
  turn(now = this.#nextTime()): number {
    this.#hitsLeft = HITS_PER_TURN;
    const { h32, hf } = this.segment;
    if (now > (hf[H_CLOCK >>> 3] as number)) hf[H_CLOCK >>> 3] = now;
    if ((h32[H_KSWAPD >>> 2] as number) !== 0 && this.turnsCrank) this.#kswapd();
    if ((hf[H_CLOCK >>> 3] as number) >= (hf[H_HINT_DUE >>> 3] as number) && this.turnsCrank) this.calls.hintScan();
    return now;
  }
  /** An operation begins: what it waits for devices counts together (operations.ts). */
  nextOperation(): void {
    this.operation = (this.operation + 1) | 0;
  }
  #nextTime(): number {
    this.nextOperation();
    return this.crank.now();
  }
  /** A time that the crank gave some while ago, ms; or a later one, if another thread has gone on with that since. */
  notBefore(time: number): number {
    return time;
  }
  /** Whether what is to be done beside the operations is done here and now. */
  protected get turnsCrank(): boolean {
    return true;
  }

  /** kswapd's turn. What time it takes is counted, and has no say in what it does. */
  #kswapd(): void {
    const begun = performance.now();
    const { h32 } = this.segment;
    let steps = this.crank.stepsPerTurn;
    let woken = h32[H_KSWAPD >>> 2] as number;
    while (woken !== 0 && steps > 0) {
      for (let nid = 0; nid < this.shape.nodes && steps > 0; nid++) {
        if ((woken & (1 << nid)) === 0) continue;
        this.calls.kswapdStep(nid);
        steps--;
      }
      woken = h32[H_KSWAPD >>> 2] as number;
    }
    this.kswapdMs += performance.now() - begun;
  }

  /**
   * Count a hit of `lines` lines (0: not known) on a watched page, which is in frame `frame` (mm/uses.ts). False: it is time for a turn, or to judge the page, by
   * way of {@link fault}, which counts it.
   */
  countHit(frame: number, lines: number): boolean {
    if (--this.#hitsLeft < 0) return false;
    const { h32 } = this.segment;
    const limit = h32[H_USE_LIMIT >>> 2] as number;
    if (limit === 0) return true;
    const at = this.#frameUses + frame;
    const word = h32[at] as number;
    const before = word & USES_MASK;
    const by = accessesOf(lines, h32[H_PRICE_TOUCH >>> 2] as number);
    if (before + by > MAX_USES || isTimeToJudge(before, before + by, limit)) return false;
    h32[at] = word + by;
    return true;
  }

  /** Make a page present and mark the access, of `lines` lines (0: not known). Returns 0 or a negative errno (mm.ts, fault()). */
  fault(vma: number, vpn: number, mode: number, lines: number): number {
    this.turn();
    return this.calls.fault(vma, vpn, mode | (lines << LINES_SHIFT));
  }

  /**
   * Hold page `vpn`, which is present, where it is. Returns its frame.
   *
   * @throws {@link LieuError} ENOMEM if too many threads hold the same pages, after `undo`
   */
  pin(vpn: number, _undo?: () => void): number {
    return this.calls.pinPage(vpn);
  }
  /** Let go of a frame. */
  unpin(frame: number): void {
    this.calls.unpinFrame(frame);
  }

  /** Plug this segment into the accessors of mm/layout.ts, to look at it from JavaScript. */
  inspect(): void {
    plug(this.machine);
    attach();
  }

  /** Where a page is now, without touching it. */
  placeOf(vpn: number): PagePlace {
    const p = this.segment.h32[this.pageTable + vpn] as number;
    if ((p & PTE_PRESENT) !== 0) return { where: "node", node: this.nodeOfFrame(p >>> 6), frame: p >>> 6 };
    if ((p & PTE_SWAP) !== 0) return { where: "swap", device: this.deviceOfSlot(p >>> 6) };
    return { where: "nowhere" };
  }

  /** The same as one number: node n, -1 = nowhere, -2 - d = swap device d. */
  placeCode(vpn: number): number {
    const p = this.segment.h32[this.pageTable + vpn] as number;
    if ((p & PTE_PRESENT) !== 0) return this.nodeOfFrame(p >>> 6);
    if ((p & PTE_SWAP) !== 0) return -2 - this.deviceOfSlot(p >>> 6);
    return -1;
  }

  nodeOfFrame(frame: number): number {
    return ((this.segment.h32[this.frameFlags + frame] as number) >>> 4) & 15;
  }

  /** Whether a device would rather be asked ahead. */
  get readsAhead(): boolean {
    return this.#readsAhead;
  }
  /** Get a slot's content without blocking, where its device has a way. */
  readAhead(slot: number): Promise<void> | undefined {
    const dev = this.deviceOfSlot(slot);
    return this.devices[dev]?.readAhead?.(slot - (this.deviceStart[dev] as number));
  }

  deviceOfSlot(slot: number): number {
    let dev = this.deviceStart.length - 1;
    while (dev > 0 && slot < (this.deviceStart[dev] as number)) dev--;
    return dev;
  }

  /** The error that a failed call stands for. */
  error(code: number, what: string): LieuError {
    switch (code) {
      case errno.ENOMEM:
        return new LieuError("ENOMEM", `no room for ${what} in any node or swap device that it may use`);
      case errno.EIO: {
        const cause = this.deviceErrors.find((e) => e !== undefined);
        const why = cause === undefined ? "its checksum does not match" : cause.message;
        return new LieuError("EIO", `${what} could not be read back from swap: ${why}`, { cause });
      }
      case errno.EBUSY:
        return new LieuError("EBUSY", `${what} is held by a pin; dispose of it first`);
      default:
        return new LieuError("EBUG", `unexpected result ${code} for ${what}`);
    }
  }

  /**
   * Close the devices and give up the segment. Whoever holds this object, or a region or cache of it, holds no byte of
   * the memory from then on.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const device of this.devices) device.close();
    const { segment } = this;
    this.segment = NO_SEGMENT;
    this.calls = CLOSED_CALLS;
    this.machine = machineOf(NO_SEGMENT, this.machine.host);
    this.#listeners.clear();
    this.#evictions.clear();
    this.#samples.clear();
    // The accessors of layout.ts have a view too, if this was the last segment that was looked at.
    plug(this.machine);
    this.giveUp(segment);
  }
  protected giveUp(segment: Segment): void {
    giveUpSegment(segment);
  }

  protected host(): Host {
    const failed = (dev: number, error: unknown): number => {
      const cause = isLieuError(error) ? error : new LieuError("EIO", String(error), { cause: error });
      this.deviceErrors[dev] = cause;
      return cause.code === "ENOSPC" ? errno.ENOSPC : errno.EIO;
    };
    return {
      swapWrite: (dev, slot, n, addrs) => {
        const { h8 } = this.segment;
        try {
          (this.devices[dev] as SwapDevice).write(slot, n, h8, new Uint32Array(h8.buffer, addrs >>> 0, n));
        } catch (error) {
          return failed(dev, error);
        }
        this.deviceErrors[dev] = undefined;
        return 0;
      },
      swapRead: (dev, slot, addr) => {
        try {
          (this.devices[dev] as SwapDevice).read(slot, this.segment.h8, addr >>> 0);
        } catch (error) {
          return failed(dev, error);
        }
        this.deviceErrors[dev] = undefined;
        return 0;
      },
      swapFree: (dev, slot) => this.devices[dev]?.free(slot),
      discard: (vma, vpn) => this.#listeners.get(vma)?.(vpn),
      evict: (store, loc, why) => this.#evictions.get(store)?.(loc, why),
      sampled: (store, hash, bytes, what) => this.#samples.get(store)?.(hash, bytes, what),
      share: (cg, field, nr, how) => (this.onShare?.(cg, field, nr, how) === true ? 1 : 0),
      // Nobody shares it.
      still: () => undefined,
      bug: (code, a, b) => {
        throw new LieuError("EBUG", `broken invariant: ${BUGS[code] ?? code} (${a}, ${b})`);
      },
    };
  }
}

function machineOf({ h32, h8, hf }: Segment, host: Host): Machine {
  return { h32, h8, hf, host };
}
