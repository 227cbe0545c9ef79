/**
 * What a cache holds on the JavaScript heap, under every way in which an entry can change. Beside a Map of what was set: a value
 * that comes out is the last one, alive and valid. Beside the store itself, which has() asks: whenever a get gives something, the
 * store would give it, too, unless that very call has dropped it. LIEU_SEED runs one seed again.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Cache, type CacheKey, type Memory, openMemorySync, type SimCrank, simCrank } from "../../src/index.ts";
import { FAULTS } from "../property/configs.ts";
import { oneIn, pick, runSeed, type Source, seeded } from "../property/source.ts";
import { memoryDevice, StrictDevice } from "../property/strict-device.ts";
import { idOf } from "./data.ts";

const seed = runSeed();
console.info(`the front, random operations: LIEU_SEED=${seed}`);

const folder = mkdtempSync(join(tmpdir(), "lieu-front-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Value {
  n: number;
  text: string;
}
interface Known {
  readonly value: Value;
  ttl: number;
  start: number;
  readonly tags: readonly string[];
}
interface Way {
  readonly name: string;
  readonly heap: number | { readonly entries: number };
  readonly maxSize: number;
  readonly keys: number;
  readonly longest: number;
  readonly ttl?: number;
  readonly swap?: boolean;
  readonly faults?: boolean;
  readonly pressure?: boolean;
  readonly dispose?: boolean;
  readonly updateAgeOnGet?: boolean;
  readonly engine?: "js";
}

const KIB = 1024;
const WAYS: readonly Way[] = [
  { name: "all fits", heap: 20_000, maxSize: 900 * KIB, keys: 60, longest: 300 },
  { name: "few entries", heap: { entries: 3 }, maxSize: 900 * KIB, keys: 20, longest: 300 },
  { name: "one entry", heap: { entries: 1 }, maxSize: 900 * KIB, keys: 4, longest: 30 },
  { name: "eviction", heap: 30_000, maxSize: 160 * KIB, keys: 600, longest: 900 },
  { name: "eviction, dispose", heap: 8000, maxSize: 160 * KIB, keys: 400, longest: 900, dispose: true },
  { name: "times to live", heap: 30_000, maxSize: 200 * KIB, keys: 60, longest: 300, ttl: 3000 },
  { name: "renewed", heap: 30_000, maxSize: 200 * KIB, keys: 60, longest: 300, ttl: 3000, updateAgeOnGet: true },
  { name: "large values", heap: 400_000, maxSize: 900 * KIB, keys: 40, longest: 20_000 },
  { name: "pages lost", heap: 60_000, maxSize: 1500 * KIB, keys: 300, longest: 6000, pressure: true },
  { name: "swap that fails", heap: 60_000, maxSize: 1500 * KIB, keys: 300, longest: 6000, swap: true, faults: true },
  { name: "the JavaScript twin", heap: 20_000, maxSize: 100 * KIB, keys: 60, longest: 300, engine: "js" },
];
const OPS = Number(process.env.LIEU_CACHE_OPS ?? 2000);

class Run {
  readonly known = new Map<string, Known>();
  readonly crank: SimCrank = simCrank();
  readonly memory: Memory;
  readonly cache: Cache<Value, CacheKey>;
  readonly devices: StrictDevice[] = [];
  readonly regions: { unmap(): void }[] = [];
  loaded = 0;
  count = 0;
  readonly way: Way;
  readonly r: Source;

  constructor(way: Way, r: Source) {
    this.way = way;
    this.r = r;
    this.memory = openMemorySync(
      {
        nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "512KiB", tier: 1 } },
        ...(way.swap && { swap: [{ kind: "file" as const, path: join(folder, way.name), size: "1MiB" }] }),
        ...(way.engine && { engine: way.engine }),
        pretouch: false,
        addressSpace: "64MiB",
      },
      {
        crank: this.crank,
        wrapDevice: (device) => {
          device.close();
          const strict = new StrictDevice(memoryDevice(device.slots), { ...FAULTS, enabled: false, seed: seed % 1e6 });
          this.devices.push(strict);
          return strict;
        },
      },
    );
    this.cache = this.memory.cache<Value, CacheKey>({
      heap: way.heap,
      maxSize: way.maxSize,
      ttl: way.ttl ?? 0,
      updateAgeOnGet: way.updateAgeOnGet === true,
      fetchMethod: (_, __, { options }) => {
        this.loaded++;
        options.tags = [];
        return this.make();
      },
      memoMethod: () => this.make(),
      ...(way.dispose && { dispose: () => undefined }),
    });
  }
  key(): CacheKey {
    const { r, way } = this;
    // Some keys are hot.
    const k = r.below(oneIn(r, 3) ? way.keys : Math.max(2, way.keys >>> 5));
    return k % 5 === 0 ? k : k % 5 === 1 ? Buffer.from(`${k}`) : `${k}`;
  }
  make(): Value {
    return { n: this.count++, text: "x".repeat(this.r.below(this.way.longest)) };
  }
  learn(key: CacheKey, value: Value, ttl = this.way.ttl ?? 0, tags: readonly string[] = []): void {
    this.known.set(idOf(key), { value, ttl, start: this.crank.now(), tags });
  }
  gone(): number {
    const { evicted, lost, expired } = this.cache.stats();
    return evicted + lost + expired;
  }
  /** `value` came out for `key`. */
  agree(what: string, key: CacheKey, value: Value | undefined): void {
    if (value === undefined) return;
    const known = this.known.get(idOf(key));
    expect(known, `${what} ${String(key)} gave a value, though it is gone`).toBeDefined();
    if (known === undefined) return;
    expect(value, `${what} ${String(key)}`).toEqual(known.value);
    const alive = known.ttl === 0 || known.start + known.ttl > this.crank.now();
    expect(alive, `${what} ${String(key)} gave an expired value`).toBe(true);
  }
  /** Get by any of the ways that may be answered from the heap, and ask the store. */
  async get(): Promise<void> {
    const { cache, r } = this;
    const key = this.key();
    const gone = this.gone();
    const how = r.below(10);
    const loaded = this.loaded;
    let value: Value | undefined;
    if (how === 0) value = cache.peek(key);
    else if (how === 1) value = cache.getMany([key])[0];
    else if (how === 2) value = cache.get(key, { updateAgeOnGet: true });
    else if (how === 3) value = cache.get(key, { copy: true });
    else if (how === 4) {
      const before = cache.stats().sets;
      value = cache.memo(key);
      if (cache.stats().sets !== before) this.learn(key, value);
    } else if (how === 5) {
      value = await cache.fetch(key);
      if (this.loaded !== loaded && value !== undefined) this.learn(key, value);
    } else value = cache.get(key);
    this.agree(`get by way ${how}`, key, value);
    const known = this.known.get(idOf(key));
    if (value !== undefined && known !== undefined && how !== 0 && (how === 2 || this.way.updateAgeOnGet === true))
      known.start = this.crank.now();
    const there = cache.has(key);
    if (value !== undefined && this.gone() === gone && cache.stats().rejected === 0) {
      expect(there, `way ${how} gave ${String(key)}, which the store has not`).toBe(true);
    }
    if (!there) this.known.delete(idOf(key));
    if (!there && oneIn(r, 2)) {
      const made = this.make();
      cache.set(key, made);
      this.learn(key, made);
    }
    // A copy is the caller's to change, and no other get's.
    if (how === 3 && value !== undefined) value.n = -1;
  }
  async step(): Promise<void> {
    const { cache, r, way, known } = this;
    const what = r.below(100);
    if (what < 60) return this.get();
    const key = this.key();
    if (what < 74) {
      const value = this.make();
      const tags = oneIn(r, 4) ? [`t${r.below(4)}`] : [];
      const ttl = oneIn(r, 4) ? 500 + r.below(5000) : undefined;
      cache.set(key, value, { tags, ...(ttl !== undefined && { ttl }) });
      this.learn(key, structuredClone(value), ttl, tags);
      // What was set is the caller's.
      value.n = -2;
    } else if (what < 79) {
      cache.delete(key);
      known.delete(idOf(key));
    } else if (what < 81) {
      const tag = `t${r.below(4)}`;
      cache.invalidateTag(tag);
      for (const [id, { tags }] of known) if (tags.includes(tag)) known.delete(id);
    } else if (what < 86) this.crank.advance(pick(r, [1, 300, 1000, 4000]));
    else if (what < 90) this.memory.tick();
    else if (what < 91) {
      if (!oneIn(r, 6)) return;
      if (oneIn(r, 2)) cache.clear();
      else cache.load([]);
      known.clear();
    } else if (what < 93) cache.purgeStale();
    else if (what < 95) {
      const dead = cache.pop();
      for (const [id, k] of known) if (k.value.n === dead?.n) known.delete(id);
    } else if (what < 97) this.memory.reclaim(4096 * (1 + r.below(6)), { mode: pick(r, ["any", "evict"] as const) });
    else if (way.faults) for (const device of this.devices) device.faulty = !device.faulty && oneIn(r, 2);
    else if (way.pressure) this.press();
  }
  press(): void {
    if (this.regions.length > 0 && oneIn(this.r, 2)) {
      this.regions.pop()?.unmap();
      return;
    }
    const pages = 20 + this.r.below(100);
    const region = this.memory.map(pages * 4096);
    this.regions.push(region);
    try {
      for (let i = 0; i < pages; i++) region.write(i * 4096, new Uint8Array(4096).fill(i));
    } catch {
      // There is no room: what was tried has cost pages all the same.
    }
  }
}

describe(`the front, seed ${seed}`, () => {
  test.each(WAYS.map((way, i) => [way.name, way, i] as const))("%s", { timeout: 60_000 }, async (_, way, i) => {
    const run = new Run(way, seeded(seed + i));
    let held = 0;
    const ops = way.engine === "js" ? OPS >>> 2 : OPS;
    for (let op = 0; op < ops; op++) {
      try {
        await run.step();
      } catch (error) {
        throw new Error(`operation ${op}; again with LIEU_SEED=${seed}: ${(error as Error).message}`, { cause: error });
      }
      const stats = run.cache.stats();
      held = Math.max(held, stats.hitsByTier.heap as number);
      if (op % 200 === 0) {
        const sum = Object.values(stats.hitsByTier).reduce((a, b) => a + b, 0);
        expect(sum).toBe(stats.hits);
        run.memory.check();
      }
    }
    // It is the front that was tried.
    const calm = way.updateAgeOnGet !== true && way.pressure !== true && way.faults !== true;
    if (calm) expect(held).toBeGreaterThan(ops / 200);
    run.memory.check();
    run.cache.close();
    expect(() => run.cache.get("1")).toThrow(/closed/);
    run.memory[Symbol.dispose]();
  });
});
