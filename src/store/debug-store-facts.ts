/** What the two halves of the walk of a store share (debug-store.ts). */
import { LieuError } from "../errors.ts";
import { pte } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { ST_DATA_START } from "./layout.ts";

/** @throws {@link LieuError} EBUG unless `condition` */
export function holds(condition: boolean, say: () => string): asserts condition {
  if (!condition) throw new LieuError("EBUG", `broken invariant of a store: ${say()}`);
}

/** A live item whose head is present. */
export interface LiveItem {
  readonly hash: number;
  /** The words of its key, and what kind it is. */
  readonly key: string;
  /** Byte address of its head. */
  readonly at: number;
}
/** The entry of a page of the data mapping. */
export function pteOf(c: number, page: number): number {
  return pte(ld(c + ST_DATA_START) + page);
}
