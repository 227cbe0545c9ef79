/**
 * A memory that processes share, as it is seen from outside: its file is read, not mapped, and nothing is locked or written. What is
 * counted may move on meanwhile; each number was true at some moment.
 */
import { LieuError } from "../errors.ts";
import { mappersOf } from "../host/file-users.ts";
import {
  attach,
  C_USAGE,
  LAYOUT_VERSION,
  memcg,
  N_FREE,
  N_PAGES,
  N_TIER,
  node as nodeField,
  S_FREE,
  S_SLOTS,
  swapDev,
  V_RESIDENT,
  V_SWAPPED,
  vma,
} from "../mm/layout.ts";
import { type Host, plug } from "../mm/machine.ts";
import { BROKEN, CLOSED, type Member, type SharedMapping } from "../runtime/control.ts";
import { LockedFile, lookAt, pidNamespace, sharedPath } from "../runtime/shared-file.ts";
import { type NamedHeader, stampOf } from "./named.ts";
import { globalVmstat, type Vmstat } from "./vmstat.ts";

const PAGE = 4096;

/** What has pages: bytes that it holds in nodes and in swap. */
export interface Holder {
  readonly name: string;
  readonly maxSize: number;
  readonly resident: number;
  readonly swapped: number;
}
/** A memory, seen from outside. Sizes are bytes. */
export interface NamedMemoryInfo {
  readonly path: string;
  readonly size: number;
  readonly state: "open" | "closed" | "broken" | "left by the dead";
  readonly members: readonly Member[];
  readonly nodes: readonly {
    readonly name: string;
    readonly tier: number;
    readonly size: number;
    readonly free: number;
  }[];
  readonly swap: readonly { readonly name: string; readonly size: number; readonly used: number }[];
  readonly groups: readonly { readonly name: string; readonly usage: number }[];
  readonly caches: readonly Holder[];
  readonly regions: readonly Holder[];
  readonly vmstat: Vmstat;
}

const nothing = (): never => {
  throw new LieuError("EBUG", "a memory that is looked at from outside was asked to do something");
};
const HOST: Host = {
  swapWrite: nothing,
  swapRead: nothing,
  swapFree: nothing,
  discard: nothing,
  evict: nothing,
  sampled: nothing,
  share: nothing,
  bug: nothing,
};

/** Look at the memory of that name. @throws {@link LieuError} ENOENT, EACCES, EINVAL (not one of this version's), EAGAIN (not ready yet) */
export function lookAtNamed(name: string): NamedMemoryInfo {
  const path = sharedPath(name);
  const { header, control, segment } = lookAt(path, (header) => (header as NamedHeader).about.metadata);
  if (header === undefined) throw new LieuError("EAGAIN", `${path} is being made, or was never finished`);
  const { about, stamp, bytes } = header as NamedHeader;
  if (stamp !== stampOf() || about.layout !== LAYOUT_VERSION) {
    throw new LieuError("EINVAL", `${path} is a memory of another version of lieu's`);
  }
  const hf = new Float64Array(segment, 0, segment.byteLength >>> 3);
  const machine = { h32: new Int32Array(segment), h8: new Uint8Array(segment), hf, host: HOST };
  const inspect = (): void => {
    plug(machine);
    attach();
  };
  inspect();
  const tiers = [...new Set(about.nodes.map((_, nid) => nodeField(nid, N_TIER)))].sort((a, b) => a - b);
  const held = ({ id }: SharedMapping) => [vma(id, V_RESIDENT) * PAGE, vma(id, V_SWAPPED) * PAGE] as const;
  const { caches, regions, groups } = control.registry();
  const members = control.members();
  return {
    path,
    size: bytes,
    state: stateOf(control.state, members),
    members,
    nodes: about.nodes.map((name, nid) => ({
      name,
      tier: tiers.indexOf(nodeField(nid, N_TIER)),
      size: nodeField(nid, N_PAGES) * PAGE,
      free: nodeField(nid, N_FREE) * PAGE,
    })),
    swap: about.swap.map((name, dev) => {
      const size = swapDev(dev, S_SLOTS) * PAGE;
      return { name, size, used: size - swapDev(dev, S_FREE) * PAGE };
    }),
    groups: groups.map(({ name, id }) => ({ name, usage: memcg(id, C_USAGE) * PAGE })),
    caches: caches.map(({ name, data, meta, maxPages }) => {
      const [[resident, swapped], [index]] = [held(data), held(meta)];
      return { name, maxSize: maxPages * PAGE, resident: resident + index, swapped };
    }),
    regions: regions.map(({ name, mapping, size }) => {
      const [resident, swapped] = held(mapping);
      return { name, maxSize: size, resident, swapped };
    }),
    vmstat: globalVmstat({ inspect, shape: about.shape, segment: { hf } }),
  };
}

function stateOf(state: number, members: readonly Member[]): NamedMemoryInfo["state"] {
  if (state === CLOSED) return "closed";
  if (state === BROKEN) return "broken";
  return members.some(({ alive }) => alive) ? "open" : "left by the dead";
}

/**
 * Remove what is left of a memory; with `force`, one that is in use too: who has it keeps it, and who opens the name next makes another.
 *
 * @throws {@link LieuError} ENOENT, EACCES, EINVAL, EBUSY if anybody has it, or may have
 */
export function removeNamed(name: string, force: boolean): void {
  const file = LockedFile.open(sharedPath(name), false);
  try {
    const header = file.header() as NamedHeader | undefined;
    if (header !== undefined && !force) ensureUnused(file, header);
    file.remove(header, force);
  } finally {
    file.release();
  }
}

function ensureUnused(file: LockedFile, { stamp, namespace }: NamedHeader): void {
  const ours = stamp === stampOf();
  const foreign = namespace !== pidNamespace();
  const living =
    ours && !foreign
      ? file
          .control()
          .members()
          .filter(({ alive }) => alive)
      : [];
  const pids = new Set(ours && !foreign ? living.map(({ pid }) => pid) : mappersOf(file.path));
  if (pids.size > 0) {
    throw new LieuError("EBUSY", `${file.path} is in use by process ${[...pids].join(", ")}; --force removes its name`);
  }
  if (foreign) {
    throw new LieuError(
      "EBUSY",
      `${file.path} is another container's, whose processes cannot be seen from here; --force removes its name`,
    );
  }
}
