/** The option `shared`, and what of the others goes with it. */
import { LieuError } from "../errors.ts";
import { sharedPath } from "../runtime/shared-file.ts";

interface Node {
  readonly name: string;
  readonly backing: { readonly kind: string };
}
interface Device {
  readonly name: string;
  readonly options: { readonly kind: string };
}

/** Whether a memory is shared. @throws {@link LieuError} EINVAL */
export function resolveShared(shared: boolean | string | undefined, hasBytes: boolean, pressure: unknown): boolean {
  if (shared === undefined || shared === false) return false;
  if (!hasBytes) throw new LieuError("EINVAL", "shared is given: model nodes have no bytes to share; leave it out");
  if (pressure === undefined || pressure === false) return true;
  throw new LieuError(
    "EINVAL",
    "shared and pressure are given: a shared memory does not shrink; leave one of them out",
  );
}

/** The name of a memory that processes share. @throws {@link LieuError} EINVAL, ENOTSUP: what one process alone can have */
export function checkShareable(name: string, nodes: readonly Node[], swap: readonly Device[]): string {
  sharedPath(name);
  for (const node of nodes) {
    if (node.backing.kind === "dram") continue;
    const why = `a memory that processes share by a name has nodes of kind "dram"`;
    throw new LieuError("ENOTSUP", `nodes.${node.name} is of kind ${JSON.stringify(node.backing.kind)}: ${why}`);
  }
  for (const { name: device, options } of swap) {
    if (options.kind !== "remote") continue;
    const why =
      "one process has the connection to the server; processes that share a memory can swap to a file or to zswap";
    throw new LieuError("ENOTSUP", `swap ${device} is of kind "remote": ${why}`);
  }
  return name;
}

/** Who reclaims. @throws {@link LieuError} EINVAL */
export function resolveKswapd(kswapd: "inline" | "thread" | undefined, shared: unknown): "inline" | "thread" {
  if (kswapd !== "thread" || shared === true || typeof shared === "string") return kswapd ?? "inline";
  throw new LieuError(
    "EINVAL",
    'kswapd is "thread", which is for a memory of several threads: add shared: true, or a name',
  );
}
