/** Doubly linked lists through frame numbers (include/linux/list.h); a head is an entry behind the last frame. */
import { BUG_LIST } from "./errno.ts";
import { next, prev, setNext, setPrev } from "./layout.ts";
import { hostBug } from "./machine.ts";

export function listInit(head: i32): void {
  setNext(head, head);
  setPrev(head, head);
}
export function listEmpty(head: i32): boolean {
  return next(head) === head;
}
/** Insert behind the head: first. */
export function listAdd(head: i32, f: i32): void {
  const first = next(head);
  setNext(f, first);
  setPrev(f, head);
  setPrev(first, f);
  setNext(head, f);
}
/** Insert before the head: last. */
export function listAddTail(head: i32, f: i32): void {
  const last = prev(head);
  setPrev(f, last);
  setNext(f, head);
  setNext(last, f);
  setPrev(head, f);
}
export function listDel(f: i32): void {
  const n = next(f);
  const p = prev(f);
  if (next(p) !== f) hostBug(BUG_LIST, f, p);
  setNext(p, n);
  setPrev(n, p);
}
/** Move all of `from` to the end of `to`. */
export function listSpliceTail(from: i32, to: i32): void {
  const first = next(from);
  if (first === from) return;
  const last = prev(from);
  const end = prev(to);
  setNext(end, first);
  setPrev(first, end);
  setNext(last, to);
  setPrev(to, last);
  listInit(from);
}
/** Take the run of neighbours from `first` to `last` out of their list. */
export function listCut(first: i32, last: i32): void {
  const p = prev(first);
  const n = next(last);
  setNext(p, n);
  setPrev(n, p);
}
/** Insert the run of neighbours from `first` to `last` behind the head. */
export function listAddRun(head: i32, first: i32, last: i32): void {
  const after = next(head);
  setPrev(first, head);
  setNext(head, first);
  setNext(last, after);
  setPrev(after, last);
}
