/**
 * A shared memory whose lock a thread had when it died, taken over by whoever found it dead (shared-lock.ts): made whole, under the lock, before
 * anybody else gets it.
 *
 *   what was on its way to have a name, or to have none any more, is no more
 *   the segment is rebuilt (mm/rebuild.ts): regions lose nothing
 *   the pins of the dead are let go, the loads that they were at are begun anew by others
 *   the cache that the dead one was at is emptied: a miss is what a cache may always answer. Others keep their entries, but for those whose pages it
 *   had dropped and not told of (store/mend.ts). What heaps hold is good no more
 *
 * The state says BROKEN meanwhile. Who dies in the middle of it is found in the same way, and all of it is done again, from the start. If it
 * cannot be done, which would be a bug, the memory stays broken: every operation ends with EOWNERDEAD, and nothing wrong is read.
 */
import { shown } from "../errors.ts";
import {
  C_ACTIVE,
  H_HEADROOM,
  H_KSWAPD_BATCH,
  H_WRITES_LATER,
  MAX_MEMCG,
  MAX_VMAS,
  memcg,
  setVma,
  V_ACTIVE,
  VMA_DYING,
  VMA_LOST,
  vma,
} from "../mm/layout.ts";
import { isChanging, SEVERAL } from "./changing.ts";
import {
  BROKEN,
  CHANGING,
  CLOSED,
  type Control,
  KSWAPD,
  KSWAPD_HEIR,
  KSWAPD_NONE,
  KSWAPD_SLOT,
  KSWAPD_WRITING,
  OPEN,
  type SharedCacheEntry,
} from "./control.ts";
import type { EngineCalls } from "./engine.ts";
import { endLoads } from "./in-flight.ts";
import type { Segment } from "./segment.ts";

/** What is taken over: a SharedVm. */
export interface Shared {
  readonly control: Control;
  readonly segment: Segment;
  readonly storeCalls: EngineCalls;
  readonly slot: number;
  /** Of one that processes share: its name. */
  readonly name: object | undefined;
  inspect(): void;
  outdateAll(): void;
  forgetDropped(): void;
}

/** Take the memory over; see the file's head. The caller has the lock. */
export function takeOver(vm: Shared): void {
  const { control } = vm;
  if (control.state === CLOSED) return;
  control.state = BROKEN;
  try {
    vm.outdateAll();
    const { torn, whole } = condemn(vm);
    const writing = control.words[KSWAPD] !== KSWAPD_NONE && control.isAlive(control.words[KSWAPD_SLOT] as number);
    vm.storeCalls.rebuild(writing ? 1 : 0);
    if (control.words[KSWAPD] !== KSWAPD_NONE && !writing) endKswapd(vm);
    // Who is found dead from here on was at all of them.
    control.words[CHANGING] = SEVERAL;
    sweep(vm);
    for (const cache of torn) empty(vm, cache);
    for (const { meta } of whole) vm.storeCalls.storeMend(meta.start);
    if (vm.name !== undefined) forgetGroups(vm);
    vm.forgetDropped();
    vm.outdateAll();
    control.words[CHANGING] = 0;
    control.state = OPEN;
    const emptied = torn.map(({ name }) => shown(name)).join(", ") || "none";
    warn(`what it left was made whole: regions have lost nothing, caches that were emptied: ${emptied}`);
  } catch (error) {
    warn(`what it left cannot be made whole, and the memory is lost: ${(error as Error).message}`);
  }
}

function warn(what: string): void {
  process.emitWarning(`a thread or process that shares the memory ended in the middle of an operation; ${what}`, {
    type: "LieuWarning",
    code: "LIEU_TAKEOVER",
  });
}

/** Caches that are there: those that the dead one was at, which the rebuild empties, and those that it was not at. */
interface Caches {
  readonly torn: readonly SharedCacheEntry[];
  readonly whole: readonly SharedCacheEntry[];
}
/** Have the rebuild unmap what no name leads to, and what is torn, and forget what names lead to that is no more. */
function condemn(vm: Shared): Caches {
  const { control } = vm;
  vm.inspect();
  const isThere = (id: number): boolean => vma(id, V_ACTIVE) !== 0 && vma(id, V_ACTIVE) !== VMA_DYING;
  const registry = control.registry();
  const regions = registry.regions.filter(
    ({ mapping, incarnation }) => control.lives(mapping.id, incarnation) && isThere(mapping.id),
  );
  const caches = registry.caches.filter(
    ({ data, meta, incarnation }) => control.lives(data.id, incarnation) && isThere(data.id) && isThere(meta.id),
  );
  const kept = new Set([
    ...regions.map(({ mapping }) => mapping.id),
    ...caches.flatMap(({ data, meta }) => [data.id, meta.id]),
  ]);
  for (let id = 0; id < MAX_VMAS; id++) {
    if (kept.has(id) || control.isOwn(id)) continue;
    control.forget(id);
    if (vma(id, V_ACTIVE) !== 0) setVma(id, V_ACTIVE, VMA_DYING);
  }
  const torn = caches.filter(({ meta }) => isChanging(control, meta.start));
  for (const { data } of torn) setVma(data.id, V_ACTIVE, VMA_LOST);
  if (regions.length < registry.regions.length || caches.length < registry.caches.length) {
    control.register((all) => ({ ...all, regions, caches }));
  }
  return { torn, whole: caches.filter((cache) => !torn.includes(cache)) };
}

function empty(vm: Shared, { data, meta }: SharedCacheEntry): void {
  const { storeCalls } = vm;
  if (storeCalls.storeEmpty(meta.start) >= 0) return;
  // There is not even room for an empty one.
  storeCalls.destroyVma(data.id);
  storeCalls.destroyVma(meta.id);
  vm.control.end(data.id);
}

/** Groups that were made and got no name. */
function forgetGroups(vm: Shared): void {
  const { groups, cacheGroups } = vm.control.registry();
  const known = new Set([0, ...groups.map(({ id }) => id), ...cacheGroups.map(({ id }) => id)]);
  for (let cg = MAX_MEMCG - 1; cg > 0; cg--) {
    vm.inspect();
    if (!known.has(cg) && memcg(cg, C_ACTIVE) !== 0) vm.storeCalls.destroyMemcg(cg);
  }
}

/** Let go of what threads hold that have ended without letting go of it: pins, loads, and their numbers. The caller has the lock. */
export function sweep(vm: Shared): void {
  const { control } = vm;
  const dead = new Set(
    control
      .members()
      .filter(({ slot, alive }) => !alive && slot !== vm.slot)
      .map(({ slot }) => slot),
  );
  if (dead.size === 0) return;
  // Before another gets the number.
  if (dead.has(control.kswapdSlot)) endKswapd(vm);
  if (dead.has(control.words[KSWAPD_HEIR] as number)) control.words[KSWAPD_HEIR] = 0;
  endLoads(control, (slot) => dead.has(slot));
  for (const slot of dead) {
    vm.storeCalls.unpinAllFor(slot);
    control.part(slot);
  }
}

/** Whoever comes by reclaims again, since the thread that did is gone. Under the lock. */
export function endKswapd(vm: Shared): void {
  const { h32 } = vm.segment;
  h32[H_KSWAPD_BATCH >>> 2] = 0;
  h32[H_HEADROOM >>> 2] = 0;
  h32[H_WRITES_LATER >>> 2] = 0;
  vm.control.wakeKswapd(KSWAPD_NONE);
  vm.control.words[KSWAPD_SLOT] = 0;
  vm.control.words[KSWAPD_WRITING] = 0;
  vm.storeCalls.abandonWriteback();
}
