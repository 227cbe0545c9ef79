/** `lieu stat` and `lieu rm`: a memory that processes share, as it is seen from outside (named-copy.ts). */
import { LieuError } from "../errors.ts";
import { mappersOf } from "../host/file-users.ts";
import {
  C_USAGE,
  memcg,
  N_FREE,
  N_PAGES,
  N_TIER,
  node as nodeField,
  V_RESIDENT,
  V_SWAPPED,
  vma,
} from "../mm/layout.ts";
import { BROKEN, CLOSED, type Member, type SharedMapping } from "../runtime/control.ts";
import { LockedFile, pidNamespace, sharedPath } from "../runtime/shared-file.ts";
import { ensureWhole, type NamedHeader, stampOf } from "./named.ts";
import { copiesOf, type NamedCopy } from "./named-copy.ts";
import { swapBytes } from "./swap-info.ts";
import { addVmstat, globalVmstat, type Vmstat } from "./vmstat.ts";

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
  readonly swap: readonly {
    readonly name: string;
    readonly size: number;
    readonly used: number;
    readonly stored: number;
  }[];
  readonly groups: readonly { readonly name: string; readonly usage: number }[];
  readonly caches: readonly Holder[];
  readonly regions: readonly Holder[];
  readonly vmstat: Vmstat;
}

/** Look at the memory of that name. @throws {@link LieuError} ENOENT, EACCES, EINVAL (not one of this version's), EAGAIN (not ready yet) */
export function lookAtNamed(name: string): NamedMemoryInfo {
  const shards = copiesOf(name).map(infoOf);
  const [first] = shards as [NamedMemoryInfo];
  if (shards.length === 1) return first;
  return {
    path: first.path,
    size: shards.reduce((n, { size }) => n + size, 0),
    // Who has it has all of its shards.
    state: shards.find(({ state }) => state === "broken")?.state ?? first.state,
    members: first.members,
    nodes: joined(shards.map(({ nodes }) => nodes)),
    swap: joined(shards.map(({ swap }) => swap)),
    groups: joined(shards.map(({ groups }) => groups)),
    caches: joined(shards.map(({ caches }) => caches)),
    regions: joined(shards.map(({ regions }) => regions)),
    vmstat: addVmstat(shards.map(({ vmstat }) => vmstat)),
  };
}
/** Things of several shards by their names: their numbers added up, but for a tier, which is the same in all. */
export function joined<T extends { readonly name: string }>(shards: readonly (readonly T[])[]): T[] {
  const all = new Map<string, T>();
  for (const thing of shards.flat()) {
    const there = all.get(thing.name) as Record<string, unknown> | undefined;
    const more = Object.entries(thing).map(([key, value]) => {
      const isSum = there !== undefined && typeof value === "number" && key !== "tier";
      return [key, isSum ? value + (there[key] as number) : value];
    });
    all.set(thing.name, Object.fromEntries(more));
  }
  return [...all.values()];
}

function infoOf(copy: NamedCopy): NamedMemoryInfo {
  const { path, about, control } = copy;
  copy.inspect();
  const tiers = [...new Set(about.nodes.map((_, nid) => nodeField(nid, N_TIER)))].sort((a, b) => a - b);
  const held = ({ id }: SharedMapping) => [vma(id, V_RESIDENT) * PAGE, vma(id, V_SWAPPED) * PAGE] as const;
  const { caches, regions, groups } = control.registry();
  const members = control.members();
  return {
    path,
    size: copy.header.bytes,
    state: stateOf(control.state, members),
    members,
    nodes: about.nodes.map((name, nid) => ({
      name,
      tier: tiers.indexOf(nodeField(nid, N_TIER)),
      size: nodeField(nid, N_PAGES) * PAGE,
      free: nodeField(nid, N_FREE) * PAGE,
    })),
    swap: about.swap.map((name, dev) => ({ name, ...swapBytes(dev) })),
    groups: groups.map(({ name, id }) => ({ name, usage: memcg(id, C_USAGE) * PAGE })),
    caches: caches.map(({ name, data, meta, maxPages }) => {
      const [[resident, swapped], [index]] = [held(data), held(meta)];
      return { name, maxSize: maxPages * PAGE, resident: resident + index, swapped };
    }),
    regions: regions.map(({ name, mapping, size }) => {
      const [resident, swapped] = held(mapping);
      return { name, maxSize: size, resident, swapped };
    }),
    vmstat: globalVmstat(copy),
  };
}

/** How a memory is, by what its control buffer says. */
export function stateOf(state: number, members: readonly Member[]): NamedMemoryInfo["state"] {
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
    ensureWhole(file.path, header);
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
