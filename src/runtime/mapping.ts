/**
 * A mapping of the engine (a VMA) as regions and caches hold one: made, faulted, re-policied, unmapped. It knows nothing
 * of what its pages mean.
 */
import { LieuError } from "../errors.ts";
import * as errno from "../mm/errno.ts";
import { V_START, vma } from "../mm/layout.ts";
import { MPOL_BIND, MPOL_DEFAULT, MPOL_INTERLEAVE, MPOL_PREFERRED, MPOL_WEIGHTED_INTERLEAVE } from "../mm/mempolicy.ts";
import type { SharedMapping } from "./control.ts";
import type { Vm } from "./vm.ts";

/** A policy with its nodes resolved to numbers. */
export interface ResolvedPolicy {
  readonly mode: "default" | "bind" | "preferred" | "interleave" | "weightedInterleave";
  /** A bit a node. */
  readonly mask: number;
  /** Node number to weight, for weighted interleave. */
  readonly weights: ReadonlyMap<number, number>;
}

const MODES = {
  default: MPOL_DEFAULT,
  bind: MPOL_BIND,
  preferred: MPOL_PREFERRED,
  interleave: MPOL_INTERLEAVE,
  weightedInterleave: MPOL_WEIGHTED_INTERLEAVE,
} as const;

const NO_ENTRIES = new Int32Array(0);

/** What a new mapping is to be. */
export interface MappingRequest {
  /** For messages: `region "table"`. */
  readonly what: string;
  readonly pages: number;
  /** Clean and discardable, as a cache's pages; otherwise lossless. */
  readonly file: boolean;
  /** Group number. */
  readonly memcg: number;
  /** Folio order asked for on faults, 0 to 9. */
  readonly order: number;
  /** Never reclaimed or demoted (mlock). */
  readonly locked: boolean;
  readonly policy: ResolvedPolicy;
}

/** A range of virtual pages; see the file's head. */
export class Mapping {
  readonly vm: Vm;
  readonly what: string;
  readonly id: number;
  /** First virtual page. */
  readonly start: number;
  readonly pages: number;
  /** This mapping's part of the page table. */
  entries: Int32Array;
  #unmapped = false;

  /** Make a mapping, or, given its number, hold one that another thread has made. */
  constructor(vm: Vm, request: MappingRequest | SharedMapping, what = "") {
    this.vm = vm;
    this.pages = request.pages;
    if ("id" in request) {
      this.what = what;
      this.id = request.id;
      this.start = request.start;
      this.entries = entriesOf(this);
      return;
    }
    const { pages, file, memcg, order, locked, policy } = request;
    this.what = request.what;
    // More pages than there are would not fit the engine's 32 bits either.
    const fits = pages <= vm.shape.vpns;
    this.id = !fits ? -2 : vm.calls.createVma(pages, 1 << order, file ? 1 : 0, memcg, order, locked ? 1 : 0);
    if (this.id === -1)
      throw new LieuError("ENOMEM", `no room for ${this.what}: there are 1024 regions and caches already`);
    if (this.id === -2) {
      const why = `its ${pages} pages do not fit what is left of the address space`;
      throw new LieuError(
        "ENOMEM",
        `no room for ${this.what}: ${why}; unmap or close something, give caches a smaller maxSize, or raise addressSpace`,
      );
    }
    vm.inspect();
    this.start = vma(this.id, V_START);
    this.entries = entriesOf(this);
    for (const [nid, weight] of policy.weights) vm.calls.setWeight(this.id, nid, weight);
    vm.calls.setPolicy(this.id, MODES[policy.mode], policy.mask);
  }

  get unmapped(): boolean {
    return this.#unmapped;
  }

  /** @throws {@link LieuError} ECLOSED after unmapping or closing */
  ensureMapped(): void {
    this.vm.ensureOpen();
    if (this.#unmapped) throw new LieuError("ECLOSED", `${this.what} was unmapped`);
  }

  /** Fault page `page` of the mapping in, of which `lines` cache lines are used (0: not known). Returns 0 or a negative errno. */
  fault(page: number, mode: number, lines: number): number {
    return this.vm.fault(this.id, this.start + page, mode, lines);
  }

  /** Change the policy and move the pages that it forbids; on an error the old one stays in force. */
  setPolicy(policy: ResolvedPolicy): void {
    this.ensureMapped();
    for (const [nid, weight] of policy.weights) this.vm.calls.setWeight(this.id, nid, weight);
    this.vm.turn();
    const r = this.vm.calls.changePolicy(this.id, MODES[policy.mode], policy.mask);
    if (r === errno.EINVAL) throw new LieuError("EINVAL", `the policy leaves ${this.what} no node of its group's mems`);
    if (r < 0) throw this.vm.error(r, `a page of ${this.what} that the policy would move`);
  }

  /** Hold another thread's mapping no more; it stays. */
  letGo(): void {
    this.#unmapped = true;
    this.retire();
  }

  /** Drop the view of the page table, unmapped or not. */
  retire(): void {
    this.entries = NO_ENTRIES;
  }

  /** Give everything back. @throws {@link LieuError} EBUSY if a page is pinned, ECLOSED the second time */
  unmap(): void {
    this.ensureMapped();
    const r = this.vm.calls.destroyVma(this.id);
    if (r < 0) throw this.vm.error(r, this.what);
    this.#unmapped = true;
    this.retire();
    this.vm.onDiscard(this.id, undefined);
  }
}

function entriesOf({ vm, start, pages }: Mapping): Int32Array {
  return vm.segment.h32.subarray(vm.pageTable + start, vm.pageTable + start + pages);
}
