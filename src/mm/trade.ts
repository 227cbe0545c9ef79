/**
 * Promotion by exchange: where nothing can leave the faster node, because the slower ones are full and there is no swap, the page that
 * comes up takes the place of the one that makes way, and that one its. It takes no frame that was free before, and nothing is lost.
 *
 * Who makes way is found as always, from the cold end of the lists, by a reclaim whose control names the page that comes up (SC_TRADE;
 * make-way.ts): each page that would go down is offered the exchange.
 */
import { EAGAIN } from "./errno.ts";
import { exchangePages } from "./exchange.ts";
import { folioNid, folioOrder, PG_LOCKED, PG_WRITEBACK, test } from "./folio.ts";
import { next, pte, refs, SC_TRADE, sc, scanHead, setSc, vpnOf } from "./layout.ts";
import { listDel, listEmpty } from "./list.ts";
import { headAt, putback, splitFolio } from "./migrate.ts";
import { pteIndex } from "./page-table.ts";
import { noteSample } from "./promotion-pays.ts";
import { LIST_PARTNERS } from "./scan-control.ts";
import { SAMPLE_RIPE, sampleOf } from "./uses.ts";

/** The node of the page that comes up; the current control names one. */
export function tradesWith(): i32 {
  return folioNid(headAt(sc(SC_TRADE) - 1));
}
/**
 * Isolated base page `q` and the page that the current control names, isolated too, change places; the control names none any more. Returns 0, or
 * -EAGAIN if either is held. A large folio that is to come up gives that page alone; what is left of it goes back on its list.
 */
export function trade(q: i32): i32 {
  const vpn = sc(SC_TRADE) - 1;
  const f = headAt(vpn);
  if (refs(q) !== 2 || test(q, PG_LOCKED | PG_WRITEBACK)) return EAGAIN;
  if (folioOrder(f) > 0 && !takeOut(f, vpn)) return EAGAIN;
  const page = pteIndex(pte(vpn));
  if (sampleOf(page) !== SAMPLE_RIPE) noteSample(page, true);
  const r = exchangePages(page, q);
  if (r === 0) setSc(SC_TRADE, 0);
  return r;
}
/** Split isolated folio `f`, so that page `vpn` of it is isolated by itself. Returns false if somebody holds it. */
function takeOut(f: i32, vpn: i32): boolean {
  const list = scanHead(LIST_PARTNERS);
  if (splitFolio(f, list) < 0) return false;
  while (!listEmpty(list)) {
    const piece = next(list);
    listDel(piece);
    if (vpnOf(piece) !== vpn) putback(piece);
  }
  return true;
}
