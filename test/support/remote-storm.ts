/**
 * Random operations on memories whose swap is a server in trouble: killed and started anew, hung, full under one policy after another, emptied,
 * with values changed, and with connections cut in the middle of a batch. What a cache gives must be right or a miss; what a region gives
 * must be right, and where the server has the only copy (`sole`), right or an EIO.
 */
import { Worker } from "node:worker_threads";
import { type Cache, isLieuError, type Memory, openMemorySync, type Region } from "../../src/index.ts";
import { pick, runSeed, seeded } from "../property/source.ts";
import { pageOf } from "./pages.ts";
import { type Server, startProxy, startRedis, type TcpProxy } from "./redis.ts";

const PAGE = 4096;
const KEYS = 3000;
const PAGES = 1200;
/** Operations between two faults. */
const SLICE = 1000;
const POLICIES = ["noeviction", "allkeys-lru", "allkeys-random", "volatile-lru", "volatile-ttl", "volatile-lfu"];

export interface StormResult {
  readonly seed: number;
  readonly hits: number;
  readonly misses: number;
  /** Reads and writes of `sole` pages that failed. */
  readonly failed: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The longest operation, ms, without what is in `paused`. */
  readonly longest: number;
  /** Of operations over half a second, those in most of which no thread of this process ran: it was stopped, or the machine was busy. */
  readonly paused: number;
}

/** @throws Error for a wrong byte, a region's page that is lost, or a broken invariant; it names the seed */
export async function storm(ops: number, swapFile: string): Promise<StormResult> {
  const seed = runSeed();
  const server = await startRedis({ maxmemory: "64mb" });
  const proxy = await startProxy(server.port);
  const nodes = { dram: { kind: "dram", size: "2MiB" } } as const;
  const remote = { kind: "remote", url: proxy.url, size: "16MiB" } as const;
  const shared = openMemorySync({
    nodes,
    pretouch: false,
    swap: [
      { ...remote, priority: 5 },
      { kind: "file", path: swapFile, size: "16MiB" },
    ],
  });
  const sole = openMemorySync({ nodes, pretouch: false, swap: [{ ...remote, sole: true }] });
  try {
    return await new Storm(seed, server, proxy, shared, sole).run(ops);
  } catch (error) {
    throw new Error(`LIEU_SEED=${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    shared[Symbol.dispose]();
    sole[Symbol.dispose]();
    await proxy.stop();
    server.kill();
  }
}

/** A thread that does nothing but look at the clock, a hundred times a second: what it misses, nobody of this process could have done. */
class Pulse {
  /** The longest gap since it was reset, and the last beat, ms. */
  readonly #words = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor() {
    const text = `const { workerData: w } = require("node:worker_threads");
      const since = performance.now();
      Atomics.store(w, 1, 0);
      setInterval(() => {
        const now = Math.floor(performance.now() - since);
        const gap = now - Atomics.load(w, 1);
        if (gap > Atomics.load(w, 0)) Atomics.store(w, 0, gap);
        Atomics.store(w, 1, now);
      }, 10);`;
    this.#worker = new Worker(text, { eval: true, workerData: this.#words });
    this.#worker.unref();
  }
  reset(): void {
    Atomics.store(this.#words, 0, 0);
  }
  /** Asked by whoever has just gone on: the thread is given the time to do so, too. */
  longestGap(): number {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    return Atomics.load(this.#words, 0);
  }
  stop(): Promise<number> {
    return this.#worker.terminate();
  }
}

class Storm {
  readonly #seed: number;
  readonly #random: ReturnType<typeof seeded>;
  readonly #server: Server;
  readonly #proxy: TcpProxy;
  readonly #memories: readonly [Memory, Memory];
  readonly #cache: Cache<Uint8Array, number>;
  readonly #safe: Region;
  readonly #sole: Region;
  readonly #versions = {
    cache: new Int32Array(KEYS).fill(-1),
    safe: new Int32Array(PAGES),
    sole: new Int32Array(PAGES),
  };
  readonly #counts = { hits: 0, misses: 0, failed: 0, longest: 0, paused: 0 };
  readonly #pulse = new Pulse();
  readonly #faults: Record<string, number> = {};
  #version = 0;

  constructor(seed: number, server: Server, proxy: TcpProxy, shared: Memory, sole: Memory) {
    this.#seed = seed;
    this.#random = seeded(seed);
    this.#server = server;
    this.#proxy = proxy;
    this.#memories = [shared, sole];
    this.#cache = shared.cache<Uint8Array, number>({ codec: "bytes", heap: 0 });
    this.#safe = shared.map(PAGES * PAGE);
    this.#sole = sole.map(PAGES * PAGE);
  }

  async run(ops: number): Promise<StormResult> {
    for (let done = 0; done < ops; done += SLICE) {
      for (let i = 0; i < SLICE; i++) this.#operation();
      for (const memory of this.#memories) memory.check();
      await this.#fault();
      await new Promise((later) => setTimeout(later, this.#random.below(60)));
    }
    await this.#pulse.stop();
    return { seed: this.#seed, ...this.#counts, faults: this.#faults };
  }

  #operation(): void {
    this.#pulse.reset();
    const start = performance.now();
    const kind = this.#random.below(10);
    if (kind < 5) this.#onCache();
    else if (kind < 8) this.#onRegion(this.#safe, this.#versions.safe, false);
    else this.#onRegion(this.#sole, this.#versions.sole, true);
    const took = performance.now() - start;
    if (took <= this.#counts.longest) return;
    // Whoever waits for a server leaves the processor to the thread that beats.
    if (took > 500 && this.#pulse.longestGap() > took / 2) this.#counts.paused++;
    else this.#counts.longest = took;
  }

  #onCache(): void {
    const key = Math.min(this.#random.below(KEYS), this.#random.below(KEYS));
    const versions = this.#versions.cache;
    if (this.#random.below(3) === 0) {
      versions[key] = ++this.#version;
      this.#cache.set(key, pageOf(key, this.#version));
      return;
    }
    const value = this.#cache.get(key);
    if (value === undefined) this.#counts.misses++;
    else {
      this.#counts.hits++;
      if (Buffer.compare(value, pageOf(key, versions[key] as number)) !== 0) throw new Error(`key ${key} is wrong`);
    }
  }

  #onRegion(region: Region, versions: Int32Array, mayFail: boolean): void {
    const page = this.#random.below(PAGES);
    try {
      if (this.#random.below(2) === 0) {
        region.write(page * PAGE, pageOf(page, ++this.#version));
        versions[page] = this.#version;
      } else {
        const expected = versions[page] === 0 ? Buffer.alloc(PAGE) : pageOf(page, versions[page] as number);
        if (Buffer.compare(region.read(page * PAGE, PAGE), expected) !== 0) throw new Error(`page ${page} is wrong`);
      }
    } catch (error) {
      // No room either: a server that takes nothing leaves a region what fits the nodes.
      if (!mayFail || !(isLieuError(error, "EIO") || isLieuError(error, "ENOMEM"))) throw error;
      this.#counts.failed++;
    }
  }

  async #fault(): Promise<void> {
    const faults: Record<string, () => unknown> = {
      none: () => undefined,
      cut: () => this.#proxy.cutAfter(this.#random.below(200_000)),
      kill: async () => {
        this.#server.kill();
        for (let i = 0; i < SLICE; i++) this.#operation();
        await this.#server.restart();
      },
      hang: async () => {
        this.#server.kill("SIGSTOP");
        for (let i = 0; i < SLICE; i++) this.#operation();
        this.#server.kill("SIGCONT");
      },
      policy: () => this.#server.command("CONFIG", "SET", "maxmemory-policy", pick(this.#random, POLICIES)),
      limit: () => this.#server.command("CONFIG", "SET", "maxmemory", `${2 + this.#random.below(12)}mb`),
      corrupt: async () => {
        for (const key of ((await this.#server.command("KEYS", "*")) as string[]).slice(0, 5)) {
          const fields = (await this.#server.command("HKEYS", key)) as string[];
          // A full server takes no other value either.
          const changed =
            fields[0] === undefined ? undefined : this.#server.command("HSET", key, fields[0], "x".repeat(PAGE));
          await changed?.catch(() => undefined);
        }
      },
      empty: () => this.#server.command("FLUSHALL"),
    };
    const name = pick(this.#random, ["none", "none", ...Object.keys(faults)]);
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
    await faults[name]?.();
  }
}
