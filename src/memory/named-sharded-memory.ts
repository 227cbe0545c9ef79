/**
 * A memory of several shards that processes share by a name, in one that has opened it. As in a memory of one shard (named-memory.ts) all of
 * them are equal: who comes first decides where something lies, and others find it there. Each shard is in a file of its own, behind the name of the first's;
 * what takes several of them is made, and limits are divided, by one process at a time, which has the first file locked meanwhile. What one
 * who dies has begun is made whole by who asks for it next.
 */
import { randomBytes } from "node:crypto";
import type { Cache } from "../cache/cache.ts";
import type { CacheKey } from "../cache/keys.ts";
import { LieuError } from "../errors.ts";
import type { Region } from "../region/region.ts";
import type { Registry, SharedGroupEntry } from "../runtime/control.ts";
import type { FileGate } from "../runtime/file-gate.ts";
import { checkKeys, checkName } from "./arguments.ts";
import { checkLimits, type Group, type GroupOptions } from "./group.ts";
import type { Harness } from "./harness.ts";
import { type OpenedMemory, openShards } from "./named.ts";
import { checkSame, given } from "./named-memory.ts";
import { NamedShard } from "./named-shard.ts";
import type { MemoryConfig } from "./options.ts";
import type { AnyCacheOptions, MapOptions } from "./requests.ts";
import { isSpread } from "./shard-place.ts";
import { ShardedMemory } from "./sharded-memory.ts";
import { type Totals, UNLIMITED } from "./shares.ts";
import { parseSize, type Size } from "./size.ts";

/** See the file's head; made by `openMemory({ shared: "/name" })`. */
export class NamedShardedMemory extends ShardedMemory {
  readonly #gate: FileGate;

  /** @internal */
  constructor(name: string, config: MemoryConfig, harness: Harness) {
    let gate: FileGate | undefined;
    super(config, harness, (configs, _, secret) => {
      const opened = openShards(name, configs, harness);
      gate = opened.gate;
      const make = (shard: OpenedMemory, i: number): NamedShard => {
        const own = configs[i] as MemoryConfig;
        // Time passes for all of them when it does for the memory.
        return new NamedShard(own, { ...harness, crank: shard.vm.crank }, shard, secret(own.seed));
      };
      try {
        return opened.shards.map(make);
      } catch (error) {
        for (const { vm } of [...opened.shards].reverse()) vm.close();
        gate.close();
        throw error;
      }
    });
    this.#gate = gate as unknown as FileGate;
  }

  override map(size: Size, options: MapOptions = {}): Region {
    this.ensureOpen();
    checkKeys(options, ["name", "policy", "group", "folio", "locked"], "map()");
    const name = checkName(given(options, "region", "map()").name, undefined, "map()");
    const bytes = parseSize(size, "size");
    return this.#gate.hold(() => {
      const found = this.#find(({ regions }) => regions, name);
      const extent = found?.entry.spread?.extent;
      if (extent !== undefined) return this.mapAt({ extent }, name, bytes, options);
      return this.mapAt(found ?? this.placeOf(bytes, options), name, bytes, options);
    });
  }
  override cache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C> = {}): Cache<V, K, C> {
    this.ensureOpen();
    const name = checkName(given(options, "cache", "cache()").name, undefined, "cache()");
    return this.#gate.hold(() => {
      const found = this.#find(({ caches }) => caches, name);
      if (found !== undefined) {
        const { route } = found.entry;
        return this.cacheAt(route === undefined ? found : { route }, name, options);
      }
      if (isSpread(options, this.slices)) return this.cacheAt({ route: randomBytes(4).readInt32LE() }, name, options);
      return this.cacheAt({ shard: this.roomiest(options.policy).i }, name, options);
    });
  }
  /** The first of the shards that has something of that name, and what it says of it. */
  #find<T extends { readonly name: string }>(of: (registry: Registry) => readonly T[], name: string) {
    for (const [shard, named] of this.#named.entries()) {
      const entry = of(named.namesHere()).find((one) => one.name === name);
      if (entry !== undefined) return { shard, entry };
    }
    return undefined;
  }
  get #named(): readonly NamedShard[] {
    return this.shards as readonly NamedShard[];
  }

  override group(name: string, options: GroupOptions = {}): Group {
    this.ensureOpen();
    checkName(name, undefined, "group()");
    if (this.tenants.has(name)) throw new LieuError("EINVAL", `a group named ${JSON.stringify(name)} exists already`);
    checkLimits(options, `group ${JSON.stringify(name)}`);
    const { mems = this.nodeNames, ...limits } = options;
    const asked = JSON.stringify({ ...limits, mems: this.names.maskOf(mems, `mems of ${name}`) });
    return this.#gate.hold(() => {
      const totals = new SharedTotals(this.#named[0] as NamedShard, name, this.#gate);
      const { found } = totals;
      if (found !== undefined) checkSame("group", { name, asked: found.asked }, asked);
      const group = this.makeGroup(name, mems, totals);
      if (found !== undefined) {
        // Who made it may have died before all shards had their shares.
        group.shares.arrange(undefined);
        return group as unknown as Group;
      }
      totals.asked = asked;
      return group.set(limits);
    });
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#gate.close();
  }
}

/** A group's limits, in the registry of the memory's first shard. */
class SharedTotals implements Totals {
  readonly #first: NamedShard;
  readonly #name: string;
  readonly #gate: FileGate;
  /** What it is when it is made. */
  asked = "";

  constructor(first: NamedShard, name: string, gate: FileGate) {
    this.#first = first;
    this.#name = name;
    this.#gate = gate;
  }

  /** What is written there; undefined: whoever makes the group has not come so far, or died before. */
  get found() {
    return this.#first.namesHere().groups.find(({ name }) => name === this.#name)?.whole;
  }
  get all(): ReadonlyMap<number, number> {
    return new Map(this.found?.limits ?? UNLIMITED);
  }
  change(limits: ReadonlyMap<number, number>): void {
    const { found } = this;
    this.#write({
      asked: found?.asked ?? this.asked,
      limits: [...new Map([...(found?.limits ?? UNLIMITED), ...limits])],
      areDivided: false,
    });
  }
  divided(): void {
    const { found } = this;
    if (found !== undefined) this.#write({ ...found, areDivided: true });
  }
  get areDivided(): boolean {
    return this.found?.areDivided !== false;
  }
  #write(whole: NonNullable<SharedGroupEntry["whole"]>): void {
    this.#first.rename(({ groups, ...rest }) => ({
      ...rest,
      groups: groups.map((group) => (group.name === this.#name ? { ...group, whole } : group)),
    }));
  }
  alone<R>(work: () => R): R {
    return this.#gate.hold(work);
  }
  ifAlone(work: () => void): void {
    this.#gate.tryHold(work);
  }
}
