/**
 * What caches are charged to. All caches of a tenant share one group below the tenant's, which is there as long as one of
 * them is: so there may be any number of caches, and reclaim takes them for one, as it cannot know what their pages are worth to
 * whom. A region's pages are not among them.
 */
import { LieuError } from "../errors.ts";
import { SharedVm } from "../runtime/shared-vm.ts";
import type { Vm } from "../runtime/vm.ts";

/** The groups of caches of one memory. */
export interface CacheGroups {
  /** The group that a new cache of `tenant` is charged to; to be given back by {@link leave}. @throws {@link LieuError} ENOMEM */
  join(tenant: number): number;
  /** A cache of `tenant` has no pages any more. */
  leave(tenant: number): void;
}

/** Those of a memory; where processes share it, they all find them. `mems`: all nodes; what the tenant may not use, its caches may not. */
export function cacheGroupsOf(vm: Vm, mems: number): CacheGroups {
  return vm instanceof SharedVm && vm.name !== undefined ? new NamedGroups(vm, mems) : new OwnGroups(vm, mems);
}

class OwnGroups implements CacheGroups {
  readonly #vm: Vm;
  readonly #mems: number;
  /** By tenant: the group of its caches, and how many they are. */
  readonly #shared = new Map<number, { readonly id: number; caches: number }>();

  constructor(vm: Vm, mems: number) {
    this.#vm = vm;
    this.#mems = mems;
  }

  join(tenant: number): number {
    const there = this.#shared.get(tenant);
    if (there !== undefined) {
      there.caches++;
      return there.id;
    }
    const id = this.#vm.calls.createMemcg(tenant, this.#mems);
    if (id < 0) throw tooManyGroups();
    this.#shared.set(tenant, { id, caches: 1 });
    return id;
  }
  leave(tenant: number): void {
    const there = this.#shared.get(tenant);
    if (there === undefined || --there.caches > 0) return;
    this.#vm.calls.destroyMemcg(there.id);
    this.#shared.delete(tenant);
  }
}

/** All under the memory's lock. Caches stay as long as the memory, and so do these. */
class NamedGroups implements CacheGroups {
  readonly #vm: SharedVm;
  readonly #mems: number;

  constructor(vm: SharedVm, mems: number) {
    this.#vm = vm;
    this.#mems = mems;
  }
  join(tenant: number): number {
    const { control, calls } = this.#vm;
    const there = control.registry().cacheGroups.find((group) => group.tenant === tenant);
    if (there !== undefined) return there.id;
    const id = calls.createMemcg(tenant, this.#mems);
    if (id < 0) throw tooManyGroups();
    control.register((all) => ({ ...all, cacheGroups: [...all.cacheGroups, { tenant, id }] }));
    return id;
  }
  leave(): void {}
}

export function tooManyGroups(): LieuError {
  const least = "use fewer groups: each that has caches takes two";
  return new LieuError("ENOMEM", `there are 64 groups already, those of caches included: that is the most; ${least}`);
}
