/**
 * Walks the pool of compressed pages: every page free or of one zspage, every zspage on the list that it belongs on, every object
 * one slot's. The JavaScript side's independent look, like debug-vm.ts.
 */
import { holds } from "./debug-vm-lru.ts";
import {
  C_ACTIVE,
  C_PARENT,
  C_ZSWAP,
  C_ZSWAPPED,
  H_ZPOOL_FREE,
  H_ZPOOL_FREE_LIST,
  H_ZPOOL_HELD,
  H_ZPOOL_HELD_LIST,
  H_ZPOOL_PAGES,
  H_ZPOOL_STORED,
  hdr,
  hdrf,
  MAX_MEMCG,
  memcg,
  NR_ZS_CLASSES,
  S_SLOTS,
  S_START,
  slotSum,
  slotVpn,
  swapDev,
  V_MEMCG,
  vma,
  ZC_LISTS,
  ZC_OBJECTS,
  ZC_PAGES,
  ZC_SIZE,
  ZD_MEMCG,
  ZD_OLD,
  ZD_STATE,
  ZD_USERS,
  ZP_CLASS,
  ZP_FIRST,
  ZP_INUSE,
  ZP_LIST_NEXT,
  ZP_LIST_PREV,
  ZP_NEXT,
  zclass,
  zdict,
  zdicts,
  zpage,
} from "./layout.ts";
import { poolDevice, SAME_FILLED, slotPage } from "./swap.ts";
import { findVma } from "./vma.ts";
import { ZDICT_FILLING, ZDICT_READY, ZDICT_RETIRED } from "./zdict.ts";
import { zsDict, zsOwner, zsUnits } from "./zsmalloc.ts";

/** Objects of each zspage, by its first page, as the lists count them. */
export function walkZspages(): Map<number, number> {
  const pages = hdr(H_ZPOOL_PAGES);
  const seen = new Set<number>();
  const take = (p: number): void => {
    holds(p >= 0 && p < pages && !seen.has(p), () => `page ${p} of the pool is none, or in two places`);
    seen.add(p);
  };
  let free = 0;
  for (let p = hdr(H_ZPOOL_FREE_LIST); p !== 0; p = zpage(p - 1, ZP_NEXT), free++) take(p - 1);
  holds(free === hdr(H_ZPOOL_FREE), () => `pool: ${free} pages free, ${hdr(H_ZPOOL_FREE)} counted`);
  let held = 0;
  for (let p = hdr(H_ZPOOL_HELD_LIST); p !== 0; p = zpage(p - 1, ZP_NEXT), held++) take(p - 1);
  holds(held === hdr(H_ZPOOL_HELD), () => `pool: ${held} pages held back, ${hdr(H_ZPOOL_HELD)} counted`);
  const objects = new Map<number, number>();
  let bytes = 0;
  for (let c = 2; c < NR_ZS_CLASSES; c++) {
    for (let which = 0; which < 4; which++) {
      let before = 0;
      for (let next = zclass(c, ZC_LISTS + (which << 2)); next !== 0; next = zpage(next - 1, ZP_LIST_NEXT)) {
        const first = next - 1;
        holds(zpage(first, ZP_LIST_PREV) === before, () => `zspage ${first} does not point back`);
        before = next;
        let chain = 0;
        for (let p = next; p !== 0; p = zpage(p - 1, ZP_NEXT), chain++) {
          take(p - 1);
          holds(zpage(p - 1, ZP_FIRST) === first, () => `page ${p - 1} is of zspage ${first} but names another`);
        }
        const inUse = zpage(first, ZP_INUSE);
        const right = chain === zclass(c, ZC_PAGES) && zpage(first, ZP_CLASS) === c && inUse > 0;
        holds(right, () => `zspage ${first} of class ${c} has ${chain} pages, ${inUse} objects`);
        holds(which === Math.floor((inUse * 3) / zclass(c, ZC_OBJECTS)), () => `zspage ${first} is on list ${which}`);
        objects.set(first, inUse);
        bytes += inUse * zclass(c, ZC_SIZE);
      }
    }
  }
  holds(seen.size === pages, () => `${pages - seen.size} pages of the pool are nowhere`);
  holds(bytes === hdrf(H_ZPOOL_STORED), () => `pool: ${bytes} bytes stored, ${hdrf(H_ZPOOL_STORED)} counted`);
  return objects;
}

/** The pool, and that each object is the one of the slot that it names. */
export function walkPool(): void {
  const left = walkZspages();
  const dev = poolDevice();
  const start = swapDev(dev, S_START);
  const users = new Map<number, number>();
  const charged = new Map<number, { units: number; pages: number }>();
  for (let slot = start; slot < start + swapDev(dev, S_SLOTS); slot++) {
    if (slotVpn(slot) === 0) continue;
    const same = (slotVpn(slot) & SAME_FILLED) !== 0;
    for (let cg = vma(findVma(slotPage(slot)), V_MEMCG); cg >= 0; cg = memcg(cg, C_PARENT)) {
      const { units, pages } = charged.get(cg) ?? { units: 0, pages: 0 };
      charged.set(cg, { units: units + (same ? 0 : zsUnits(slotSum(slot))), pages: pages + 1 });
    }
    if (same) continue;
    const first = slotSum(slot) >>> 10;
    const here = left.get(first) ?? 0;
    holds(here > 0 && zsOwner(slotSum(slot)) === slot, () => `slot ${slot} names object ${slotSum(slot)}, not its own`);
    left.set(first, here - 1);
    const d = zsDict(slotSum(slot));
    users.set(d, (users.get(d) ?? 0) + 1);
  }
  for (const [first, n] of left) holds(n === 0, () => `${n} objects of zspage ${first} are no slot's`);
  for (let cg = 0; cg < MAX_MEMCG; cg++) {
    if (memcg(cg, C_ACTIVE) === 0) continue;
    const { units, pages } = charged.get(cg) ?? { units: 0, pages: 0 };
    const right = units === memcg(cg, C_ZSWAP) && pages === memcg(cg, C_ZSWAPPED);
    holds(right, () => `group ${cg}: ${pages} pages in the pool take ${units} units; ${memcg(cg, C_ZSWAP)} charged`);
  }
  walkDictionaries(users);
}

/** Dictionaries: needed by as many objects as they say, and of each group one that is in use and one that is being filled at most. */
function walkDictionaries(users: ReadonlyMap<number, number>): void {
  for (const d of users.keys()) holds(d < zdicts(), () => `an object needs dictionary ${d}, of ${zdicts()}`);
  const seen = new Set<string>();
  for (let d = 0; d < zdicts(); d++) {
    const [state, needed] = [zdict(d, ZD_STATE), users.get(d) ?? 0];
    holds(needed === zdict(d, ZD_USERS), () => `dictionary ${d}: ${needed} objects, ${zdict(d, ZD_USERS)} counted`);
    holds(needed === 0 || state >= ZDICT_READY, () => `dictionary ${d} is needed by ${needed} in state ${state}`);
    const tried = (heir: number) => zdict(heir, ZD_STATE) === ZDICT_READY && zdict(heir, ZD_OLD) === d + 1;
    const kept = state !== ZDICT_RETIRED || needed > 0 || Array.from({ length: zdicts() }, (_, i) => i).some(tried);
    holds(kept, () => `dictionary ${d} is kept for nothing`);
    if (state !== ZDICT_READY && state !== ZDICT_FILLING) continue;
    const cg = zdict(d, ZD_MEMCG);
    holds(memcg(cg, C_ACTIVE) !== 0, () => `dictionary ${d} is of group ${cg}, which is no more`);
    holds(!seen.has(`${state} ${cg}`), () => `group ${cg} has two dictionaries in state ${state}`);
    seen.add(`${state} ${cg}`);
  }
}
