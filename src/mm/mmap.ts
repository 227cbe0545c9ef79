/** Unmapping (mm/mmap.c, zap_page_range): pages, slots and the mapping itself are given back. */
import { EBUSY, EINVAL } from "./errno.ts";
import { folioHead, folioNr, folioOrder, PG_DETACHED, setFlag } from "./folio.ts";
import { anyPinned, isolatePage } from "./gup.ts";
import {
  addVma,
  ownerMemcg,
  ownerVma,
  pte,
  setPte,
  setShadow,
  setVma,
  V_ACTIVE,
  V_HELD,
  V_PAGES,
  V_RESIDENT,
  V_START,
  V_SWAPPED,
  VMA_DYING,
  vma,
} from "./layout.ts";
import { lruDel } from "./lru.ts";
import { charge } from "./memcg.ts";
import { folioPut, unisolate } from "./migrate.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex, unmapFolio } from "./page-table.ts";
import { still } from "./still.ts";
import { freeSlot } from "./swap.ts";
import { removeVma } from "./vma.ts";

/** Drop `nr` pages of mapping `v` from `vpn` on, wherever they are (zap_page_range). Returns 0 or -EBUSY if any is pinned. */
export function zapRange(v: i32, vpn: i32, nr: i32): i32 {
  if (anyPinned(vpn, vpn + nr)) return EBUSY;
  zapPages(v, vpn, nr);
  return 0;
}

/** The same whoever holds them: a page that is pinned is unmapped, and freed by the last pin's release. */
export function zapPages(v: i32, vpn: i32, nr: i32): void {
  for (let at: i32 = vpn; at < vpn + nr; at++) {
    const p = pte(at);
    if ((p & PTE_SWAP) !== 0) {
      setPte(at, 0);
      freeSlot(pteIndex(p), v);
    } else if ((p & PTE_PRESENT) !== 0) zapFolio(at, vpn, nr);
    setShadow(at, 0);
  }
}

function zapFolio(at: i32, vpn: i32, nr: i32): void {
  let f: i32 = folioHead(pteIndex(pte(at)));
  if (folioOrder(f) > 0 && (f !== pteIndex(pte(at)) || at + folioNr(f) > vpn + nr)) {
    isolatePage(at);
    f = pteIndex(pte(at));
    unisolate(f);
  } else lruDel(f);
  still(f);
  charge(ownerMemcg(f), -folioNr(f));
  unmapFolio(f);
  if (folioPut(f) !== 0) return;
  setFlag(f, PG_DETACHED);
  addVma(ownerVma(f), V_HELD, folioNr(f));
}

/** Unmap a whole mapping and forget it. Returns 0 or -EBUSY if any of its pages is pinned. */
export function destroyVma(v: i32): i32 {
  const start = vma(v, V_START);
  const pages = vma(v, V_PAGES);
  if (anyPinned(start, start + pages)) return EBUSY;
  setVma(v, V_ACTIVE, VMA_DYING);
  zapPages(v, start, pages);
  if (vma(v, V_RESIDENT) !== 0 || vma(v, V_SWAPPED) !== 0) return EINVAL;
  removeVma(v);
  return 0;
}
