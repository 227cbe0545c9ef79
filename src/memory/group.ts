/**
 * Groups: tenants, in cgroup v2's words. A group's regions and caches are charged to it; its limits are kept in bytes of
 * resident memory, on whatever node.
 */
import { LieuError } from "../errors.ts";
import * as errno from "../mm/errno.ts";
import { C_HIGH, C_LOW, C_MAX, C_MIN, C_SWAP, C_USAGE, C_ZSWAP, C_ZSWAP_MAX, memcg, ZSWAP_UNIT } from "../mm/layout.ts";
import { PAGE_COUNTER_MAX } from "../mm/memcg.ts";
import { showAs } from "../runtime/show.ts";
import type { Vm } from "../runtime/vm.ts";
import { checkKeys } from "./arguments.ts";
import { shownGroup } from "./inspect.ts";
import { pagesOf, parseSize, type Size } from "./size.ts";
import { groupVmstat, type Vmstat } from "./vmstat.ts";

/** Limits of a group. Sizes are bytes or strings such as "64MiB"; "max" lifts high and max, 0 lifts min and low. */
export interface GroupOptions {
  /** The nodes that the group may use (cpuset.mems); all by default. */
  mems?: readonly string[] | undefined;
  /** Never reclaimed below this by others' pressure (memory.min). */
  min?: Size | 0 | undefined;
  /** Not reclaimed below this while others can be (memory.low). */
  low?: Size | 0 | undefined;
  /** Above this, the group reclaims from itself as it grows (memory.high). */
  high?: Size | "max" | undefined;
  /** Never above this: allocations reclaim from the group or fail (memory.max). */
  max?: Size | "max" | undefined;
  /** What its compressed pages may take in the pool (memory.zswap.max): more go to the devices. 0: none. */
  zswapMax?: Size | 0 | "max" | undefined;
}

const LIMITS = { min: C_MIN, low: C_LOW, high: C_HIGH, max: C_MAX, zswapMax: C_ZSWAP_MAX } as const;
type Limit = keyof typeof LIMITS;
/** Bytes that a limit is counted in. */
const unitOf = (limit: Limit): number => (limit === "zswapMax" ? ZSWAP_UNIT : 4096);

/** What a group needs of its memory. */
export interface GroupHost {
  maskOf(names: readonly string[], what: string): number;
  removed(group: Group): void;
}

/** A tenant; made by `memory.group()`. */
export class Group {
  readonly name: string;
  /** @internal */
  readonly id: number;
  readonly #vm: Vm;
  readonly #host: GroupHost;
  #removed = false;

  /** @internal */
  constructor(vm: Vm, host: GroupHost, name: string, id: number) {
    this.#vm = vm;
    this.#host = host;
    this.name = name;
    this.id = id;
    showAs(this, "Group", shownGroup, name);
  }

  /** Resident bytes, on all nodes. */
  get usage(): number {
    return this.#field(C_USAGE) * 4096;
  }

  /** Bytes in swap. */
  get swapUsage(): number {
    return this.#field(C_SWAP) * 4096;
  }

  /** Bytes that its compressed pages take in the pool (memory.zswap.current). */
  get zswapUsage(): number {
    return this.#field(C_ZSWAP) * ZSWAP_UNIT;
  }

  /** The limits in force, in bytes; Infinity where there is none. */
  get limits(): Readonly<Record<Limit, number>> {
    const bytes = (limit: Limit) => {
      const units = this.#field(LIMITS[limit]);
      return units === PAGE_COUNTER_MAX ? Number.POSITIVE_INFINITY : units * unitOf(limit);
    };
    return {
      min: bytes("min"),
      low: bytes("low"),
      high: bytes("high"),
      max: bytes("max"),
      zswapMax: bytes("zswapMax"),
    };
  }

  /**
   * Change limits or mems. All are checked before any is changed. Lowering `max` or `high` under the usage reclaims at
   * once, as far as that is possible; of `zswapMax` only what comes next takes notice; `mems` moves pages that are on nodes no longer allowed, or else changes nothing.
   *
   * @throws {@link LieuError} EINVAL; EBUSY (a page to be moved is pinned) or ENOMEM (no room for it): nothing is
   *   changed then
   */
  set(options: GroupOptions): this {
    this.#ensure();
    const limits = checkLimits(options, `group ${JSON.stringify(this.name)}`);
    const mems = options.mems === undefined ? undefined : this.#host.maskOf(options.mems, `mems of ${this.name}`);
    this.#vm.turn();
    if (mems !== undefined) {
      const r = this.#vm.calls.changeMems(this.id, mems);
      if (r === errno.EINVAL) {
        const list = JSON.stringify(options.mems);
        throw new LieuError(
          "EINVAL",
          `mems ${list} of group ${this.name} would leave a region's policy without any node`,
        );
      }
      if (r < 0) throw this.#vm.error(r, `a page of group ${this.name} that its mems would move`);
    }
    for (const [limit, pages] of limits) this.#vm.calls.setLimit(this.id, LIMITS[limit], pages);
    if (limits.has("high") || limits.has("max")) this.#vm.calls.enforceLimits(this.id);
    return this;
  }

  /** Counters of this group and its caches. */
  vmstat(): Vmstat {
    this.#ensure();
    return groupVmstat(this.#vm, this.id);
  }

  /** Remove an empty group. @throws {@link LieuError} EBUSY while it has regions, caches or pages */
  remove(): void {
    this.#ensure();
    this.#host.removed(this);
    this.#removed = true;
  }

  #field(field: number): number {
    this.#ensure();
    this.#vm.inspect();
    return memcg(this.id, field);
  }
  #ensure(): void {
    this.#vm.ensureOpen();
    if (this.#removed) throw new LieuError("ECLOSED", `group ${JSON.stringify(this.name)} was removed`);
  }
}

/** Limits in pages, zswapMax in units of the pool. @throws {@link LieuError} EINVAL */
export function checkLimits(options: GroupOptions, what: string): Map<Limit, number> {
  checkKeys(options, ["mems", ...Object.keys(LIMITS)], what);
  const limits = new Map<Limit, number>();
  for (const limit of Object.keys(LIMITS) as Limit[]) {
    const value = options[limit];
    if (value === undefined) continue;
    const protects = limit === "min" || limit === "low";
    if (value === "max") {
      if (protects) throw new LieuError("EINVAL", `${what}: ${limit} is "max": give a size, or 0 for no protection`);
      limits.set(limit, PAGE_COUNTER_MAX);
    } else if (value === 0 && (protects || limit === "zswapMax")) limits.set(limit, 0);
    else {
      const bytes = parseSize(value, `${what}: ${limit}`);
      const units = limit === "zswapMax" ? Math.floor(bytes / ZSWAP_UNIT) : pagesOf(bytes);
      limits.set(limit, Math.min(PAGE_COUNTER_MAX, units));
    }
  }
  return limits;
}
