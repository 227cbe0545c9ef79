/** Opens a cache's store: its two mappings, and how the room in them is divided. */
import { randomBytes } from "node:crypto";
import { isLieuError, LieuError } from "../errors.ts";
import { ld, st } from "../mm/machine.ts";
import { Mapping, type ResolvedPolicy } from "../runtime/mapping.ts";
import type { Vm } from "../runtime/vm.ts";
import { controlOf, FLAG_TELL, ST_FLAGS } from "../store/layout.ts";

/** Fewer pages than these would hold little but the index. */
export const MIN_CACHE_PAGES = 16;
/** More could not be counted: a place in the log is a word that counts granules of 8 bytes from 1, and so are the live ones. Just under 16 GiB. */
export const MAX_CACHE_PAGES = 2 ** 22 - 1024;
/** A cache has about so many segments, or more: one is between one page and 16. */
const SEGMENTS = 128;
const MAX_SEG_SHIFT = 4;

export interface StoreMappings {
  readonly data: Mapping;
  readonly meta: Mapping;
}

/** What a store is asked to be. */
export interface StoreRequest {
  readonly name: string;
  readonly maxPages: number;
  readonly maxItems: number;
  /** Whether somebody wants to hear of what is dropped. */
  readonly tell: boolean;
  /** What keys are hashed with. */
  readonly secret: readonly [number, number];
  readonly memcg: number;
  readonly policy: ResolvedPolicy;
}

/** The secret of the n-th store: two words that its keys are hashed with. */
export type SecretOf = (n: number) => readonly [number, number];
/** Where a run can be repeated, keys are in the same places again; elsewhere nobody can know them. */
export function secretsOf(seed: number, repeatable: boolean): SecretOf {
  if (repeatable) return (n) => [seed | 0, n];
  const words = randomBytes(8);
  return (n) => [words.readInt32LE(0), words.readInt32LE(4) ^ n];
}

/** How a store of `maxPages` is laid out, in pages. */
function layoutOf(vm: Vm, maxPages: number) {
  let segShift = 0;
  while (segShift < MAX_SEG_SHIFT && maxPages >> (segShift + 1) >= SEGMENTS) segShift++;
  // More addresses than pages, as a segment takes them whole, in swap also for what is there no more; a page of a body may be any.
  const room = maxPages + (maxPages >> (vm.devices.length > 0 ? 1 : 2)) + 64;
  const logPages = Math.ceil(room / (1 << segShift)) << segShift;
  const dataPages = logPages + maxPages;
  const metaPages = vm.calls.storeMetaPages(maxPages, dataPages, logPages, segShift);
  return { segShift, logPages, dataPages, metaPages };
}

/**
 * The most pages, up to `capacity`, of a cache that is given no size. The first takes what addresses it needs. Each further one
 * takes a quarter of what is left but for a third of all, if it needs as many; when that is used up, a thousandth, so that there is some for hundreds.
 */
export function sizeForAddresses(vm: Vm, capacity: number, first: boolean): number {
  if (first) return capacity;
  const all = vm.shape.vpns;
  const most = Math.max((vm.calls.freeVpns() - all / 3) / 4, all / 1024);
  let lo = MIN_CACHE_PAGES;
  let hi = Math.max(lo, capacity);
  while (lo < hi) {
    const mid = Math.ceil((lo + hi) / 2);
    const { dataPages, metaPages } = layoutOf(vm, mid);
    if (dataPages + metaPages <= most) lo = mid;
    else hi = mid - 1;
  }
  return lo;
}

/** A store, and how large it is. */
export interface OpenedStore extends StoreMappings {
  readonly maxPages: number;
  /** If it was there already: which of those that have had the number of its mapping it is. */
  readonly incarnation?: number;
}
/** The same, of fewer pages if it `mayBeLess`: what addresses there are may not be in one piece. @throws {@link LieuError} ENOMEM */
export function openFittingStore(vm: Vm, request: StoreRequest, mayBeLess: boolean): OpenedStore {
  for (let { maxPages } = request; ; maxPages >>= 1) {
    try {
      return { ...openStore(vm, { ...request, maxPages }), maxPages };
    } catch (error) {
      if (!mayBeLess || maxPages >> 1 < MIN_CACHE_PAGES || !isLieuError(error, "ENOMEM")) throw error;
    }
  }
}

/** The store of a cache that another has made tells of what it drops from now on. `meta`: the first page of its index. */
export function haveTold(vm: Vm, meta: number): void {
  vm.inspect();
  const at = controlOf(meta) + ST_FLAGS;
  st(at, ld(at) | FLAG_TELL);
}

/** @throws {@link LieuError} ENOMEM */
function openStore(vm: Vm, request: StoreRequest): StoreMappings {
  const { name, maxPages, maxItems, tell, secret, memcg, policy } = request;
  const { segShift, logPages, dataPages, metaPages } = layoutOf(vm, maxPages);
  const base = { memcg, order: 0, policy };
  const what = `cache ${JSON.stringify(name)}`;
  const data = new Mapping(vm, { ...base, what, pages: dataPages, file: true, locked: false });
  let meta: Mapping | undefined;
  try {
    meta = new Mapping(vm, { ...base, what: `the index of ${what}`, pages: metaPages, file: false, locked: true });
    const flags = tell ? FLAG_TELL : 0;
    if (vm.calls.storeInit(meta.id, data.id, maxPages, maxItems, logPages, segShift, flags) < 0) {
      throw new LieuError("ENOMEM", `no room for the index of ${what} in any node that it may use`);
    }
    vm.calls.storeSecret(meta.start, secret[0], secret[1]);
    return { data, meta };
  } catch (error) {
    meta?.unmap();
    data.unmap();
    throw error;
  }
}
