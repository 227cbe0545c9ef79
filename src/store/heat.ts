/** What a store tells the engine of the heat of its pages, and what it asks of it. */
import { pte, setPte } from "../mm/layout.ts";
import { PTE_ACCESSED } from "../mm/page-table.ts";

/** A page that was just written is not yet known to be of use: being filled is not an access. */
export function queueFresh(vpn: i32): void {
  setPte(vpn, pte(vpn) & ~PTE_ACCESSED);
}
export function touchPage(vpn: i32): void {
  setPte(vpn, pte(vpn) | PTE_ACCESSED);
}
