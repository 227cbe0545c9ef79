/**
 * Nodes that shrink and grow: a balloon in each, as hypervisors have them (drivers/virtio/virtio_balloon.c). To shrink a node, pages
 * of it are taken like anybody's, by which reclaim demotes or swaps out what is coldest there; they are locked, and their bytes
 * given back to the system (madvise, MADV_DONTNEED), so that RSS follows. To grow it again they are let go. The engine needs to know
 * nothing of it, and nothing is lost: what finds no other place stays, and the node is not shrunk.
 *
 * What a balloon holds counts as locked pages (nr_mlock, nr_unevictable) of the root group.
 */
import { LieuError, shown } from "../errors.ts";
import { libc } from "../host/libc.ts";
import { N_PAGES, N_WMARK_PROMO, node as nodeField } from "../mm/layout.ts";
import { Mapping, type MappingRequest } from "../runtime/mapping.ts";
import { SharedVm } from "../runtime/shared-vm.ts";
import type { Vm } from "../runtime/vm.ts";
import { PoolBalloon } from "./pool-balloon.ts";
import { formatSize, parseSize, type Size } from "./size.ts";

const PAGE = 4096;
/** Pages between two times that bytes are given back. */
const BATCH = 256;
/** A write fault. */
const FAULT_WRITE = 1;
const ROOT = 0;
/** In place of a node's number: the pool of compressed pages. */
export const POOL = -1;

interface Balloon {
  readonly mapping: Mapping;
  /** Pages that it holds: the first of the mapping. */
  held: number;
}

/** The balloons of a memory; see the file's head. */
export class Balloons {
  readonly #vm: Vm;
  readonly #names: readonly string[];
  readonly #beforeFirst: () => void;
  readonly #balloons = new Map<number, Balloon>();
  /** That of the pool of compressed pages. */
  readonly pool: PoolBalloon;

  /** `beforeFirst` is called before bytes are given back for the first time. */
  constructor(vm: Vm, names: readonly string[], beforeFirst: () => void) {
    this.#beforeFirst = beforeFirst;
    this.#vm = vm;
    this.#names = names;
    this.pool = new PoolBalloon(vm, beforeFirst);
  }

  /** Pages that node `nid`, or the POOL, lacks for the time being. */
  held(nid: number): number {
    if (nid === POOL) return this.pool.held();
    return this.#balloons.get(nid)?.held ?? 0;
  }

  /**
   * Give node `nid` this size. Returns it, in bytes, rounded down to pages.
   *
   * @throws {@link LieuError} EINVAL, ENOTSUP without koffi or for a node without bytes, ENOMEM if what is there has no other place:
   *   the node is as it was then
   */
  resize(nid: number, size: Size): number {
    const what = `resize() of node ${this.#names[nid]}`;
    if (!this.#vm.shape.bytes) throw new LieuError("ENOTSUP", `${what}: a model node has no bytes to give back`);
    if (this.#vm instanceof SharedVm && this.#vm.name !== undefined) {
      throw new LieuError("ENOTSUP", `${what}: processes share the memory, whose bytes are all allocated`);
    }
    libc(what);
    const wanted = Math.floor(parseSize(size, what) / PAGE);
    const whole = this.#pages(nid);
    const least = this.least(nid);
    if (wanted < least || wanted > whole) {
      const range = `from ${formatSize(least * PAGE)} to the ${formatSize(whole * PAGE)} that it was opened with`;
      throw new LieuError("EINVAL", `${what}: ${shown(size)} is out of range; give ${range}`);
    }
    const before = this.held(nid);
    const target = whole - wanted;
    if (target <= before) this.grow(nid, before - target);
    else if (this.shrink(nid, target - before) < target - before) {
      this.grow(nid, this.held(nid) - before);
      throw new LieuError("ENOMEM", `${what}: what is there has no room elsewhere; it stays as it was`);
    }
    return wanted * PAGE;
  }

  /** Fewest pages that a node can be left with: it must be able to stay above its watermarks. */
  least(nid: number): number {
    if (nid === POOL) return this.pool.least();
    this.#vm.inspect();
    return Math.max(64, 2 * nodeField(nid, N_WMARK_PROMO));
  }

  /** Take up to `pages` pages from a node. Returns how many it came to. */
  shrink(nid: number, pages: number): number {
    if (nid === POOL) return this.pool.shrink(pages);
    const balloon = this.#balloons.get(nid) ?? this.#make(nid);
    const first = balloon.held;
    const last = first + pages;
    while (balloon.held < last) {
      const from = balloon.held;
      const to = Math.min(last, from + BATCH);
      while (balloon.held < to && balloon.mapping.fault(balloon.held, FAULT_WRITE, 0) === 0) balloon.held++;
      this.#giveBack(balloon, from);
      if (balloon.held < to) break;
    }
    return balloon.held - first;
  }

  /** Let a node have up to `pages` pages of its own again. */
  grow(nid: number, pages: number): void {
    if (nid === POOL) {
      this.pool.grow(pages);
      return;
    }
    const balloon = this.#balloons.get(nid);
    if (balloon === undefined || pages <= 0) return;
    const n = Math.min(pages, balloon.held);
    balloon.held -= n;
    const { id, start } = balloon.mapping;
    const r = this.#vm.calls.zapRange(id, start + balloon.held, n);
    if (r < 0) throw this.#vm.error(r, "a node's balloon");
  }

  trim(): number {
    return this.#vm.shape.zpages === undefined || this.#vm.shape.zpages === 0 ? 0 : this.pool.trim();
  }

  #pages(nid: number): number {
    this.#vm.inspect();
    return nodeField(nid, N_PAGES);
  }
  #make(nid: number): Balloon {
    this.#beforeFirst();
    const policy = { mode: "bind", mask: 1 << nid, weights: new Map<number, number>() } as const;
    const pages = this.#pages(nid);
    const what = `the balloon of node ${this.#names[nid]}`;
    const request = { what, pages, file: false, memcg: ROOT, order: 0, locked: true, policy };
    const balloon = { mapping: this.#map(request), held: 0 };
    this.#balloons.set(nid, balloon);
    return balloon;
  }
  #map(request: MappingRequest): Mapping {
    const vm = this.#vm;
    if (!(vm instanceof SharedVm)) return new Mapping(vm, request);
    return vm.locked(() => {
      const mapping = new Mapping(vm, request);
      vm.control.own(mapping.id);
      return mapping;
    });
  }
  /** Give back the bytes of the pages from `from` on, as runs of frames. */
  #giveBack({ mapping, held }: Balloon, from: number): void {
    const { segment } = this.#vm;
    const frames: number[] = [];
    for (let page = from; page < held; page++) {
      const place = this.#vm.placeOf(mapping.start + page);
      if (place.where === "node") frames.push(place.frame);
    }
    frames.sort((a, b) => a - b);
    for (let i = 0; i < frames.length; ) {
      let n = 1;
      while (frames[i + n] === (frames[i] as number) + n) n++;
      const at = segment.data + (frames[i] as number) * PAGE;
      libc("resize()").discard(segment.h8.subarray(at, at + n * PAGE));
      i += n;
    }
  }
}
