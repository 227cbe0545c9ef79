/**
 * Room that was made by who pays for it (make-way.ts) is for those that pay. It is made for a batch at a time; whoever else took what is left of it, as
 * new pages do that go where there is room, would have others make way for what is not worth it, and each that is would pay for a batch.
 */
import { addNode, N_FREE, N_MADE, N_WMARK_LOW, node, setNode } from "./layout.ts";

/** `nr` more frames were made free on node `nid`, or so. */
export function noteMade(nid: i32, nr: i32): void {
  if (nr > 0) addNode(nid, N_MADE, nr);
  keepWithin(nid);
}
/** `nr` frames were taken there by who may. */
export function takeMade(nid: i32, nr: i32): void {
  if (node(nid, N_MADE) > 0) addNode(nid, N_MADE, node(nid, N_MADE) > nr ? -nr : -node(nid, N_MADE));
}
/** Whether node `nid` has no frame above low for who does not pay. */
export function isTaken(nid: i32): boolean {
  keepWithin(nid);
  return node(nid, N_FREE) - node(nid, N_MADE) <= node(nid, N_WMARK_LOW);
}
/** No more was made than is free. */
function keepWithin(nid: i32): void {
  const free = node(nid, N_FREE) - node(nid, N_WMARK_LOW);
  if (node(nid, N_MADE) > free) setNode(nid, N_MADE, free > 0 ? free : 0);
}
