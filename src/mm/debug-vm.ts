/**
 * Walks every structure of the segment that is plugged in and checks every invariant. Every test ends with it. Not part
 * of the portable subset: it is the JavaScript side's independent look at what either twin has made.
 */
import { holds, walkLists } from "./debug-vm-lru.ts";
import { walkPool } from "./debug-vm-pool.ts";
import {
  folioHead,
  folioNid,
  folioNr,
  folioOrder,
  PG_ACTIVE,
  PG_BUDDY,
  PG_DETACHED,
  PG_FILE,
  PG_HEAD,
  PG_ISOLATED,
  PG_LOCKED,
  PG_TAIL,
  PG_UNEVICTABLE,
} from "./folio.ts";
import {
  C_ACTIVE,
  C_PARENT,
  C_SWAP,
  C_USAGE,
  flags,
  freeHead,
  H_DEPTH,
  H_NR_PINS,
  H_NR_SPANS,
  H_NR_SWAP,
  H_NR_VPNS,
  H_OPTIONS,
  H_SWAP_DISCARDABLE,
  H_SWAP_FREE,
  H_SWAP_FREE_CACHES,
  hdr,
  MAX_MEMCG,
  MAX_VMAS,
  memcg,
  N_FREE,
  N_ISOLATED_ANON,
  N_ISOLATED_FILE,
  N_PAGES,
  N_START,
  NR_ORDERS,
  next,
  node,
  nodes,
  ownerMemcg,
  ownerVma,
  prev,
  pte,
  refs,
  S_CACHES,
  S_DISCARDABLE,
  S_FREE,
  S_SLOTS,
  S_START,
  slotVpn,
  statGlobal,
  swapDev,
  V_ACTIVE,
  V_FILE,
  V_HELD,
  V_LOCKED,
  V_MEMCG,
  V_PAGES,
  V_RESIDENT,
  V_START,
  V_SWAPPED,
  vma,
  vpnOf,
} from "./layout.ts";
import { ldf } from "./machine.ts";
import { placementMask } from "./mempolicy.ts";
import { OPT_DEMOTION, OPT_HONOUR_CPUSET, OPT_HONOUR_MEMPOLICY, OPT_ROOM_FIRST } from "./options.ts";
import { PTE_MIGRATION, PTE_PRESENT, PTE_SWAP, pteIndex } from "./page-table.ts";
import { pinsOf } from "./pins.ts";
import { DISCARDABLE_SLOTS, FREE_SLOTS, nextSlot, POOL_SLOTS } from "./slot-sets.ts";
import { poolDevice, slotDevice } from "./swap.ts";
import { findVma } from "./vma.ts";
import { POLICY_VIOLATIONS, ROOM_VIOLATIONS } from "./vmstat.ts";
import { nrWriteback } from "./writeback.ts";

/** What a walk found, for callers that compare it with a model. */
export interface Walk {
  /** Resident pages of each node. */
  readonly resident: number[];
  /** Pages in swap. */
  readonly swapped: number;
  /** References beyond those of mappings: pins. */
  readonly pins: number;
}

/**
 * Check everything; see the file's head. Returns what it counted.
 *
 * @throws {@link LieuError} EBUG
 */
export function checkInvariants(): Walk {
  holds(hdr(H_DEPTH) === -1, () => `reclaim depth is ${hdr(H_DEPTH)} at rest`);
  held.fill(0);
  const usage = new Float64Array(MAX_MEMCG);
  const resident: number[] = [];
  let pins = 0;
  for (let nid = 0; nid < nodes(); nid++) {
    const free = walkFree(nid);
    const listed = walkLists(nid);
    const found = walkFrames(nid, listed, usage);
    pins += found.pins;
    resident.push(found.pages);
    holds(free === node(nid, N_FREE), () => `node ${nid}: ${free} pages on free lists, ${node(nid, N_FREE)} counted`);
    const total = free + found.pages;
    holds(total === node(nid, N_PAGES), () => `node ${nid}: ${total} pages free or in use of ${node(nid, N_PAGES)}`);
    for (const field of [N_ISOLATED_ANON, N_ISOLATED_FILE]) {
      holds(node(nid, field) === 0, () => `node ${nid}: ${node(nid, field)} pages isolated at rest`);
    }
  }
  const swapped = walkMappings();
  walkSlots(swapped.total);
  if (poolDevice() >= 0) walkPool();
  walkGroups(usage, swapped.byGroup);
  checkCounters();
  return { resident, swapped: swapped.total, pins };
}

/** Free blocks of a node: flagged, of the right order, whole, and counted once. Returns their pages. */
function walkFree(nid: number): number {
  let pages = 0;
  for (let order = 0; order < NR_ORDERS; order++) {
    const head = freeHead(nid, order);
    for (let f = next(head), before = head; f !== head; before = f, f = next(f)) {
      holds(prev(f) === before, () => `free list ${nid}/${order}: frame ${f} does not point back`);
      const good = (flags(f) & PG_BUDDY) !== 0 && folioOrder(f) === order && folioNid(f) === nid;
      holds(good, () => `frame ${f} on free list ${nid}/${order} has flags ${flags(f)}`);
      holds((f & ((1 << order) - 1)) === 0, () => `free block ${f} of order ${order} is not aligned`);
      pages += 1 << order;
      holds(pages <= node(nid, N_PAGES), () => `free list ${nid}/${order} goes round`);
    }
  }
  return pages;
}

/** Frames of a node: each part of one free block or one folio; folios mapped, listed and charged. */
function walkFrames(nid: number, listed: ReadonlySet<number>, usage: Float64Array): { pages: number; pins: number } {
  const start = node(nid, N_START);
  const end = start + node(nid, N_PAGES);
  let pages = 0;
  let pins = 0;
  for (let f = start; f < end; ) {
    const w = flags(f);
    const nr = folioNr(f);
    if ((w & PG_BUDDY) !== 0) {
      f += nr;
      continue;
    }
    holds((w & PG_HEAD) !== 0, () => `frame ${f} is neither free nor in a folio: flags ${w}`);
    for (let i = 1; i < nr; i++) {
      holds((flags(f + i) & PG_TAIL) !== 0 && folioHead(f + i) === f, () => `frame ${f + i} is no tail of folio ${f}`);
    }
    pages += nr;
    pins += walkFolio(f, nr, nid, listed);
    const cg = ownerMemcg(f);
    usage[cg] = (usage[cg] as number) + (isMapped(f) ? nr : 0);
    f += nr;
  }
  return { pages, pins };
}
function isMapped(f: number): boolean {
  const p = pte(vpnOf(f));
  return (p & PTE_PRESENT) !== 0 && pteIndex(p) === f;
}
/** Pages of each mapping that were unmapped while somebody held them. */
const held = new Float64Array(MAX_VMAS);
/** One folio's references, where it is known whose they are: a mapping's, and pins. */
function walkPins(f: number, nr: number): void {
  if (hdr(H_NR_PINS) === 0) return;
  let pins = isMapped(f) ? 1 : 0;
  for (let i = 0; i < nr; i++) pins += pinsOf(f + i);
  holds(refs(f) === pins, () => `folio ${f} has ${refs(f)} references, ${pins} of them somebody's`);
}
/** One folio. Returns the references that are neither a mapping's nor a bug. */
function walkFolio(f: number, nr: number, nid: number, listed: ReadonlySet<number>): number {
  const w = flags(f);
  holds((w & (PG_LOCKED | PG_ISOLATED)) === 0, () => `folio ${f} is locked or isolated at rest: flags ${w}`);
  walkPins(f, nr);
  if (!isMapped(f)) {
    if ((w & PG_DETACHED) !== 0) held[ownerVma(f)] = (held[ownerVma(f)] as number) + nr;
    // Migrated away under somebody's speculative reference: off the LRU, freed by the last holder.
    holds(refs(f) > 0 && !listed.has(f), () => `folio ${f} is not mapped, has ${refs(f)} references`);
    return refs(f);
  }
  holds(listed.has(f), () => `folio ${f} is mapped but on no LRU list`);
  holds(refs(f) >= 1, () => `folio ${f} is mapped with ${refs(f)} references`);
  for (let i = 0; i < nr; i++) {
    const p = pte(vpnOf(f) + i);
    holds((p & PTE_PRESENT) !== 0 && pteIndex(p) === f + i, () => `page ${i} of folio ${f}: entry ${p}`);
  }
  const v = ownerVma(f);
  const at = vpnOf(f) - vma(v, V_START);
  holds(
    vma(v, V_ACTIVE) === 1 && at >= 0 && at + nr <= vma(v, V_PAGES),
    () => `folio ${f} is outside its mapping ${v}`,
  );
  holds(vma(v, V_MEMCG) === ownerMemcg(f), () => `folio ${f} is charged to ${ownerMemcg(f)}, not its mapping's group`);
  holds(vma(v, V_FILE) === ((w & PG_FILE) !== 0 ? 1 : 0), () => `folio ${f} disagrees with its mapping about its type`);
  const unevictable = (w & PG_UNEVICTABLE) !== 0;
  holds(
    !unevictable || (vma(v, V_LOCKED) !== 0 && (w & PG_ACTIVE) === 0),
    () => `folio ${f} is unevictable: flags ${w}`,
  );
  const strict = OPT_HONOUR_MEMPOLICY | OPT_HONOUR_CPUSET;
  if ((hdr(H_OPTIONS) & strict) === strict) {
    holds((placementMask(v) & (1 << nid)) !== 0, () => `folio ${f} of mapping ${v} is on forbidden node ${nid}`);
    holds(
      ldf(statGlobal(POLICY_VIOLATIONS)) === 0,
      () => "policy violations were counted under a preset that forbids them",
    );
  }
  return refs(f) - 1;
}
/** What must not have been counted under the behaviours that this memory has. */
function checkCounters(): void {
  const room = OPT_ROOM_FIRST | OPT_DEMOTION;
  if ((hdr(H_OPTIONS) & room) !== room) return;
  const lost = ldf(statGlobal(ROOM_VIOLATIONS));
  holds(lost === 0, () => `${lost} pages were lost although there was room for them`);
}

/** Page table: entries name frames or slots that name them back. */
function walkMappings(): { total: number; byGroup: Float64Array } {
  const byGroup = new Float64Array(MAX_MEMCG);
  const covered = new Uint8Array(hdr(H_NR_VPNS));
  let total = 0;
  let spans = 0;
  for (let v = 0; v < MAX_VMAS; v++) {
    if (vma(v, V_ACTIVE) === 0) continue;
    spans++;
    holds(findVma(vma(v, V_START)) === v, () => `mapping ${v} is not found by its address`);
    let resident = 0;
    let swapped = 0;
    for (let vpn = vma(v, V_START); vpn < vma(v, V_START) + vma(v, V_PAGES); vpn++) {
      holds(covered[vpn] === 0, () => `virtual page ${vpn} is in two mappings`);
      covered[vpn] = 1;
      const p = pte(vpn);
      holds(
        (p & (PTE_PRESENT | PTE_MIGRATION)) !== PTE_MIGRATION,
        () => `virtual page ${vpn} has a migration entry at rest`,
      );
      if ((p & PTE_PRESENT) !== 0) {
        const f = folioHead(pteIndex(p));
        holds(
          (flags(f) & PG_HEAD) !== 0 && vpnOf(f) + (pteIndex(p) - f) === vpn,
          () => `virtual page ${vpn}: frame ${f} is another's`,
        );
        resident++;
      } else if ((p & PTE_SWAP) !== 0) {
        const s = slotVpn(pteIndex(p));
        holds((s & 0x3fffffff) === vpn + 1, () => `virtual page ${vpn}: its slot ${pteIndex(p)} names ${s}`);
        holds(
          vma(v, V_FILE) !== 0 || swapDev(slotDevice(pteIndex(p)), S_CACHES) === 0,
          () => `virtual page ${vpn}, a region's, is on a device for caches' pages`,
        );
        holds(s < 0 === (vma(v, V_FILE) !== 0), () => `slot ${pteIndex(p)} disagrees with mapping ${v} about its type`);
        swapped++;
      } else holds(p === 0, () => `virtual page ${vpn} has entry ${p}`);
    }
    holds(resident === vma(v, V_RESIDENT), () => `mapping ${v}: ${resident} resident, ${vma(v, V_RESIDENT)} counted`);
    holds(swapped === vma(v, V_SWAPPED), () => `mapping ${v}: ${swapped} swapped, ${vma(v, V_SWAPPED)} counted`);
    holds(held[v] === vma(v, V_HELD), () => `mapping ${v}: ${held[v]} held, ${vma(v, V_HELD)} counted`);
    total += swapped;
    const cg = vma(v, V_MEMCG);
    byGroup[cg] = (byGroup[cg] as number) + swapped;
  }
  holds(spans === hdr(H_NR_SPANS), () => `${hdr(H_NR_SPANS)} mappings in order, ${spans} there`);
  for (let vpn = 0; vpn < covered.length; vpn++) {
    holds(covered[vpn] === 1 || pte(vpn) === 0, () => `virtual page ${vpn} is in no mapping but has entry ${pte(vpn)}`);
  }
  return { total, byGroup };
}

/** Check that a set has just those slots of device `dev` whose words are as they are to be, as far as can be found in it. */
function walkSlotSet(dev: number, set: number, belongs: (word: number) => boolean): void {
  const end = swapDev(dev, S_START) + swapDev(dev, S_SLOTS);
  let next = nextSlot(set, swapDev(dev, S_START), end);
  for (let slot = swapDev(dev, S_START); slot < end; slot++) {
    const found = slot === next;
    holds(found === belongs(slotVpn(slot)), () => `slot ${slot} is${found ? "" : " not"} found in set ${set}`);
    if (found) next = nextSlot(set, slot + 1, end);
  }
}
/** Swap slots: counted, each in use by exactly one page. */
function walkSlots(swapped: number): void {
  let used = 0;
  let freeOnDevices = 0;
  let freeForCaches = 0;
  let discardable = 0;
  for (let dev = 0; dev < hdr(H_NR_SWAP); dev++) {
    let free = 0;
    let mine = 0;
    for (let i = 0; i < swapDev(dev, S_SLOTS); i++) {
      const s = slotVpn(swapDev(dev, S_START) + i);
      if (s === 0) free++;
      if (s < 0) mine++;
    }
    holds(free === swapDev(dev, S_FREE), () => `swap ${dev}: ${free} slots free, ${swapDev(dev, S_FREE)} counted`);
    holds(
      mine === swapDev(dev, S_DISCARDABLE),
      () => `swap ${dev}: ${mine} discardable, ${swapDev(dev, S_DISCARDABLE)} counted`,
    );
    walkSlotSet(dev, FREE_SLOTS, (s) => s === 0);
    walkSlotSet(dev, POOL_SLOTS, (s) => s !== 0 && dev === poolDevice());
    walkSlotSet(dev, DISCARDABLE_SLOTS, (s) => s < 0);
    used += swapDev(dev, S_SLOTS) - free;
    if (dev === poolDevice()) continue;
    freeOnDevices += free;
    if (swapDev(dev, S_CACHES) !== 0) freeForCaches += free;
    discardable += mine;
  }
  const writing = nrWriteback();
  holds(used === swapped + writing, () => `${used} slots in use for ${swapped} pages in swap, ${writing} on their way`);
  holds(freeForCaches === hdr(H_SWAP_FREE_CACHES), () => `${freeForCaches} slots for caches free, by count not`);
  holds(freeOnDevices === hdr(H_SWAP_FREE), () => `${freeOnDevices} slots free, ${hdr(H_SWAP_FREE)} counted`);
  holds(
    discardable === hdr(H_SWAP_DISCARDABLE),
    () => `${discardable} slots discardable, ${hdr(H_SWAP_DISCARDABLE)} counted`,
  );
}

/** Groups: usage and swap are the sums of their own pages and of the groups below them. */
function walkGroups(usage: Float64Array, swapped: Float64Array): void {
  const sum = (own: Float64Array, cg: number): number => {
    let total = own[cg] as number;
    for (let c = 0; c < MAX_MEMCG; c++) if (memcg(c, C_ACTIVE) !== 0 && memcg(c, C_PARENT) === cg) total += sum(own, c);
    return total;
  };
  for (let cg = 0; cg < MAX_MEMCG; cg++) {
    if (memcg(cg, C_ACTIVE) === 0) continue;
    const u = sum(usage, cg);
    const s = sum(swapped, cg);
    holds(u === memcg(cg, C_USAGE), () => `group ${cg} has ${u} resident pages, ${memcg(cg, C_USAGE)} charged`);
    holds(s === memcg(cg, C_SWAP), () => `group ${cg} has ${s} swapped pages, ${memcg(cg, C_SWAP)} charged`);
  }
}
