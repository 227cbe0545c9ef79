/**
 * The engine's words of a memory that processes share, as they are read from outside: a copy out of its file, which is neither mapped
 * nor locked nor written to. What is counted may move on while it is copied; each number was true at some moment. The bytes of pages are
 * not copied but for the few that caches keep their counters on.
 */
import { LieuError } from "../errors.ts";
import { attach, frameFlagsAddr, LAYOUT_VERSION, pte, S_START, swapDev } from "../mm/layout.ts";
import { type Host, plug } from "../mm/machine.ts";
import { PTE_PRESENT, PTE_SHIFT } from "../mm/page-table.ts";
import { Control } from "../runtime/control.ts";
import { lookAt, type SeenFile, shardPath, sharedPath } from "../runtime/shared-file.ts";
import { ST_ITEMS, ST_MISSES, ST_SWAP_HITS, ST_TIER_HITS } from "../store/layout.ts";
import type { SharedDescription } from "./descriptor.ts";
import { ensureWhole, type NamedHeader, stampOf } from "./named.ts";

const PAGE = 4096;

/** What a cache has counted, over all who have it. */
export interface StoreCounts {
  readonly entries: number;
  readonly misses: number;
  /** Hits on nodes, then on swap devices, in their order. */
  readonly hits: readonly number[];
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
  still: nothing,
  bug: nothing,
};

/** See the file's head. */
export class NamedCopy {
  readonly path: string;
  readonly header: NamedHeader;
  /** Who has it, and what has a name, as last copied. */
  control: Control;
  readonly segment: { readonly h32: Int32Array; readonly hf: Float64Array };
  /** Of each cache, by the first page of its index, the page with its counters. */
  #counters = new Map<number, Float64Array>();
  readonly #machine: {
    readonly h32: Int32Array;
    readonly h8: Uint8Array;
    readonly hf: Float64Array;
    readonly host: Host;
  };

  /**
   * Copy the memory that is in that file, or the shard of one.
   *
   * @throws {@link LieuError} ENOENT, EACCES, EINVAL (not one of this version's), EAGAIN (not ready yet)
   */
  constructor(path: string) {
    this.path = path;
    this.header = lookAt(this.path, ({ header }) => ensureOurs(this.path, header as NamedHeader | undefined));
    const segment = new SharedArrayBuffer(this.about.metadata);
    const [h32, h8, hf] = [new Int32Array(segment), new Uint8Array(segment), new Float64Array(segment)];
    this.#machine = { h32, h8, hf, host: HOST };
    this.segment = { h32, hf };
    this.control = new Control();
    this.take();
  }

  get about(): SharedDescription {
    return this.header.about;
  }
  get shape(): SharedDescription["shape"] {
    return this.about.shape;
  }

  /** Copy it again, as it is now. @throws {@link LieuError} ENOENT if it is gone, or another has its name */
  take(): void {
    lookAt(this.path, (file) => {
      if (JSON.stringify(file.header) !== JSON.stringify(this.header)) {
        throw new LieuError("ENOENT", `${this.path} is another memory by now`);
      }
      file.read(this.#machine.h8, 0);
      this.control = file.control;
      this.#counters = this.#copyCounters(file);
    });
  }
  #copyCounters({ control, read }: SeenFile): Map<number, Float64Array> {
    this.inspect();
    const found = new Map<number, Float64Array>();
    for (const { meta } of control.registry().caches) {
      const entry = pte(meta.start);
      if ((entry & PTE_PRESENT) === 0) continue;
      const words = new Float64Array(PAGE / 8);
      read(new Uint8Array(words.buffer), this.about.data + (entry >>> PTE_SHIFT) * PAGE);
      found.set(meta.start, words);
    }
    return found;
  }

  /** Have the engine's own readers read the copy. */
  inspect(): void {
    plug(this.#machine);
    attach();
  }
  nodeOfFrame(frame: number): number {
    this.inspect();
    return ((this.segment.h32[(frameFlagsAddr() >>> 2) + frame] as number) >>> 4) & 15;
  }
  deviceOfSlot(slot: number): number {
    this.inspect();
    let dev = this.about.swap.length - 1;
    while (dev > 0 && slot < swapDev(dev, S_START)) dev--;
    return dev;
  }

  /** What a cache has counted, by the first page of its index. */
  storeCounts(meta: number): StoreCounts | undefined {
    const words = this.#counters.get(meta);
    if (words === undefined) return undefined;
    const count = (field: number): number => words[field >>> 3] as number;
    const { nodes, swap } = this.about;
    return {
      entries: new Int32Array(words.buffer)[ST_ITEMS >>> 2] as number,
      misses: count(ST_MISSES),
      hits: [
        ...nodes.map((_, nid) => count(ST_TIER_HITS + nid * 8)),
        ...swap.map((_, dev) => count(ST_SWAP_HITS + dev * 8)),
      ],
    };
  }
}

/** A copy of the memory of that name; of one that has shards, one of each. @throws {@link LieuError} as NamedCopy */
export function copiesOf(name: string): NamedCopy[] {
  const first = new NamedCopy(sharedPath(name));
  const { path, header } = first;
  ensureWhole(path, header);
  const copies = [first];
  for (let i = 1; i < (header.shard?.of ?? 1); i++) {
    const copy = new NamedCopy(shardPath(path, i));
    if (copy.header.shard?.set !== header.shard?.set)
      throw new LieuError("ENOENT", `${copy.path} is another memory by now`);
    copies.push(copy);
  }
  return copies;
}

function ensureOurs(path: string, header: NamedHeader | undefined): NamedHeader {
  if (header === undefined) throw new LieuError("EAGAIN", `${path} is being made, or was never finished`);
  if (header.stamp !== stampOf() || header.about.layout !== LAYOUT_VERSION) {
    throw new LieuError("EINVAL", `${path} is a memory of another version of lieu's`);
  }
  return header;
}
