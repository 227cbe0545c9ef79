/**
 * Accesses that take no lock (runtime/gate.ts). Threads that share a memory read and write words of regions' pages without its lock while
 * their gates are open. Whoever has the lock must not move such a page, unmap it, or rely on its bytes as long as any is. So whatever is
 * about to calls still() first: the host closes them, and comes back when nobody is within an access any more. They stay closed until the
 * lock is let go. In a memory that nobody shares no gate is ever open, and this costs a load where pages are moved.
 */
import { isFile } from "./folio.ts";
import { gateAddr } from "./layout.ts";
import { hostStill, ld } from "./machine.ts";

/** Nobody but the caller reads or writes folio `f` from now on, until the lock is let go. A cache's pages nobody does without the lock. */
export function still(f: i32): void {
  if (ld(gateAddr()) !== 0 && isFile(f) === 0) hostStill();
}
