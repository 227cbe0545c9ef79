/** A request to reclaim, of all shards: each is asked for its part of what is there, and who has more for what others could not give. */
import { LieuError, shown } from "../errors.ts";
import { checkKeys } from "./arguments.ts";
import type { Group } from "./group.ts";
import type { Memory } from "./memory.ts";
import type { ReclaimRequest, ReclaimResult } from "./requests.ts";
import { inProportion, splitAmount } from "./shard-nodes.ts";
import type { Size } from "./size.ts";

const PAGE = 4096;
const MODES: readonly unknown[] = [undefined, "any", "demote", "evict"];

/** @throws {@link LieuError} EINVAL */
export function checkReclaim(request: ReclaimRequest): void {
  checkKeys(request, ["nodes", "group", "mode"], "reclaim()");
  if (MODES.includes(request.mode)) return;
  throw new LieuError("EINVAL", `mode is ${shown(request.mode)}; it can be "any", "demote" or "evict"`);
}

/** `groups`: the group asked for, by shard. */
export function reclaimSplit(
  shards: readonly Memory[],
  amount: Size,
  request: ReclaimRequest,
  groups: readonly Group[] | undefined,
): ReclaimResult {
  const there = shards.map((shard, i) => {
    if (groups !== undefined) return (groups[i] as Group).usage / PAGE;
    const names = request.nodes ?? shard.nodeNames;
    return names.reduce((n, name) => n + shard.node(name).residentPages, 0);
  });
  const total = { reclaimed: 0, demoted: 0, relocated: 0, evicted: 0 };
  const ask = (asked: readonly number[]): number => {
    let missing = 0;
    asked.forEach((bytes, i) => {
      const shard = shards[i] as Memory;
      if (bytes === 0) return;
      const got = shard.reclaim(bytes, { ...request, group: groups?.[i] });
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += got[name];
      missing += Math.max(0, bytes - got.reclaimed);
      if (got.reclaimed < bytes) there[i] = 0;
    });
    return missing;
  };
  let missing = ask(splitAmount(amount, there));
  while (missing > 0 && there.some((pages) => pages > 0)) {
    missing = ask(inProportion(Math.ceil(missing / PAGE), there).map((pages) => pages * PAGE));
  }
  return total;
}
