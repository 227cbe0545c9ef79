/** cpuset.mems of groups: which nodes a group's pages may be on. A group can use no node that its parent may not. */
import { C_MEMS, C_PARENT, memcg } from "./layout.ts";

/** The nodes that group `cg` may use (cpuset.mems.effective), a bit each. */
export function memsOf(cg: i32): i32 {
  let mask = memcg(cg, C_MEMS);
  for (let p = memcg(cg, C_PARENT); p >= 0; p = memcg(p, C_PARENT)) mask &= memcg(p, C_MEMS);
  return mask;
}
