/**
 * A memory under test beside its naive model: what every region, cache, group and pin must hold. An operation
 * (region-ops.ts, cache-ops.ts, memory-ops.ts) does the same to both and compares.
 *
 * The model is plain arrays and maps; it knows nothing of nodes, lists or swap. What it knows of errors: which of them
 * an operation may end with, and that an operation that failed has changed nothing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Cache,
  type CacheKey,
  type Group,
  isLieuError,
  type LieuError,
  type LieuErrorCode,
  type Memory,
  type MemoryOptions,
  openMemorySync,
  type Pin,
  type Region,
  type SimCrank,
  simCrank,
} from "../../src/index.ts";
import { type Config, FAULTS } from "./configs.ts";
import { type Source, seeded } from "./source.ts";
import { memoryDevice, StrictDevice } from "./strict-device.ts";

export const PAGE = 4096;

export interface RegionModel {
  readonly region: Region;
  readonly bytes: Uint8Array;
  readonly group: GroupModel | undefined;
  /** Nodes that a bind policy allows, a bit each; 0 without one. */
  bind: number;
}
export interface PinModel {
  readonly pin: Pin;
  readonly of: RegionModel;
  readonly offset: number;
  readonly write: boolean;
  /** What a pin that is a copy must hold; undefined for one that is the memory itself. */
  readonly copy: Uint8Array | undefined;
}
export interface CacheModel {
  readonly cache: Cache<Uint8Array, CacheKey>;
  readonly entries: Map<CacheKey, Uint8Array>;
  readonly group: GroupModel | undefined;
  readonly bind: number;
  /** Bytes that it holds when it is empty. */
  readonly index: number;
  gets: number;
  sets: number;
  deletes: number;
  /** Entries found to be gone that nobody deleted. */
  lost: number;
}
export interface GroupModel {
  readonly group: Group;
  mems: number;
  readonly limits: Record<"min" | "low" | "high" | "max", number>;
  /** Usage when last looked at. */
  usage: number;
}

export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: LieuError; readonly value?: undefined };

/** What the two disagree about. */
export class Disagreement extends Error {}

export function agree(condition: boolean, say: () => string): asserts condition {
  if (!condition) throw new Disagreement(say());
}

/** See the file's head. */
export class World {
  readonly config: Config;
  readonly memory: Memory;
  readonly crank: SimCrank = simCrank();
  readonly devices: StrictDevice[] = [];
  readonly regions: RegionModel[] = [];
  readonly caches: CacheModel[] = [];
  readonly groups: GroupModel[] = [];
  readonly pins: PinModel[] = [];
  /** Regions and caches that were given back. */
  readonly gone: (Region | Cache<Uint8Array, CacheKey>)[] = [];
  /** Pages of all nodes and swap devices. */
  readonly capacity: number;
  readonly nodeCount: number;
  source: Source;
  /** What the results so far come to, to compare two runs. */
  digest = 0;
  serial = 0;
  readonly #log: string[] = [];
  #says = 0;
  readonly #pool = new Uint8Array(1 << 18);
  readonly #folder: string | undefined;

  constructor(config: Config, seed: number, source: Source, change: Partial<MemoryOptions> = {}) {
    this.config = config;
    this.source = source;
    const bytes = seeded(seed ^ 0x5bd1e995);
    const words = new Uint32Array(this.#pool.buffer);
    for (let i = 0; i < words.length; i++) words[i] = bytes.below(0x100000000);
    this.#folder = config.swap.length === 0 ? undefined : mkdtempSync(join(tmpdir(), "lieu-property-"));
    const swap = config.swap.map(({ pages, priority }, i) => {
      const path = join(this.#folder as string, `swap${i}`);
      return { kind: "file" as const, path, size: pages * PAGE, ...(priority === undefined ? {} : { priority }) };
    });
    let opened = 0;
    const options: MemoryOptions = { pretouch: false, ...config.options, swap, seed, ...change };
    this.memory = openMemorySync(options, {
      crank: this.crank,
      wrapDevice: (device) => {
        const at = opened++;
        if (config.swap[at]?.file !== true) device.close();
        const inner = config.swap[at]?.file === true ? device : memoryDevice(device.slots);
        const strict = new StrictDevice(inner, { ...FAULTS, enabled: false, seed: (seed % 1e6) + at });
        this.devices.push(strict);
        return strict;
      },
    });
    const nodes = this.memory.nodes();
    this.nodeCount = nodes.length;
    this.capacity = nodes.reduce((n, node) => n + node.size / PAGE, 0) + config.swap.reduce((n, s) => n + s.pages, 0);
  }

  get lieu(): boolean {
    return (this.config.options.preset ?? "lieu") === "lieu";
  }
  get badReads(): number {
    return this.devices.reduce((n, d) => n + d.badReads, 0);
  }
  /** Whether memory may run out; where it may not, ENOMEM is a bug. */
  get tight(): boolean {
    return this.config.features.fill >= 1;
  }

  /** A whole number from 0 to `n` - 1. */
  below(n: number): number {
    return this.source.below(n);
  }
  /** `length` bytes that are likely not to be like others. */
  data(length: number): Uint8Array {
    const at = this.source.below(this.#pool.length - length);
    return this.#pool.subarray(at, at + length);
  }

  /** Say what is about to be done. The last of these are shown when something fails. */
  say(what: string): void {
    this.#log[this.#says++ % 20] = what;
  }
  get lastSaid(): string[] {
    const from = Math.max(0, this.#says - 20);
    return Array.from({ length: this.#says - from }, (_, i) => this.#log[(from + i) % 20] as string);
  }

  /** Add to the digest. */
  note(result: number): void {
    this.digest = Math.imul(this.digest ^ result, 0x01000193) | 0;
  }

  /** Do `action`, which may end with one of the errors `allowed`, as far as what we know of the world allows them. */
  attempt<T>(allowed: readonly LieuErrorCode[], action: () => T): Outcome<T> {
    const bad = this.badReads;
    try {
      const value = action();
      this.note(1);
      return { value };
    } catch (error) {
      if (!isLieuError(error) || !allowed.includes(error.code)) throw error;
      agree(error.code !== "EIO" || this.badReads > bad, () => `EIO, but no read was bad: ${error.message}`);
      const runOut = error.code === "ENOMEM" && !error.message.includes("address space");
      agree(this.tight || !runOut, () => `ENOMEM, though there is room: ${error.message}`);
      for (let i = 0; i < error.code.length; i++) this.note(error.code.charCodeAt(i));
      return { error };
    }
  }

  /** The walk over all of the engine's structures, and what can be said of the whole from outside. */
  check(): void {
    this.memory.check();
    for (const device of this.devices) {
      agree(device.violations.length === 0, () => device.violations.join("; "));
    }
    const inSwap = this.devices.reduce((n, d) => n + d.kept, 0);
    const vmstat = this.memory.vmstat();
    const onDevices = vmstat.nr_swapped - vmstat.nr_zswapped;
    agree(onDevices === inSwap, () => `${onDevices} pages on devices, which keep ${inSwap}`);
    agree(!this.lieu || vmstat.policy_violations === 0, () => `${vmstat.policy_violations} policy violations`);
    agree(vmstat.pgpromote_success <= vmstat.pgmigrate_success, () => "more promotions than migrations");
    let free = 0;
    for (const node of this.memory.nodes()) {
      free += node.free / PAGE;
      agree(node.free + node.residentPages * PAGE === node.size, () => `node ${node.name} does not add up`);
    }
    agree(free === vmstat.nr_free_pages, () => `${vmstat.nr_free_pages} pages free, nodes have ${free}`);
    for (const pin of this.pins) checkPin(pin);
    for (const model of this.groups) checkGroup(model);
    for (const model of this.caches) checkCache(model);
  }

  /** Give everything back and check that nothing is left anywhere. */
  finish(): void {
    for (const device of this.devices) device.faulty = false;
    for (const { pin } of this.pins.splice(0)) pin.release();
    for (const { region } of this.regions.splice(0)) region.unmap();
    for (const { cache } of this.caches.splice(0)) cache.close();
    for (const { group } of this.groups.splice(0)) group.remove();
    this.check();
    for (const node of this.memory.nodes()) {
      agree(node.free === node.size, () => `node ${node.name} has ${node.residentPages} pages in use at the end`);
    }
    const inSwap = this.devices.reduce((n, d) => n + d.kept, 0);
    agree(inSwap === 0, () => `devices keep ${inSwap} pages at the end`);
    this.memory[Symbol.dispose]();
  }

  /** Remove what is on disk, however the run ended. */
  cleanUp(): void {
    for (const device of this.devices) device.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Compare bytes that were read with what the model has from `offset` on. */
export function agreeOnBytes(actual: Uint8Array, expected: Uint8Array, offset: number, what: string): void {
  const from = expected.subarray(offset, offset + actual.length);
  if (Buffer.compare(actual, from) === 0) return;
  const at = actual.findIndex((byte, i) => byte !== from[i]);
  throw new Disagreement(`${what}: byte ${offset + at} is ${actual[at]}, should be ${from[at]}`);
}

export function checkPin({ pin, of, offset, copy }: PinModel): void {
  agreeOnBytes(pin.bytes, copy ?? of.bytes, copy === undefined ? offset : 0, `pin of ${of.region.name}`);
  let at = offset;
  for (const chunk of pin.chunks) {
    agreeOnBytes(chunk, of.bytes, at, `chunk of a pin of ${of.region.name}`);
    at += chunk.length;
  }
}

function checkGroup(model: GroupModel): void {
  const { group, limits } = model;
  const usage = group.usage;
  const { max } = limits;
  agree(
    usage <= Math.max(max, model.usage),
    () => `group ${group.name} grew to ${usage} bytes, over its max of ${max}`,
  );
  model.usage = usage;
  const now = group.limits;
  for (const limit of ["min", "low", "high", "max"] as const) {
    agree(
      now[limit] === limits[limit],
      () => `group ${group.name}: ${limit} is ${now[limit]}, set to ${limits[limit]}`,
    );
  }
}

function checkCache(model: CacheModel): void {
  const { cache, entries } = model;
  const stats = cache.stats();
  agree(stats.hits + stats.misses === model.gets, () => `${cache.name}: hits and misses are not ${model.gets}`);
  agree(stats.sets === model.sets, () => `${cache.name}: ${stats.sets} sets counted of ${model.sets}`);
  agree(stats.deleted === model.deletes, () => `${cache.name}: ${stats.deleted} deleted of ${model.deletes}`);
  const held = cache.calculatedSize;
  agree(held <= cache.maxSize, () => `${cache.name} holds ${held} bytes of ${cache.maxSize}`);
  const tiers = Object.values(stats.hitsByTier).reduce((n, hits) => n + hits, 0);
  agree(tiers === stats.hits, () => `${cache.name}: ${stats.hits} hits, ${tiers} by tier`);
  let bytes = 0;
  let size = 0;
  for (const key of cache.keys()) {
    const value = entries.get(key);
    agree(value !== undefined, () => `${cache.name} has the key ${JSON.stringify(key)}, which it should not`);
    bytes += value.length;
    size++;
  }
  // Reading keys back from swap may push out entries that were read before.
  const meanwhile = cache.stats().lost + cache.stats().evicted - stats.lost - stats.evicted;
  const counted = cache.size <= size && size <= cache.size + meanwhile;
  agree(counted, () => `${cache.name} has ${size} keys, says ${cache.size}, lost ${meanwhile} meanwhile`);
  agree(bytes <= held, () => `${cache.name} has values of ${bytes} bytes, holds ${held}`);
  const missing = model.lost + entries.size - size;
  // What was found lost just now is counted, too.
  const { evicted, lost, rejected } = cache.stats();
  const known = evicted + lost + rejected;
  agree(missing <= known, () => `${cache.name} lost ${missing} entries; evicted, lost and rejected: ${known}`);
}
