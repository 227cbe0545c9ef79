/** What bars ask about a scenario. */
import { hasWord, type Scenario } from "./scenario.ts";
import { groupOf } from "./setup.ts";

/** Pages free at the start on both nodes. */
export function capacity(s: Scenario): number {
  return s.freeAtStart.node0 + s.freeAtStart.node1;
}
/** Pages that the program touched. */
export function touched(s: Scenario): number {
  // What is nowhere at the end was never touched, unless all was: with hint marks, 6.1 reports pages that are there so.
  if (s.trace.pop === 1) return s.trace.pages;
  return s.trace.pages - (s.jitterOnly.end_none?.[0] ?? 0);
}
/** Whether all that the program touched fits both nodes with room to spare. */
export function fits(s: Scenario): boolean {
  return touched(s) < 0.95 * capacity(s);
}
export function isZipf(s: Scenario): boolean {
  return s.trace.pattern === "zipf";
}
/** Bound to node 0 by set_mempolicy or mbind. */
export function isBound(s: Scenario): boolean {
  return /^m?bind0$/.test(s.policy);
}
/** Under the default policy, in no group that says otherwise. */
export function isDefault(s: Scenario): boolean {
  return s.policy === "default";
}
/** In a group with limits or mems. */
export function isGrouped(s: Scenario): boolean {
  return groupOf(s) !== undefined;
}
/** Forbidden by policy or mems to be anywhere but on node 0. */
export function isConfined(s: Scenario): boolean {
  return isBound(s) || groupOf(s)?.mems?.join() === "node0";
}
export function hasHugePages(s: Scenario): boolean {
  return hasWord(s, /^thp$/) !== null;
}
export function hasLimit(s: Scenario): boolean {
  return groupOf(s)?.max !== undefined;
}
/** Swap on a device that answers later. */
export function hasAsyncSwap(s: Scenario): boolean {
  return hasWord(s, /^virtio$/) !== null || /\bvirtio\b/.test(s.topology);
}
/** NUMA balancing was on. */
export function promotes(s: Scenario): boolean {
  return hasWord(s, /^numab2$/) !== null;
}
/** The id without kernel and LRU, and with demotion's word taken out: scenarios that share it differ in these only. */
export function family(s: Scenario): string {
  return s.id
    .replace(/^[^/]+\//, "")
    .replace(/\/mglru\d$/, "")
    .replace(/[/-]demote\d/, "");
}
/** The same, with the kernel: a scenario with demotion on and its twin with demotion off. */
export function twinKey(s: Scenario): string {
  return `${s.kernel}|${s.mglru}|${family(s)}`;
}
