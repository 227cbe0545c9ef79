/** A group of a memory of several shards: a group in each, and limits that hold for all of them together (shares.ts). */
import { LieuError } from "../errors.ts";
import {
  C_ACTIVE,
  C_HIGH,
  C_LOW,
  C_MAX,
  C_MIN,
  C_PARENT,
  C_SWAP,
  C_USAGE,
  H_NR_MEMCG,
  H_NR_VMAS,
  hdr,
  memcg,
  V_ACTIVE,
  V_MEMCG,
  vma,
  ZSWAP_UNIT,
} from "../mm/layout.ts";
import { PAGE_COUNTER_MAX } from "../mm/memcg.ts";
import { showAs } from "../runtime/show.ts";
import type { Vm } from "../runtime/vm.ts";
import { checkLimits, type Group, type GroupOptions } from "./group.ts";
import { shownGroup } from "./inspect.ts";
import { type Member, Shares, type Totals } from "./shares.ts";
import { addVmstat, type Vmstat } from "./vmstat.ts";

/** Those that are shared out by use. */
const LIMITS = { min: C_MIN, low: C_LOW, high: C_HIGH, max: C_MAX } as const;
const isShared = (limit: string): limit is keyof typeof LIMITS => Object.hasOwn(LIMITS, limit);

/** All that a plain group has: the compiler asks for what is missing. */
type Everything = { [P in keyof Group]: Group[P] };

/** See the file's head; made by `memory.group()`. */
export class ShardedGroup implements Everything {
  readonly name: string;
  /** In the first shard. @internal */
  readonly id: number;
  /** One a shard. @internal */
  readonly parts: readonly Group[];
  /** @internal */
  readonly shares: Shares;
  readonly #removed: (group: ShardedGroup) => void;
  #mems: readonly string[];

  /** `mems`: the nodes that it may use; `shared`: whether threads share the memory. @internal */
  constructor(
    name: string,
    parts: readonly Group[],
    vms: readonly Vm[],
    mems: readonly string[],
    removed: (group: ShardedGroup) => void,
    shared: boolean,
    totals?: Totals,
  ) {
    this.name = name;
    this.parts = parts;
    this.id = this.#first.id;
    this.shares = new Shares(
      parts.map(({ id }, i) => ({ vm: vms[i] as Vm, id })),
      shared,
      totals,
    );
    this.#mems = mems;
    this.#removed = removed;
    showAs(this, "Group", shownGroup, name);
  }

  get usage(): number {
    return this.parts.reduce((n, part) => n + part.usage, 0);
  }
  get swapUsage(): number {
    return this.parts.reduce((n, part) => n + part.swapUsage, 0);
  }
  get zswapUsage(): number {
    return this.parts.reduce((n, part) => n + part.zswapUsage, 0);
  }
  get limits(): Group["limits"] {
    this.#ensure();
    const bytes = (field: number): number => {
      const pages = this.shares.total(field);
      return pages === PAGE_COUNTER_MAX ? Number.POSITIVE_INFINITY : pages * 4096;
    };
    const zswapMax = this.parts.reduce((n, part) => n + part.limits.zswapMax, 0);
    return { min: bytes(C_MIN), low: bytes(C_LOW), high: bytes(C_HIGH), max: bytes(C_MAX), zswapMax };
  }

  set(options: GroupOptions): Group {
    this.#ensure();
    const limits = checkLimits(options, `group ${JSON.stringify(this.name)}`);
    if (options.mems !== undefined) this.#setMems([...options.mems]);
    this.shares.set(new Map([...limits].flatMap(([limit, n]) => (isShared(limit) ? [[LIMITS[limit], n]] : []))));
    // Keys are spread evenly over shards, and with them what is compressed.
    const units = limits.get("zswapMax");
    if (units === PAGE_COUNTER_MAX) for (const part of this.parts) part.set({ zswapMax: "max" });
    else if (units !== undefined) {
      const n = this.parts.length;
      this.parts.forEach((part, i) => {
        part.set({ zswapMax: (Math.floor(units / n) + (i < units % n ? 1 : 0)) * ZSWAP_UNIT });
      });
    }
    return this as unknown as Group;
  }
  /** In all shards, or in none. */
  #setMems(mems: readonly string[]): void {
    const changed: Group[] = [];
    try {
      for (const part of this.parts) {
        part.set({ mems });
        changed.push(part);
      }
      this.#mems = mems;
    } catch (error) {
      for (const part of changed) part.set({ mems: this.#mems });
      throw error;
    }
  }

  vmstat(): Vmstat {
    return addVmstat(this.parts.map((part) => part.vmstat()));
  }

  /** Of all shards, or, if one has something of it, of none. */
  remove(): void {
    this.#ensure();
    if (this.shares.members.some(isUsed)) {
      throw new LieuError("EBUSY", `group ${JSON.stringify(this.name)} still has regions, caches or pages`);
    }
    for (const part of this.parts) part.remove();
    this.#removed(this);
  }

  get #first(): Group {
    return this.parts[0] as Group;
  }
  /** @throws {@link LieuError} ECLOSED */
  #ensure(): void {
    void this.#first.usage;
  }
}

/** Whether a group has pages, mappings or groups below it: what destroyMemcg() would refuse for. */
function isUsed({ vm, id }: Member): boolean {
  vm.inspect();
  if (memcg(id, C_USAGE) !== 0 || memcg(id, C_SWAP) !== 0) return true;
  for (let v = 0; v < hdr(H_NR_VMAS); v++) if (vma(v, V_ACTIVE) !== 0 && vma(v, V_MEMCG) === id) return true;
  for (let c = 0; c < hdr(H_NR_MEMCG); c++) if (memcg(c, C_ACTIVE) !== 0 && memcg(c, C_PARENT) === id) return true;
  return false;
}
