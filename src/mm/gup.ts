/** Getting hold of user pages (mm/gup.c): pins, and taking a page off its list for an operation of its own. */
import { EBUSY } from "./errno.ts";
import {
  clearFlag,
  folioGet,
  folioHead,
  folioNr,
  folioOrder,
  PG_ACTIVE,
  PG_DETACHED,
  PG_LRU,
  PG_REFERENCED,
  PG_WRITEBACK,
  PG_YOUNG,
  test,
} from "./folio.ts";
import { noteRelease } from "./futile.ts";
import { addVma, next, ownerVma, pte, refs, scanHead, V_HELD } from "./layout.ts";
import { listDel, listEmpty } from "./list.ts";
import { lruAddTail, lruDel } from "./lru.ts";
import { folioPut, isolate, putback, splitFolio } from "./migrate.ts";
import { PTE_PRESENT, pteIndex, testClearReferenced } from "./page-table.ts";
import { ACTOR_PROACTIVE, LIST_RET, popScan, pushScan } from "./scan-control.ts";

/** Take a reference on the folio that holds page `vpn`, which must be present. Returns the page's frame. */
export function pinPage(vpn: i32): i32 {
  const frame = pteIndex(pte(vpn));
  folioGet(folioHead(frame));
  return frame;
}

/** Drop a reference taken by pinPage(). */
export function unpinFrame(frame: i32): void {
  const f = folioHead(frame);
  const v = test(f, PG_DETACHED) ? ownerVma(f) : -1;
  const nr = folioNr(f);
  if (folioPut(f) !== 0) {
    if (v >= 0) addVma(v, V_HELD, -nr);
    return;
  }
  if (v >= 0 || !noteRelease(f)) return;
  // Everything else there was tried in vain: this one is the next to be scanned.
  lruDel(f);
  testClearReferenced(f);
  clearFlag(f, PG_ACTIVE | PG_REFERENCED | PG_YOUNG);
  lruAddTail(f);
}

/** Whether any page of a range is held by a pin. */
export function anyPinned(from: i32, to: i32): boolean {
  for (let vpn: i32 = from; vpn < to; vpn++) {
    const p = pte(vpn);
    if ((p & PTE_PRESENT) !== 0 && refs(folioHead(pteIndex(p))) > 1) return true;
  }
  return false;
}

/** Take a page's folio off its list, isolated, split to base pages first if it is large. Returns 0 or -EBUSY. */
export function isolatePage(vpn: i32): i32 {
  const f = folioHead(pteIndex(pte(vpn)));
  if (refs(f) !== 1 || !test(f, PG_LRU)) return EBUSY;
  if (folioOrder(f) > 0) {
    lruDel(f);
    isolate(f);
    pushScan(ACTOR_PROACTIVE, 1);
    const list = scanHead(LIST_RET);
    splitFolio(f, list);
    while (!listEmpty(list)) {
      const piece = next(list);
      listDel(piece);
      putback(piece);
    }
    popScan();
  }
  const page = pteIndex(pte(vpn));
  // Who has something of his own to do with it does not wait for a device: the write of it is called off.
  clearFlag(page, PG_WRITEBACK);
  lruDel(page);
  isolate(page);
  return 0;
}
