/** Where a folio that has come from another node starts among generations: in that of its last use (last-use.ts). */
import { folioNid, isFile } from "./folio.ts";
import { lastUse } from "./last-use.ts";
import { ownerMemcg } from "./layout.ts";
import { lruGenAddTail, lruGenAddTo, minSeq } from "./lru-gen.ts";
import { seqOfTime, startsAfter } from "./lru-gen-age.ts";
import { folioLruvec } from "./lruvec.ts";

/** Put an evictable folio on the list of the generation that it was last used in. */
export function lruGenAddByAge(f: i32): void {
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  const type = isFile(f);
  const oldest = minSeq(folioLruvec(f), type);
  if (startsAfter(nid, cg, type, oldest, lastUse(f))) lruGenAddTail(f);
  else lruGenAddTo(f, seqOfTime(nid, cg, type, lastUse(f)));
}
