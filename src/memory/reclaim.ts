/** Requests to reclaim (memory.reclaim): what was asked for, and what it came to. */
import { LieuError, shown } from "../errors.ts";
import type { Vm } from "../runtime/vm.ts";
import { checkKeys } from "./arguments.ts";
import type { Group } from "./group.ts";
import type { NodeNames } from "./node-names.ts";
import type { ReclaimRequest, ReclaimResult } from "./requests.ts";
import { pagesOf, parseSize, type Size } from "./size.ts";
import { globalVmstat, type Vmstat } from "./vmstat.ts";

const PAGE = 4096;
const MODES = { any: 0, demote: 1, evict: 2 } as const;

/** See `Memory.reclaim()`. `groupId` throws if a group is not of this memory. */
export function proactiveReclaim(
  vm: Vm,
  names: NodeNames,
  groupId: (group: Group) => number,
  amount: Size,
  request: ReclaimRequest,
): ReclaimResult {
  checkKeys(request, ["nodes", "group", "mode"], "reclaim()");
  const how = request.mode ?? "any";
  if (!Object.hasOwn(MODES, how)) {
    throw new LieuError("EINVAL", `mode is ${shown(request.mode)}; it can be "any", "demote" or "evict"`);
  }
  const nr = Math.min(pagesOf(parseSize(amount, "amount")), 0x7fffffff);
  const mask = request.nodes === undefined ? names.all : names.maskOf(request.nodes, "nodes");
  const group = request.group === undefined ? -1 : groupId(request.group);
  vm.turn();
  const before = globalVmstat(vm);
  const reclaimed = vm.calls.reclaimProactive(nr, mask, group, MODES[how]) * PAGE;
  const after = globalVmstat(vm);
  const demoted = (after.pgdemote_proactive - before.pgdemote_proactive) * PAGE;
  // What is written back from the pool had gone before.
  const gone = (v: Vmstat) => v.pswpout + v.zswpout - v.zswpwb + v.pgdiscard - v.swap_discard;
  const relocated = (after.pgrelocate - before.pgrelocate) * PAGE;
  return { reclaimed, demoted, relocated, evicted: (gone(after) - gone(before)) * PAGE };
}
