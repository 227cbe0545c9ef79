/** Where a folio that has come from another node starts among generations: in that of its last use (last-use.ts). */
import { isFile } from "./folio.ts";
import { lastUse } from "./last-use.ts";
import { lruGenAddTo } from "./lru-gen.ts";
import { seqOfTime } from "./lru-gen-age.ts";
import { folioLruvec } from "./lruvec.ts";

/** Put an evictable folio on the list of the generation that it was last used in. */
export function lruGenAddByAge(f: i32): void {
  lruGenAddTo(f, seqOfTime(folioLruvec(f), isFile(f), lastUse(f)));
}
