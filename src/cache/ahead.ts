/**
 * Waiting for what a get will read, where that is on a device that takes long (swap of kind "remote"): the event loop goes on meanwhile, and
 * the get that follows finds it at hand. What is in the way of that, a page that moves in between, is waited for as ever.
 */
import { scratch } from "../mm/layout.ts";
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
