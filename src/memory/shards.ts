/**
 * How many shards a memory is made of. A shard is a memory of its own, with a slice of every node, of the pool and of every swap
 * device, in a segment that ends at 4 GiB; as few are taken as hold all of it, which is one for most.
 */
import { LieuError } from "../errors.ts";
import { MAX_INDEX } from "../mm/layout.ts";
import { segmentSize } from "../runtime/segment.ts";
import { layOut } from "./shape.ts";

/** The most shards of a memory. */
export const MAX_SHARDS = 64;
/** The fewest pages of a slice: of a node, of the pool, of a device. */
const LEAST = { node: 64, zswap: 16, swap: 1 } as const;

/** What is to be divided. */
interface Whole {
  readonly nodes: readonly { readonly name: string; readonly pages: number }[];
  readonly swap: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly options: { readonly kind: string };
  }[];
  readonly zpages: number;
  readonly vpns: number;
  readonly hasBytes: boolean;
  readonly shared: boolean;
}

/** The part of `whole` things that shard `i` of `shards` has: all but for one the same. */
export function sliceOf(whole: number, i: number, shards: number): number {
  return Math.floor(whole / shards) + (i < whole % shards ? 1 : 0);
}

/** Whether the largest of so many shards fits a segment. */
function fits(config: Whole, shards: number): boolean {
  const first = (n: number): number => sliceOf(n, 0, shards);
  const { shape } = layOut({
    nodes: config.nodes.map(({ pages }) => ({ pages: first(pages) })),
    swap: config.swap.map(({ bytes }) => ({ bytes: first(bytes / 4096) * 4096 })),
    zpages: first(config.zpages),
    vpns: Math.min(MAX_INDEX, first(config.vpns)),
    hasBytes: config.hasBytes,
    shared: config.shared,
  });
  return segmentSize(shape).fits;
}

/**
 * The configuration with its number of shards: that given, or the fewest that hold it. Model nodes have no bytes to be divided
 * for, and lie in one unless it is given.
 *
 * @throws {@link LieuError} EINVAL if a slice would be too small, or all too large
 */
export function withShards<C extends Whole>(config: C, given: number | undefined): C & { readonly shards: number } {
  const shards = given ?? fewest(config);
  if (shards > 1) check(config, shards);
  return { ...config, shards, vpns: Math.min(config.vpns, MAX_INDEX * shards) };
}

function fewest(config: Whole): number {
  if (!config.hasBytes) return 1;
  for (let shards = 1; shards <= MAX_SHARDS; shards++) if (fits(config, shards)) return shards;
  const gib = config.nodes.reduce((n, { pages }) => n + pages, config.zpages) / 2 ** 18;
  const most = `one shard holds at most 4 GiB, and a memory has at most ${MAX_SHARDS}`;
  throw new LieuError("EINVAL", `the nodes hold ${gib.toFixed(2)} GiB: with their metadata, ${most}`);
}

function check(config: Whole, shards: number): void {
  const slices = [
    ...config.nodes.map(({ name, pages }) => ({ what: `nodes.${name}.size`, pages, least: LEAST.node })),
    ...(config.zpages > 0 ? [{ what: "zswap.size", pages: config.zpages, least: LEAST.zswap }] : []),
    ...config.swap.flatMap(({ name, bytes, options }) =>
      options.kind === "zswap" ? [] : [{ what: `size of swap ${name}`, pages: bytes / 4096, least: LEAST.swap }],
    ),
  ];
  for (const { what, pages, least } of slices) {
    if (pages >= least * shards) continue;
    const rule = `each of ${shards} shards needs ${least * 4} KiB of it`;
    throw new LieuError("EINVAL", `${what} is ${pages * 4} KiB: ${rule}; give fewer shards or a larger size`);
  }
}
