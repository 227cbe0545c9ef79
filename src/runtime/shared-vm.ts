/**
 * The engine of a memory that several threads share. Each thread has an instance of the engine over the one segment, in which all state
 * is, and does everything under the memory's lock (shared-lock.ts). So the engine stays as synchronous as it is, and whatever holds
 * for one thread holds for all. What a memory of one thread does is not touched by this: that has a {@link Vm}.
 *
 * Every call of {@link SharedVm.calls} takes the lock by itself. Where one operation takes several, or looks at what a call has left in
 * the segment, it takes it around all of them.
 *
 * Two things that a Vm has in JavaScript belong to all threads here. Pages that the engine drops are told to their stores by the
 * thread that caused it, before it lets go of the lock, whether or not it has the cache open. And time is the opener's, to which the
 * clocks of others are set.
 */
import { LieuError } from "../errors.ts";
import { EIO } from "../mm/errno.ts";
import { allVersionsAddr, H_CLOCK, H_HEADROOM_WANTED, H_KSWAPD, turnsAddr, wantedAddr } from "../mm/layout.ts";
import type { Host } from "../mm/machine.ts";
import { LINES_SHIFT } from "../mm/mm.ts";
import type { SwapDevice } from "../swap/device.ts";
import { changesStore, hasChanged, watched, willChange } from "./changing.ts";
import {
  CHANGING,
  CLOSED,
  Control,
  KSWAPD,
  KSWAPD_ASLEEP,
  KSWAPD_HEIR,
  KSWAPD_NONE,
  KSWAPD_RUNNING,
  KSWAPD_SLOT,
  OPEN,
  type Sleeper,
} from "./control.ts";
import { CLOSED_CALLS, type EngineCalls, type EngineKind } from "./engine.ts";
import { Gate } from "./gate.ts";
import { Helping } from "./helping.ts";
import { endLoads } from "./in-flight.ts";
import { endKswapdIfDead, renounceKswapd } from "./kswapd-turns.ts";
import { Lane } from "./lane.ts";
import type { Segment, SegmentShape } from "./segment.ts";
import { SharedLock } from "./shared-lock.ts";
import { SwapReads } from "./swap-reads.ts";
import { sweep, takeOver } from "./takeover.ts";
import { type Crank, Vm } from "./vm.ts";

/** How often it is asked whether the thread that reclaims lives, by who has work for it, ms. */
const LOOK_MS = 100;

/** What a thread shares of a memory: the control buffer that is there already, or undefined to make it. */
export interface Sharing {
  readonly control: SharedArrayBuffer | undefined;
  /** How to wait for its words, if not as threads of one process do. */
  readonly sleeper?: Sleeper | undefined;
}

/** A memory that several processes share, for one thread of one of them. */
export interface SharedName {
  readonly path: string;
  readonly identity: string;
  /** Whether other threads of this process may have been given it. */
  lent: boolean;
  /** The thread lets go of the memory; the last one removes it. */
  leave(vm: SharedVm): void;
}

/** See the file's head. */
export class SharedVm extends Vm {
  readonly control: Control;
  /** Whether another thread opened the memory, or processes share it: then this one's closing is a letting go. */
  readonly attached: boolean;
  readonly lock: SharedLock;
  /** What lets words of regions be read and written without the lock. */
  readonly gate: Gate;
  /** What lets values of caches be got without it. */
  readonly lane: Lane;
  /** What is read from swap before an operation begins. */
  readonly reads: SwapReads;
  /** What operations on stores do for the thread that reclaims. */
  readonly helping: Helping;
  /** The calls themselves, for who has the lock. */
  #bare: EngineCalls;
  /** This thread, among those that share the memory. */
  readonly slot: number;
  /** If other processes share it, too. */
  name: SharedName | undefined;
  /** What works for it in another thread of this process, and lets go of the memory before this thread does. Returns whether it has. */
  helper: { stop(): boolean } | undefined;
  #pins = 0;
  /** Mapping and page, of pages that the engine has dropped. */
  readonly #dropped: number[] = [];

  constructor(
    segment: Segment,
    shape: SegmentShape,
    devices: readonly SwapDevice[],
    crank: Crank,
    kind: EngineKind,
    { control, sleeper }: Sharing,
  ) {
    const hf = segment.hf;
    // Threads read their clocks one after the other, under the lock: time does not fall.
    const now = () => Math.max(crank.now(), hf[H_CLOCK >>> 3] as number);
    super(segment, shape, devices, { now, stepsPerTurn: crank.stepsPerTurn }, kind);
    this.attached = control !== undefined;
    this.control = new Control(control, sleeper);
    this.slot = this.control.join();
    this.gate = new Gate(this.control, this.slot, segment.h32, sleeper !== undefined);
    this.lane = new Lane(this.control, this.slot, segment);
    this.reads = new SwapReads(this);
    this.helping = new Helping(this);
    const turns = new Float64Array(hf.buffer, turnsAddr(), 1);
    const wanted = new Int32Array(hf.buffer, wantedAddr(), 1);
    this.lock = new SharedLock(this.control, this.slot, turns, wanted, () => {
      // The dead one may have been waiting for who is within an access.
      this.gate.stillAnew();
      takeOver(this);
    });
    // Nobody else has it yet.
    if (!this.attached) this.gate.joined();
    // The twin that is for looking into faults looks for one of this kind itself.
    this.#bare = kind === "js" ? watched(this.calls, this.control) : this.calls;
    this.calls = locked(this.#bare, this);
    const { words } = this.control;
    if (this.control.inherits || [words[KSWAPD_SLOT], words[KSWAPD_HEIR]].includes(this.slot)) this.#inherit();
  }

  /** This thread has the number of one who is dead: what that one held is nobody's. */
  #inherit(): void {
    try {
      this.#bare.attach();
      this.locked(() => {
        renounceKswapd(this);
        this.#letGo();
      });
    } catch (error) {
      this.control.part(this.slot);
      throw error;
    }
  }
  /** Of all that is this thread's by its number. */
  #letGo(): void {
    this.#bare.unpinAllFor(this.slot);
    endLoads(this.control, (slot) => slot === this.slot);
    this.#pins = 0;
  }

  /** The memory's lock, for one operation; to be given back by {@link leave}. @throws {@link LieuError} ECLOSED, EOWNERDEAD */
  enter(): void {
    const { lock, control } = this;
    lock.enter();
    if (lock.depth !== 1) return;
    this.nextOperation();
    if (control.state !== OPEN) this.#refuse();
  }
  /**
   * Before an operation, with the lock: read what is in these slots, the lock being let go of meanwhile. Returns false if there was nothing to
   * read; else whatever was looked at before is to be looked at again. @throws {@link LieuError} ECLOSED, EOWNERDEAD
   */
  readSlots(slots: Iterable<number>): boolean {
    // Within another operation there is no letting go of it.
    if (this.lock.depth !== 1) return false;
    const reads = this.reads.missing(slots);
    if (reads.length === 0) return false;
    const { words } = this.control;
    const changing = words[CHANGING] as number;
    this.leave();
    this.reads.read(reads);
    this.enter();
    // The operation goes on.
    words[CHANGING] = changing;
    return true;
  }
  /** Whether operations can be made at all. */
  get isOpen(): boolean {
    return !this.closed && this.control.state === OPEN;
  }
  /** Returns whether somebody was waiting for the lock. */
  leave(): boolean {
    const { lock } = this;
    if (lock.depth === 1) {
      hasChanged(this.control, 0);
      if (this.control.words[KSWAPD] === KSWAPD_ASLEEP) this.#wakeKswapd();
      if (this.#dropped.length !== 0) {
        try {
          this.settle();
        } catch (error) {
          lock.leave();
          throw error;
        }
      }
    }
    return lock.leave();
  }
  /** Wake the thread that reclaims if there is something for it to do. */
  #wakeKswapd(): void {
    const { h32 } = this.segment;
    if (((h32[H_KSWAPD >>> 2] as number) | (h32[H_HEADROOM_WANTED >>> 2] as number)) !== 0)
      this.control.wakeKswapd(KSWAPD_RUNNING);
  }
  /** Do something under the lock. */
  locked<R>(work: () => R): R {
    this.enter();
    try {
      return work();
    } finally {
      this.leave();
    }
  }
  /** Tell stores of the pages that the engine has dropped. */
  settle(): void {
    const dropped = this.#dropped;
    while (dropped.length > 0) {
      const vpn = dropped.pop() as number;
      const meta = this.control.storeOf(dropped.pop() as number);
      if (meta === 0) continue;
      const before = willChange(this.control, meta);
      this.#bare.storeLost(meta, vpn);
      hasChanged(this.control, before);
    }
  }

  /** The same for pages that stores need not be told of. */
  forgetDropped(): void {
    this.#dropped.length = 0;
  }
  /** Tell stores of the hits that were made without the lock. The caller has it. */
  hearSeen(): void {
    if (this.lane.isNoted) this.lane.hear(this.#bare);
  }
  /** Tell stores of this thread's such hits, if nobody has the lock, and without disturbing anybody. */
  hearOwn(): void {
    const { lock, control } = this;
    if (!lock.enterQuietly()) return;
    try {
      if (control.state === OPEN) this.lane.hearOwn(this.#bare);
    } finally {
      lock.leave();
    }
  }
  /** Let go of what threads hold that have ended. Now and then: it looks at each. */
  sweep(): void {
    this.locked(() => sweep(this));
  }

  /** Whether kswapd has something to do, which somebody who comes by is to do. */
  get wantsTurn(): boolean {
    return this.segment.h32[H_KSWAPD >>> 2] !== 0 && this.turnsCrank;
  }
  override notBefore(time: number): number {
    return Math.max(time, this.segment.hf[H_CLOCK >>> 3] as number);
  }
  /** A thread of its own may do it. */
  protected override get turnsCrank(): boolean {
    return this.control.words[KSWAPD] === KSWAPD_NONE;
  }
  /** An operation is one piece of work under the lock: it waits for no device between two parts of it. */
  override get readsAhead(): boolean {
    return false;
  }
  override get storeCalls(): EngineCalls {
    return this.#bare;
  }
  /** Who has the cache open need not be told: its store is. */
  override onDiscard(): void {}

  override turn(now?: number): number {
    this.enter();
    try {
      const time = super.turn(now ?? this.crank.now());
      if (time >= this.#lookDue && !this.turnsCrank) this.#lookAtKswapd(time);
      return time;
    } finally {
      this.leave();
    }
  }
  /** What waits for the thread that reclaims waits for nobody if that is dead, and nobody has been told. */
  #lookAtKswapd(now: number): void {
    if (this.segment.h32[H_KSWAPD >>> 2] === 0) return;
    this.#lookDue = now + LOOK_MS;
    endKswapdIfDead(this);
  }
  #lookDue = 0;
  override fault(vma: number, vpn: number, mode: number, lines: number): number {
    this.enter();
    try {
      this.turn();
      return this.#bare.fault(vma, vpn, mode | (lines << LINES_SHIFT));
    } finally {
      this.leave();
    }
  }

  // Whose they are is noted: those of a thread that has ended are let go by another.
  override pin(vpn: number, undo?: () => void): number {
    const frame = this.calls.pinPageFor(vpn, this.slot);
    if (frame >= 0) {
      this.#pins++;
      return frame;
    }
    undo?.();
    throw new LieuError("ENOMEM", "too many pages are held by several threads at a time; release some pins");
  }
  override unpin(frame: number): void {
    this.calls.unpinFrameFor(frame, this.slot);
    this.#pins--;
  }

  /** Who opened the memory closes it for all; others let go of it. */
  override close(): void {
    if (this.closed) return;
    if (this.helper?.stop() === false && this.name !== undefined) this.name.lent = true;
    // A process that ends may hold some yet.
    if (this.#pins > 0 && this.isOpen) this.locked(() => this.#letGo());
    if (this.attached) this.#end();
    else {
      this.lock.enter();
      this.outdateAll();
      this.gate.still();
      this.control.state = CLOSED;
      this.control.wakeKswapd(KSWAPD_NONE);
      this.#end();
      this.lock.leave();
    }
    this.lock.retire();
    this.lane.retire();
    this.reads.forget();
    if (this.name === undefined) this.control.part(this.slot);
    else this.name.leave(this);
  }
  #end(): void {
    this.#dropped.length = 0;
    this.#bare = CLOSED_CALLS;
    // Others may be looking at it yet.
    this.segment.lent = true;
    super.close();
  }
  protected override giveUp(segment: Segment): void {
    if (!this.attached) super.giveUp(segment);
  }

  /** What threads hold decoded on their heaps is good no more. */
  outdateAll(): void {
    this.inspect();
    const at = allVersionsAddr() >>> 2;
    this.segment.h32[at] = (this.segment.h32[at] as number) + 1;
  }

  protected override host(): Host {
    const host = super.host();
    return {
      ...host,
      swapRead: (dev, slot, addr) => {
        const taken = this.reads.take(dev, slot, addr >>> 0);
        return taken < 0 ? host.swapRead(dev, slot, addr) : taken === 0 ? 0 : EIO;
      },
      discard: (vma, vpn) => this.#dropped.push(vma, vpn),
      still: () => this.gate.still(),
    };
  }

  #refuse(): never {
    const { state } = this.control;
    this.lock.leave();
    if (state === CLOSED) throw new LieuError("ECLOSED", "the memory was closed by the thread that opened it");
    const why = "a thread or process that shares the memory ended in the middle of an operation";
    throw new LieuError("EOWNERDEAD", `${why}, and what it left could not be made whole; open a new one`);
  }
}

type Call = (...args: number[]) => number;

/** The same calls, each under the lock. */
function locked(calls: EngineCalls, vm: SharedVm): EngineCalls {
  const made: Record<string, Call> = {};
  for (const [name, call] of Object.entries(calls) as [string, Call][]) {
    if (typeof call !== "function") continue;
    const changes = changesStore(name);
    made[name] = (...args) => {
      vm.enter();
      // Cleared with the lock.
      if (changes) willChange(vm.control, args[0] as number);
      try {
        return call(...args);
      } finally {
        vm.leave();
      }
    };
  }
  return made as unknown as EngineCalls;
}

/** Make the locks of the shards of a memory one family, in this thread. */
export function joinLocks(vms: readonly SharedVm[]): void {
  const family = { held: 0 };
  for (const { lock } of vms) lock.family = family;
}
