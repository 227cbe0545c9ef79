/**
 * Before operations on many keys: what the next few will need is fetched from memory at the same time (store/warm.ts), rather than one
 * key's after the other's. What it costs is that each key is written and hashed twice.
 */
import type { Vm } from "../runtime/vm.ts";
import type { Items } from "./items.ts";
import type { CacheKey } from "./keys.ts";

/** Keys for which it does not pay. */
export const FEW = 4;
/** Pages of a store for which it does: what fits in the processor's caches is there already. Measured, with 2 MiB of its own for each core. */
const MANY_PAGES = 4096;

/** Whether most of what is held is likely to be far from the processor. */
export function isLarge(vm: Vm, items: Items): boolean {
  return vm.storeCalls.storeHeld(items.meta) > MANY_PAGES;
}
/** Have what an operation on each of `keys`, at most MAX_WARM, will need on its way; `sets`: they are set or deleted. */
export function fetchTogether(vm: Vm, items: Items, keys: readonly CacheKey[], sets: boolean): void {
  const { storeCalls } = vm;
  for (let i = 0; i < keys.length; i++) storeCalls.storeNote(items.meta, items.keys.put(keys[i] as CacheKey), i);
  storeCalls.storeWarm(items.meta, keys.length, sets ? 1 : 0);
}
