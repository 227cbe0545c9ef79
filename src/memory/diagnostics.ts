/**
 * What a memory publishes on `node:diagnostics_channel`:
 *
 *   lieu:load     loads of a cache's fetchMethod   { memory, cache, loads, errors, joined }
 *   lieu:evict    entries that a cache gave up     { memory, cache, evicted, expired, lost }
 *   lieu:demote   pages that went down from a node { memory, node, pages }
 *   lieu:error    a load or a swap device failed   { memory, cache, key, error, count } or { memory, device, error }
 *
 * A message says what has come to pass since the last one of its kind, and there is none where nothing has. They are made of
 * the counters that there are anyway, when time passes (`memory.tick()`, ten times a second) and when the memory is closed:
 * no operation knows of them, and while nobody listens a tick asks four times whether somebody does. Who begins to listen
 * hears of what comes after the next tick.
 */
import { type Channel, channel } from "node:diagnostics_channel";
import type { EntryOptions } from "../cache/options.ts";
import type { CacheStats } from "../cache/types.ts";
import { VM_EVENTS } from "../mm/vmstat-names.ts";
import type { Vm } from "../runtime/vm.ts";
import { addVmstat, nodeVmstat } from "./vmstat.ts";

const LOAD = channel("lieu:load");
const EVICT = channel("lieu:evict");
const DEMOTE = channel("lieu:demote");
const ERROR = channel("lieu:error");
const DEMOTIONS = VM_EVENTS.map(([name]) => name).filter((name) => name.startsWith("pgdemote_"));

/** A cache, as it is looked at here. */
export interface Counted {
  readonly name: string;
  stats(): CacheStats;
}
interface Failure {
  readonly cache: string;
  readonly key: unknown;
  readonly error: unknown;
  readonly count: number;
}

/** See the file's head. */
export class Diagnostics {
  readonly #memory: object;
  /** One a shard. */
  readonly #vms: readonly Vm[];
  readonly #nodes: readonly { readonly name: string; readonly nid: number }[];
  readonly #devices: readonly string[];
  readonly #loads = new Deltas();
  readonly #evictions = new Deltas();
  readonly #demotions = new Deltas();
  #failures = new Map<string, Failure>();
  /** The devices' last errors when they were last looked at; undefined: nobody wanted to know. */
  #deviceErrors: readonly unknown[] | undefined;

  constructor(memory: object, vms: readonly Vm[], nodes: readonly string[], devices: readonly string[]) {
    this.#memory = memory;
    this.#vms = vms;
    this.#nodes = nodes.map((name, nid) => ({ name, nid }));
    this.#devices = devices;
  }

  /** A cache's options, such that its failed loads are heard of here too. */
  hearing<V, K, C>(options: EntryOptions<V, K, C>, cache: string): EntryOptions<V, K, C> {
    const { fetchMethod, onFetchError } = options;
    // What is no function is not for us to find.
    if (fetchMethod === undefined || (onFetchError !== undefined && typeof onFetchError !== "function")) return options;
    return {
      ...options,
      onFetchError: (error, key, retryIn) => {
        this.#failed(cache, key, error);
        onFetchError?.(error, key, retryIn);
      },
    };
  }
  /** A load has failed; its error is published with the next messages. */
  #failed(cache: string, key: unknown, error: unknown): void {
    if (!ERROR.hasSubscribers) return;
    const count = (this.#failures.get(cache)?.count ?? 0) + 1;
    this.#failures.set(cache, { cache, key, error, count });
  }

  /** Time has passed. */
  publish(caches: Iterable<Counted>): void {
    if (LOAD.hasSubscribers) {
      this.#each(LOAD, this.#loads, caches, "cache", (cache) => {
        const { loads, loadErrors: errors, joined } = cache.stats();
        return { loads, errors, joined };
      });
    } else this.#loads.forget();
    if (EVICT.hasSubscribers) {
      this.#each(EVICT, this.#evictions, caches, "cache", (cache) => {
        const { evicted, expired, lost } = cache.stats();
        return { evicted, expired, lost };
      });
    } else this.#evictions.forget();
    if (DEMOTE.hasSubscribers) {
      this.#each(DEMOTE, this.#demotions, this.#nodes, "node", ({ nid }) => {
        const vmstat = addVmstat(this.#vms.map((vm) => nodeVmstat(vm, nid)));
        return { pages: DEMOTIONS.reduce((n, event) => n + vmstat[event], 0) };
      });
    } else this.#demotions.forget();
    if (ERROR.hasSubscribers) this.#errors();
    else this.#deviceErrors = undefined;
  }

  #each<T extends { readonly name: string }>(
    to: Channel,
    deltas: Deltas,
    things: Iterable<T>,
    kind: string,
    count: (thing: T) => Record<string, number>,
  ): void {
    deltas.begin();
    for (const thing of things) {
      const news = deltas.of(thing, count(thing));
      if (news !== undefined) to.publish({ memory: this.#memory, [kind]: thing.name, ...news });
    }
  }
  #errors(): void {
    const failures = this.#failures;
    this.#failures = new Map();
    for (const failure of failures.values()) ERROR.publish({ memory: this.#memory, ...failure });
    const before = this.#deviceErrors;
    this.#deviceErrors = this.#vms.flatMap((vm) => vm.deviceErrors);
    this.#deviceErrors.forEach((error, dev) => {
      if (before === undefined || error === undefined || error === before[dev]) return;
      ERROR.publish({ memory: this.#memory, device: this.#devices[dev % this.#devices.length], error });
    });
  }
}

/** What was added to counters since they were last looked at. */
class Deltas {
  #known = new WeakMap<object, Record<string, number>>();
  /** Looks so far, since somebody listens. */
  #looks = 0;

  /** Nobody listens: what is counted until somebody does is none of theirs. */
  forget(): void {
    if (this.#looks === 0) return;
    this.#looks = 0;
    this.#known = new WeakMap();
  }
  begin(): void {
    this.#looks++;
  }
  /** What was added to the counters of `thing`; undefined if nothing was, or if this is the first look. */
  of(thing: object, now: Record<string, number>): Record<string, number> | undefined {
    const before = this.#known.get(thing);
    this.#known.set(thing, now);
    if (this.#looks === 1) return undefined;
    const news: Record<string, number> = {};
    for (const [name, value] of Object.entries(now)) {
      // What is new since the last look began from nothing; so do counters that were cleared.
      const was = before?.[name] ?? 0;
      news[name] = value < was ? value : value - was;
    }
    return Object.values(news).some((n) => n > 0) ? news : undefined;
  }
}
