/**
 * A group's limits over all shards of a memory. Each shard has its share of each limit in its own engine, which knows of no other, and
 * the shares of a limit always come to the limit: so the group as a whole is never over it, whoever grows.
 *
 * Shares follow use. When a shard is about to go past its share of max or high, its engine asks (mm/limits.ts, hostShare) before it
 * reclaims: what others have and do not use is taken from them there and then. Is all of it in use, then somebody must give up pages:
 * whose turn it is goes by how much each holds, as in one shard reclaim would find them there; and where the shard that asks has nothing
 * that can go, the others have to. min and low, which ask nobody, are divided anew by use as time passes.
 *
 * In a memory that threads share nobody asks: that would take another shard's lock with one's own in hand. There all limits are
 * divided anew as time passes: what is not used is taken from one shard at a time, and then given to others, so the sum stays right.
 */
import { LieuError } from "../errors.ts";
import { C_HIGH, C_LOW, C_MAX, C_MIN, C_USAGE, memcg, setMemcg } from "../mm/layout.ts";
import { SHARE_ALL, SHARE_UNUSED } from "../mm/limits.ts";
import { PAGE_COUNTER_MAX } from "../mm/memcg.ts";
import { SWAP_CLUSTER_MAX } from "../mm/scan-control.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import type { Vm } from "../runtime/vm.ts";

const NO_LIMIT = PAGE_COUNTER_MAX;

/** The limits of a whole group, in pages, by field (C_MAX, ...), and how those who divide them take turns. */
export interface Totals {
  readonly all: ReadonlyMap<number, number>;
  /** They are others from now on, though not yet divided: who finds them so has found what one who died left. */
  change(limits: ReadonlyMap<number, number>): void;
  /** They have been divided. */
  divided(): void;
  readonly areDivided: boolean;
  /** When nobody else divides. */
  alone<R>(work: () => R): R;
  /** The same, if nobody does now. */
  ifAlone(work: () => void): void;
}
/** Of a group that has no limits. */
export const UNLIMITED: ReadonlyMap<number, number> = new Map([
  [C_MIN, 0],
  [C_LOW, 0],
  [C_HIGH, NO_LIMIT],
  [C_MAX, NO_LIMIT],
]);
/** Where one thread divides. */
class OwnTotals implements Totals {
  readonly all = new Map(UNLIMITED);
  change(limits: ReadonlyMap<number, number>): void {
    for (const [field, pages] of limits) this.all.set(field, pages);
  }
  divided(): void {}
  get areDivided(): boolean {
    return true;
  }
  alone<R>(work: () => R): R {
    return work();
  }
  ifAlone(work: () => void): void {
    work();
  }
}
/** Times that limits lowered under the usage are divided anew, as one shard may not be able to give what its share asks for. */
const ROUNDS = 8;

/** A group in one shard. */
export interface Member {
  readonly vm: Vm;
  readonly id: number;
}

/** Divide `total` so that each has what it uses and the same of what is left; or, if that is more than there is, in proportion. */
export function divide(total: number, used: readonly number[]): number[] {
  const all = used.reduce((a, b) => a + b, 0);
  const n = used.length;
  if (all <= total) {
    const left = total - all;
    return used.map((u, i) => u + Math.floor(left / n) + (i < left % n ? 1 : 0));
  }
  const shares = used.map((u) => Math.floor((total * u) / all));
  let left = total - shares.reduce((a, b) => a + b, 0);
  for (let i = 0; left > 0; i++, left--) shares[i] = (shares[i] as number) + 1;
  return shares;
}

/** The shares of one group; see the file's head. */
export class Shares {
  readonly members: readonly Member[];
  /** Whether other threads are at work. */
  readonly #shared: boolean;
  readonly #totals: Totals;
  /** What they are while this one divides: nobody changes them meanwhile. */
  #known: ReadonlyMap<number, number> | undefined;
  /** What each has to give up before it is its turn again. */
  readonly #credits: number[];
  #busy = false;

  constructor(members: readonly Member[], shared = false, totals: Totals = new OwnTotals()) {
    this.members = members;
    this.#shared = shared;
    this.#totals = totals;
    this.#credits = members.map(() => 0);
  }

  /** A limit of the whole group, in pages. */
  total(field: number): number {
    return (this.#known ?? this.#totals.all).get(field) as number;
  }
  #knowing<R>(work: () => R): R {
    this.#known = this.#totals.all;
    try {
      return work();
    } finally {
      this.#known = undefined;
    }
  }

  /** Set limits of the whole group, in pages, and reclaim what is over them. */
  set(limits: ReadonlyMap<number, number>): void {
    this.#totals.alone(() => {
      this.#totals.change(limits);
      this.#knowing(() => {
        for (const field of limits.keys()) this.#divide(field);
        this.#totals.divided();
        if (limits.has(C_HIGH) || limits.has(C_MAX)) this.#enforce();
      });
    });
  }
  #divide(field: number): void {
    const total = this.total(field);
    const shares = total === NO_LIMIT ? this.members.map(() => NO_LIMIT) : divide(total, this.#read(C_USAGE));
    this.#set(field, shares);
  }
  #set(field: number, shares: readonly number[]): void {
    this.members.forEach(({ vm, id }, i) => {
      vm.calls.setLimit(id, field, shares[i] as number);
    });
  }
  #enforce(): void {
    const limit = Math.min(this.total(C_HIGH), this.total(C_MAX));
    const usage = (): number => this.#read(C_USAGE).reduce((a, b) => a + b, 0);
    for (let round = 0; round < ROUNDS && usage() > limit; round++) {
      this.#busy = true;
      for (const { vm, id } of this.members) vm.calls.enforceLimits(id);
      this.#busy = false;
      for (const field of [C_HIGH, C_MAX]) this.#divide(field);
    }
  }

  /** What a cache may come to hold is decided when it is made: let the shares be what they could be, in all shards, or in the one that it is to lie in. */
  arrange(shard: number | undefined): void {
    this.#alone(() => this.#arrange(shard));
  }
  /** Divide what one who died had changed, and what he had taken and not given. */
  #mend(): void {
    const { areDivided } = this.#totals;
    for (const [field, total] of this.#known ?? []) {
      const sum = this.#read(field).reduce((a, b) => a + b, 0);
      if (!areDivided || (total !== NO_LIMIT && sum < total)) this.#divide(field);
    }
    if (!areDivided) this.#totals.divided();
  }
  #alone(work: () => void): void {
    this.#totals.alone(() => this.#whole(work));
  }
  /** Alone: when the shares are whole. */
  #whole(work: () => void): void {
    this.#knowing(() => {
      if (this.#shared) this.#mend();
      work();
    });
  }
  #arrange(shard: number | undefined): void {
    const total = this.total(C_MAX);
    if (total === NO_LIMIT) return;
    const used = this.#read(C_USAGE);
    const others = used.reduce((n, usage, i) => (i === shard ? n : n + usage), 0);
    if (shard === undefined || others > total) this.#divide(C_MAX);
    else
      this.#set(
        C_MAX,
        used.map((usage, i) => (i === shard ? total - others : usage)),
      );
  }

  /** Whether the shares of each limit come to it. @throws {@link LieuError} EBUG */
  check(group: string): void {
    this.#alone(() => this.#check(group));
  }
  #check(group: string): void {
    for (const [field, total] of this.#known ?? []) {
      const shares = this.#read(field);
      const sum = shares.reduce((a, b) => a + b, 0);
      if (total === NO_LIMIT ? shares.every((share) => share === NO_LIMIT) : sum === total) continue;
      throw new LieuError(
        "EBUG",
        `broken invariant: shares ${shares} of limit ${field} of group ${group}, which is ${total}`,
      );
    }
  }

  /** Time has passed: divide anew what nobody asks for. */
  tick(): void {
    this.#totals.ifAlone(() => this.#whole(() => this.#follow()));
  }
  #follow(): void {
    for (const field of [C_MIN, C_LOW]) {
      const total = this.total(field);
      if (total === 0) continue;
      const shares = this.#read(field);
      const better = divide(total, this.#read(C_USAGE));
      const off = better.some((share, i) => Math.abs(share - (shares[i] as number)) > (shares[i] as number) / 8);
      if (off) this.#divide(field);
    }
    if (this.#shared) for (const field of [C_HIGH, C_MAX]) this.#trade(field);
    this.#credits.fill(0);
  }
  /** Divide a limit anew that holds at every moment, while others are at work. */
  #trade(field: number): void {
    const total = this.total(field);
    if (total === NO_LIMIT) return;
    const better = divide(total, this.#read(C_USAGE));
    let free = 0;
    this.members.forEach(({ vm, id }, i) => {
      (vm as SharedVm).locked(() => {
        const share = this.#field(i, field);
        const left = Math.max(better[i] as number, this.#field(i, C_USAGE));
        if (left >= share) return;
        vm.calls.setLimit(id, field, left);
        free += share - left;
      });
    });
    this.members.forEach(({ vm, id }, i) => {
      const share = this.#field(i, field);
      const more = Math.min(free, Math.max(0, (better[i] as number) - share));
      if (more > 0) vm.calls.setLimit(id, field, share + more);
      free -= more;
    });
  }

  /**
   * Member `asker` needs room for `nr` more pages under its share of `field`: find it. Called from within its engine, by which no
   * other is at work. Returns whether there is.
   */
  ask(asker: number, field: number, nr: number, how: number): boolean {
    if (this.#busy || this.total(field) === NO_LIMIT) return false;
    this.#busy = true;
    try {
      return this.#find(asker, field, nr, how);
    } finally {
      this.#busy = false;
      this.#look(asker);
    }
  }
  #find(asker: number, field: number, nr: number, how: number): boolean {
    const usages = this.#read(C_USAGE);
    const shares = this.#read(field);
    const missing = (usages[asker] as number) + nr - (shares[asker] as number);
    const unused = shares.map((share, i) => (i === asker ? 0 : Math.max(0, share - (usages[i] as number))));
    let sum = unused.reduce((a, b) => a + b, 0);
    while (sum < missing) {
      const victim = how === SHARE_UNUSED ? asker : this.#turn(usages, asker, how);
      if (victim === asker) return false;
      const freed = this.#giveUp(victim, field, Math.max(SWAP_CLUSTER_MAX, missing - sum));
      if (freed <= 0) {
        this.#credits[victim] = Number.NEGATIVE_INFINITY;
        if (how !== SHARE_ALL) return false;
      }
      // Its share is what it uses and what it has given up.
      shares[victim] = Math.max(0, this.#field(victim, field));
      usages[victim] = this.#field(victim, C_USAGE);
      const now = Math.max(0, (shares[victim] as number) - (usages[victim] as number));
      sum += now - (unused[victim] as number);
      unused[victim] = now;
    }
    this.#take(asker, field, shares, unused, Math.max(missing, Math.ceil(sum / 2)), sum);
    return true;
  }
  /** Whose turn it is to give up pages: whoever holds more has it more often. The asker itself: nobody else's. */
  #turn(usages: readonly number[], asker: number, how: number): number {
    const all = usages.reduce((a, b) => a + b, 0);
    let best = asker;
    let most = Number.NEGATIVE_INFINITY;
    usages.forEach((usage, i) => {
      if (how === SHARE_ALL && i === asker) return;
      const credit = (this.#credits[i] as number) + usage / Math.max(1, all);
      this.#credits[i] = credit;
      if (usage > 0 && credit > most) {
        most = credit;
        best = i;
      }
    });
    this.#credits[best] = (this.#credits[best] as number) - 1;
    return best;
  }
  /** Have a member reclaim so many pages. Its share stays as it is. Returns what it has given up. */
  #giveUp(i: number, field: number, nr: number): number {
    const { vm, id } = this.members[i] as Member;
    this.#look(i);
    const share = memcg(id, field);
    const before = memcg(id, C_USAGE);
    setMemcg(id, field, Math.max(0, before - nr));
    vm.calls.enforceLimits(id);
    this.#look(i);
    setMemcg(id, field, share);
    return before - memcg(id, C_USAGE);
  }
  /** Take `give` pages of what is unused, in proportion. */
  #take(
    asker: number,
    field: number,
    shares: readonly number[],
    unused: readonly number[],
    give: number,
    sum: number,
  ): void {
    let left = give;
    unused.forEach((n, i) => {
      const part = Math.min(n, left, Math.ceil((give * n) / sum));
      if (part === 0) return;
      left -= part;
      this.#look(i);
      setMemcg((this.members[i] as Member).id, field, (shares[i] as number) - part);
    });
    this.#look(asker);
    setMemcg((this.members[asker] as Member).id, field, (shares[asker] as number) + give - left);
  }

  #look(i: number): void {
    this.members[i]?.vm.inspect();
  }
  #field(i: number, field: number): number {
    this.#look(i);
    return memcg((this.members[i] as Member).id, field);
  }
  #read(field: number): number[] {
    return this.members.map((_, i) => this.#field(i, field));
  }
}
