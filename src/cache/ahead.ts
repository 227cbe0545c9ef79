/**
 * Waiting for what a get will read, where that is on a device that takes long (swap of kind "remote"): the event loop goes on meanwhile, and
 * the get that follows finds it at hand. What is in the way of that, a page that moves in between, is waited for as ever.
 *
 * And, of a memory that threads share, reading before an operation what it will read from a device, without the lock: nobody else waits for it then.
 */
import { scratch, V_SWAPPED, vmaAddr } from "../mm/layout.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Items } from "./items.ts";
import type { CacheKey } from "./keys.ts";

/** Get what a search for `key` will read from such devices. Never rejects. */
export async function readAhead(vm: Vm, items: Items, key: CacheKey): Promise<void> {
  // The item's head says where the rest of it is.
  for (let rest = 0; rest <= 1; rest++) {
    if (vm.closed) return;
    vm.inspect();
    const n = vm.calls.storeAhead(items.meta, items.keys.put(key), rest);
    const from = scratch() >>> 2;
    const reads = Array.from(vm.segment.h32.subarray(from, from + n), (slot) => vm.readAhead(slot));
    if (n > 0) await Promise.all(reads);
  }
}

/** What operations on keys of a shared cache read before they begin; see the file's head. */
export class ReadsBefore {
  readonly #vm: SharedVm;
  readonly #items: Items;
  /** Index of the word that says how many of the items' pages are in swap, and of the room for arguments. */
  readonly #swapped: number;
  readonly #argument: number;

  /** `vma`: the mapping that the items are in. */
  constructor(vm: SharedVm, items: Items, vma: number) {
    this.#vm = vm;
    this.#items = items;
    this.#swapped = (vmaAddr(vma) + V_SWAPPED) >>> 2;
    this.#argument = scratch() >>> 2;
  }
  /** With the lock: whether an operation that begins now may have to read anything. */
  get isWanted(): boolean {
    const { reads, segment, lock } = this.#vm;
    return reads.wanted && segment.h32[this.#swapped] !== 0 && lock.depth === 1;
  }
  /** With the lock: read what one on `key` will. The lock may be let go of meanwhile; then `again` is called when it is there again. */
  read(key: CacheKey, again: () => void): void {
    const { storeCalls, segment } = this.#vm;
    // The item's head says where the rest of it is.
    for (let rest = 0; rest <= 1; rest++) {
      const n = storeCalls.storeAhead(this.#items.meta, this.#items.keys.put(key), rest);
      // Neither its head, then, nor what is behind that.
      if (n === 0) return;
      if (this.#vm.readSlots(segment.h32.slice(this.#argument, this.#argument + n))) again();
    }
  }
}
