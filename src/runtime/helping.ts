/**
 * Room that programs make themselves, beside a thread that reclaims, where they are at work all the time: each piece that the thread did would be waited for, longer
 * than it takes. So an operation on a store that takes pages, when few are left of those that are kept free ahead, makes some room before it lets go of the
 * lock: in pieces, and never waiting for a device. What goes there is queued, and the thread writes it.
 */
import { H_HEADROOM_WANTED, H_WRITES_LATER, HEADROOM_WANTED, WRITES_LATER_PIECES } from "../mm/layout.ts";
import { HEADROOM_ENOUGH, HEADROOM_NONE } from "../store/headroom.ts";
import { KSWAPD, KSWAPD_NONE, KSWAPD_WRITING } from "./control.ts";
import type { Shared } from "./takeover.ts";

/** Pieces that an operation makes at most, one for two pages that it takes: each is two pages that are cleaned or sorted, or a segment that sinks. */
const MOST_PIECES = 4;
/** Operations that are to help and pass before another try, after some tries that came to nothing. */
const LONGEST_PAUSE = 64;

/** See the file's head; one a thread. */
export class Helping {
  readonly #vm: Pick<Shared, "control" | "segment" | "storeCalls">;
  /** Operations that pass before the next try; and after it, if that is in vain, too. */
  #pause = 0;
  #next = 1;

  constructor(vm: Pick<Shared, "control" | "segment" | "storeCalls">) {
    this.#vm = vm;
  }
  /** With the lock: whether the operation under way is to help. */
  get isWanted(): boolean {
    return (this.#vm.segment.h32[H_HEADROOM_WANTED >>> 2] as number) > HEADROOM_WANTED;
  }
  /** With the lock, after an operation on a store, which is said to be changed: make some room for it. */
  help(meta: number): void {
    const { control, segment, storeCalls } = this.#vm;
    const { h32 } = segment;
    const pages = (h32[H_HEADROOM_WANTED >>> 2] as number) - HEADROOM_WANTED;
    // The next that takes some says so again.
    h32[H_HEADROOM_WANTED >>> 2] = HEADROOM_WANTED;
    // What was queued before is being written, or there is nobody to do it.
    if (control.words[KSWAPD_WRITING] !== 0 || control.words[KSWAPD] === KSWAPD_NONE) return;
    if (this.#pause > 0) {
      this.#pause--;
      return;
    }
    h32[H_WRITES_LATER >>> 2] = WRITES_LATER_PIECES;
    try {
      for (let left = Math.min(MOST_PIECES, (pages + 1) >> 1); left > 0; left--) {
        const made = storeCalls.storeHeadroom(meta);
        if (made === HEADROOM_ENOUGH) return;
        if (made !== HEADROOM_NONE) this.#next = 1;
        else {
          this.#pause = this.#next;
          this.#next = Math.min(LONGEST_PAUSE, 2 * this.#next);
          return;
        }
      }
    } finally {
      h32[H_WRITES_LATER >>> 2] = 0;
    }
  }
}
