/**
 * What a thread of its own does for a shared memory, beside all others: it balances nodes, scans for promotion, makes room ahead for
 * stores, and writes to swap what goes there.
 *
 * It works in turns. A turn is one piece of work under the memory's lock, as long as it takes to move or queue a batch of 32 pages, or of 8
 * where others want the lock, and then the lock is anybody's: who waits for it gets it before the next turn. Pages for a device are queued
 * in a turn (mm/writeback.ts), copied, written with the lock free, and taken out under it again, as far as they are still what was written;
 * the copies and the taking out are in pieces, too, between which whoever waits has his turn.
 *
 * This is the work alone. Who calls {@link Kswapd.turn} in a loop, and sleeps in between, is memory/kswapd-worker.ts.
 */
import { isLieuError, LieuError } from "../errors.ts";
import {
  H_CLOCK,
  H_HEADROOM,
  H_HEADROOM_WANTED,
  H_HINT_DUE,
  H_KSWAPD,
  H_KSWAPD_BATCH,
  H_WRITES_LATER,
  MAX_VMAS,
  NR_WRITEBACK,
  scratch,
  WRITES_LATER,
} from "../mm/layout.ts";
import { WRITE_DONE, WRITE_FAILED, WRITE_NONE, WRITE_STALE } from "../mm/written.ts";
import { HEADROOM_CUT, HEADROOM_ENOUGH, HEADROOM_MADE } from "../store/headroom.ts";
import type { SwapDevice } from "../swap/device.ts";
import { hasChanged, willChange } from "./changing.ts";
import { KSWAPD, KSWAPD_ASLEEP, KSWAPD_HEIR, KSWAPD_RUNNING, KSWAPD_SLOT, KSWAPD_WRITING } from "./control.ts";
import type { EngineCalls } from "./engine.ts";
import { isKswapdFree } from "./kswapd-turns.ts";
import type { SharedVm } from "./shared-vm.ts";
import { endKswapd } from "./takeover.ts";

const PAGE = 4096;
/** Pages that one turn takes, and where somebody waits for it; so many turns after somebody did, he is taken to be waiting yet. */
const BATCH = 32;
const SMALL_BATCH = 8;
const BUSY_TURNS = 16;
/** Pages that are copied, or taken out of memory, before a look at whether somebody waits. */
const PIECE = 4;
/** Turns for stores in a row that may come to nothing. */
const PATIENCE = 32;
/** Turns after which it is looked anew which stores there are. */
const LOOKED = 32;
/** After these, and the longest that it sleeps when there is nothing to do, milliseconds. */
const NAP_MS = 5;
const SLEEP_MS = 100;

/** A page that is being written. */
interface Write {
  /** Byte address of its bytes; 0: it was called off before it began. */
  readonly at: number;
  readonly dev: number;
  readonly slot: number;
  readonly vpn: number;
  readonly vma: number;
  failed: boolean;
}

/** See the file's head. */
export class Kswapd {
  readonly #vm: SharedVm;
  readonly #calls: EngineCalls;
  /** Index into h32 of the room for arguments. */
  readonly #args: number;
  /** Copies of the pages under writeback, and where each begins. */
  readonly #bytes = new Uint8Array(NR_WRITEBACK * PAGE);
  readonly #addrs = Uint32Array.from({ length: NR_WRITEBACK }, (_, i) => i * PAGE);
  #fruitless = 0;
  /** Mappings that are stores', as of a few turns ago, and the one of them that has its turn next. */
  readonly #stores: number[] = [];
  #looked = 0;
  #store = 0;

  constructor(vm: SharedVm) {
    this.#vm = vm;
    this.#calls = vm.storeCalls;
    vm.inspect();
    this.#args = scratch() >>> 2;
  }

  /** From now on others leave all of it to this thread. False: another does it. */
  begin(): boolean {
    const { control, segment } = this.#vm;
    return this.#vm.locked(() => {
      if (!isKswapdFree(this.#vm)) return false;
      segment.h32[H_KSWAPD_BATCH >>> 2] = BATCH;
      segment.h32[H_HEADROOM >>> 2] = 1;
      control.words[KSWAPD_HEIR] = 0;
      control.words[KSWAPD_SLOT] = this.#vm.slot;
      control.words[KSWAPD] = KSWAPD_RUNNING;
      return true;
    });
  }
  /** Between two turns: others do it again. */
  end(): void {
    this.#vm.locked(() => endKswapd(this.#vm));
  }

  /**
   * A turn, and the writes that it brings. Returns for how many milliseconds there is nothing to do, unless somebody wakes this thread; 0:
   * there is more; negative: there is more, but others wait for the lock. @throws {@link LieuError} ECLOSED, EOWNERDEAD, EBUG
   */
  turn(): number {
    if (this.#isOthers()) {
      // It only looks again, soon, and needs nobody to wake it.
      this.#vm.control.rouseKswapd();
      return -1;
    }
    const writes = this.submit();
    if (writes.length > 0) {
      this.write(writes);
      return this.complete(writes) ? -1 : 0;
    }
    return this.#rest;
  }
  #rest = 0;
  /**
   * Whether all that there is to do is room for stores whose programs are at work all the time: they would wait for each piece of it longer than it takes, and
   * make it themselves (helping.ts).
   */
  #isOthers(): boolean {
    const { h32, hf } = this.#vm.segment;
    if (h32[H_HEADROOM_WANTED >>> 2] === 0 || h32[H_KSWAPD >>> 2] !== 0) return false;
    if ((hf[H_CLOCK >>> 3] as number) >= (hf[H_HINT_DUE >>> 3] as number)) return false;
    return this.#calls.nrWriteback() === 0 && !this.#vm.lock.isQuiet;
  }

  /** The turn itself: what there is to do under the lock. Returns the pages to be written, which are copied. */
  submit(): Write[] {
    const vm = this.#vm;
    const { words } = vm.control;
    let writes: Write[] = [];
    this.#lookForStores();
    this.#enter();
    try {
      words[KSWAPD] = KSWAPD_RUNNING;
      vm.segment.h32[H_HEADROOM >>> 2] = 1;
      vm.hearSeen();
      vm.turn();
      const did = this.#work();
      writes = this.#queued();
      words[KSWAPD_WRITING] = writes.length > 0 ? 1 : 0;
      this.#rest = did || writes.length > 0 ? 0 : this.#idle();
      if (this.#rest > 0) words[KSWAPD] = KSWAPD_ASLEEP;
    } finally {
      if (this.#leave() && this.#rest === 0) this.#rest = -1;
    }
    this.#copy(writes);
    return writes;
  }
  /** Which stores there are, every so many turns, and not under the lock. */
  #lookForStores(): void {
    if (this.#looked-- > 0) return;
    this.#looked = LOOKED;
    this.#stores.length = 0;
    for (let vma = 0; vma < MAX_VMAS; vma++) if (this.#vm.control.storeOf(vma) !== 0) this.#stores.push(vma);
  }
  /** The lock, after all who want it; unless a node is short of pages: then they will want those. */
  #enter(): void {
    const { lock, segment } = this.#vm;
    if (segment.h32[H_KSWAPD >>> 2] === 0) lock.giveWay();
    this.#vm.enter();
    if (this.#busy > 0) this.#busy--;
  }
  /** Returns whether somebody was asleep for want of it. */
  #leave(): boolean {
    const { lock } = this.#vm;
    if (lock.isWanted) this.#busy = BUSY_TURNS;
    // It was closed, or lost, where it was let go of in between.
    return lock.depth > 0 && this.#vm.leave();
  }
  /** Between two pieces: if somebody waits for the lock, let him have it. */
  #giveWay(): void {
    if (!this.#vm.lock.isWanted) return;
    this.#leave();
    this.#enter();
  }
  /** Turns for which somebody is taken to be waiting. */
  #busy = 0;
  #idle(): number {
    const { h32, hf } = this.#vm.segment;
    if (this.#fruitless >= PATIENCE) {
      // Stores need not ask for a while; nodes may.
      this.#fruitless = 0;
      h32[H_HEADROOM >>> 2] = 0;
      return NAP_MS;
    }
    const due = (hf[H_HINT_DUE >>> 3] as number) - (hf[H_CLOCK >>> 3] as number);
    return Math.min(SLEEP_MS, Math.max(1, due));
  }

  /** One piece of work. Returns whether there may be more. */
  #work(): boolean {
    const { h32, hf } = this.#vm.segment;
    const woken = h32[H_KSWAPD >>> 2] as number;
    h32[H_WRITES_LATER >>> 2] = WRITES_LATER;
    h32[H_KSWAPD_BATCH >>> 2] = this.#busy > 0 ? SMALL_BATCH : BATCH;
    try {
      if (woken !== 0) {
        // From the slowest node up: what comes down finds room.
        this.#calls.kswapdStep(31 - Math.clz32(woken));
        return true;
      }
      if ((hf[H_CLOCK >>> 3] as number) >= (hf[H_HINT_DUE >>> 3] as number)) {
        this.#calls.hintScan();
        return true;
      }
      if (this.#calls.nrWriteback() > 0) return true;
      return (h32[H_HEADROOM_WANTED >>> 2] as number) !== 0 && this.#makeHeadroom();
    } finally {
      h32[H_WRITES_LATER >>> 2] = 0;
    }
  }
  /** Room for the next store that wants some. */
  #makeHeadroom(): boolean {
    const { control } = this.#vm;
    const stores = this.#stores;
    let wanted = false;
    for (let i = 0; i < stores.length; i++) {
      const at = (this.#store + i) % stores.length;
      const meta = control.storeOf(stores[at] as number);
      if (meta === 0) continue;
      willChange(control, meta);
      const made = this.#calls.storeHeadroom(meta);
      hasChanged(control, 0);
      if (made === HEADROOM_ENOUGH) continue;
      wanted = true;
      // Neither in vain nor not, so far.
      if (made === HEADROOM_CUT) {
        this.#store = at;
        return true;
      }
      if (made !== HEADROOM_MADE) continue;
      this.#fruitless = 0;
      this.#store = at + 1;
      return true;
    }
    if (wanted && ++this.#fruitless < PATIENCE) return true;
    // Whoever wants some yet will say so again.
    this.#calls.noteHeadroom();
    if (!wanted) this.#fruitless = 0;
    return false;
  }
  /** What was queued. Under the lock. */
  #queued(): Write[] {
    const { h32 } = this.#vm.segment;
    const writes: Write[] = [];
    for (let i = 0, n = this.#calls.nrWriteback(); i < n; i++) {
      this.#calls.lookAtWriteback(i);
      const word = (k: number) => h32[this.#args + k] as number;
      writes.push({ at: word(0) >>> 0, dev: word(1), slot: word(2), vpn: word(3), vma: word(4), failed: false });
    }
    return writes;
  }
  /** Copy it. Not under the lock: a page that is being written to, or is another by now, is found out when it is compared. */
  #copy(writes: readonly Write[]): void {
    const { h8 } = this.#vm.segment;
    writes.forEach(({ at }, i) => {
      if (at !== 0) this.#bytes.set(h8.subarray(at, at + PAGE), i * PAGE);
    });
  }
  /** Write the copies, neighbours in one call. Not under the lock. */
  write(writes: readonly Write[]): void {
    const { devices, deviceErrors } = this.#vm;
    for (const { first, nr } of runs(writes)) {
      const { dev, slot } = writes[first] as Write;
      try {
        (devices[dev] as SwapDevice).write(slot, nr, this.#bytes, this.#addrs.subarray(first, first + nr));
        deviceErrors[dev] = undefined;
      } catch (error) {
        deviceErrors[dev] = isLieuError(error) ? error : new LieuError("EIO", String(error), { cause: error });
        for (let i = first; i < first + nr; i++) (writes[i] as Write).failed = true;
      }
    }
  }
  /** Take out of memory what is still as it was written. Returns whether somebody was asleep for want of the lock. */
  complete(writes: readonly Write[]): boolean {
    const vm = this.#vm;
    const calls = this.#calls;
    const { words } = vm.control;
    this.#enter();
    try {
      // Whoever repaired the memory meanwhile may have called all of it off.
      if (words[KSWAPD_WRITING] === 0 || calls.nrWriteback() !== writes.length) return false;
      for (const { first } of runs(writes)) {
        const { dev, failed } = writes[first] as Write;
        calls.noteWritten(dev, failed ? 1 : 0);
      }
      for (let left = writes.length; left > 0 && calls.nrWriteback() === left; left--) {
        // What the copies are compared with must be what leaves.
        vm.gate.still();
        this.#end(writes[left - 1] as Write, left - 1);
        if (left % PIECE === 1) this.#giveWay();
      }
    } finally {
      if (vm.lock.depth > 0) words[KSWAPD_WRITING] = 0;
      this.#waited = this.#leave();
    }
    return this.#waited;
  }
  /** The writeback of the i-th page, the last of those that are left. */
  #end({ at, vpn, vma, failed }: Write, i: number): void {
    const what = at === 0 ? WRITE_NONE : failed ? WRITE_FAILED : this.#isSame(i) ? WRITE_DONE : WRITE_STALE;
    if (this.#calls.endWriteback(what) === 0) return;
    const meta = this.#vm.control.storeOf(vma);
    if (meta === 0) return;
    willChange(this.#vm.control, meta);
    this.#calls.storeWritten(meta, vpn);
    hasChanged(this.#vm.control, 0);
  }
  #waited = false;

  /** Whether the i-th page is still there and what it was. */
  #isSame(i: number): boolean {
    const { h8, h32 } = this.#vm.segment;
    this.#calls.lookAtWriteback(i);
    const at = (h32[this.#args] as number) >>> 0;
    return at !== 0 && Buffer.compare(this.#bytes.subarray(i * PAGE, (i + 1) * PAGE), h8.subarray(at, at + PAGE)) === 0;
  }
}

/** Writes to neighbouring slots of a device. */
function* runs(writes: readonly Write[]): Generator<{ first: number; nr: number }> {
  for (let first = 0; first < writes.length; ) {
    const begin = writes[first] as Write;
    let nr = 1;
    if (begin.at !== 0) {
      for (let next = writes[first + nr]; next?.at !== 0 && next?.dev === begin.dev; next = writes[first + nr]) {
        if (next.slot !== begin.slot + nr) break;
        nr++;
      }
      yield { first, nr };
    }
    first += nr;
  }
}
