/**
 * The demo's second question: what the same memory holds if its cold pages are compressed. The trace's keys are asked of a
 * cache of records, about 1 KB of JSON each as services keep them, in the same bytes of memory twice: all of them DRAM and
 * nothing below; and a part of them DRAM, the rest a pool of compressed pages, with a swap file below.
 */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MemoryOptions } from "../memory/memory-options.ts";
import { openMemory } from "../memory/open.ts";
import type { Trace } from "../trace/trace.ts";

const KIB = 1024;
/** What both have; the pool's own tables come on top, as DRAM's do. */
export const RECORDS_MEMORY = 3 * 1024 * KIB;
const DRAM = 1024 * KIB;
const SWAP_FILE = 16 * 1024 * KIB;
/** Requests between two turns of the event loop. */
const SLICE = 20_000;

/** What became of the records in one memory. */
export interface RecordsResult {
  readonly requests: number;
  readonly misses: number;
  readonly hitsByTier: Readonly<Record<string, number>>;
  /** Records that were there at the end. */
  readonly held: number;
  /** Pages in the pool at the end, and the pages that they take there. */
  readonly zswapped: number;
  readonly zspages: number;
  readonly wrong: number;
  readonly seconds: number;
}

/** Both memories' results. */
export interface Records {
  readonly discard: RecordsResult;
  readonly zswap: RecordsResult;
}

export async function runRecords(trace: Trace, signal?: AbortSignal): Promise<Records> {
  const origin = Array.from({ length: trace.keys }, (_, key) => recordOf(key));
  const path = join(tmpdir(), `lieu-${process.pid}-${randomUUID()}.swap`);
  const dram = (size: number) => ({ nodes: { dram: { kind: "dram", size } } }) as const;
  const discard = await run(trace, origin, dram(RECORDS_MEMORY), signal);
  const tiers: MemoryOptions = {
    ...dram(DRAM),
    zswap: { size: RECORDS_MEMORY - DRAM },
    swap: [{ kind: "file", path, size: SWAP_FILE }],
  };
  return { discard, zswap: await run(trace, origin, tiers, signal) };
}

async function run(
  trace: Trace,
  origin: readonly string[],
  options: MemoryOptions,
  signal: AbortSignal | undefined,
): Promise<RecordsResult> {
  await using memory = await openMemory(options);
  const cache = memory.cache<string, number>({ name: "records", codec: "string" });
  let misses = 0;
  let wrong = 0;
  let elapsed = 0;
  for (let from = 0; from < trace.requests; from += SLICE) {
    signal?.throwIfAborted();
    const started = performance.now();
    for (let i = from; i < Math.min(from + SLICE, trace.requests); i++) {
      const key = trace.key[i] as number;
      const found = cache.get(key);
      if (found === undefined) {
        misses++;
        cache.set(key, origin[key] as string);
      } else if (found !== origin[key]) wrong++;
    }
    elapsed += performance.now() - started;
    await new Promise(setImmediate);
  }
  memory.check();
  const { nr_zswapped = 0, nr_zspages = 0 } = memory.vmstat();
  return {
    requests: trace.requests,
    misses,
    hitsByTier: cache.stats().hitsByTier,
    held: cache.size,
    zswapped: nr_zswapped,
    zspages: nr_zspages,
    wrong,
    seconds: elapsed / 1000,
  };
}

const NAMES = ["Anna Smith", "Bert Jones", "Clara Miller", "David Garcia", "Eva Khan", "Frank Weber"];
const CITIES = ["Paris", "London", "Berlin", "Madrid", "Warsaw"];
const ACTIONS = ["login", "view", "buy", "logout"];

/** A user of a service as JSON, about 1 KB, with so many actions, that follows from its key: names repeat, numbers, times and identifiers do not. */
export function recordOf(key: number, actions = 10): string {
  let state = (Math.imul(key + 1, 2654435761) ^ 0x5bd1e995) | 1;
  const random = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  const hex = () =>
    random(2 ** 32)
      .toString(16)
      .padStart(8, "0");
  const time = () => new Date(1.6e12 + random(2 ** 31) * 50).toISOString();
  return JSON.stringify({
    id: key,
    uuid: `${hex()}-${hex()}-${hex()}`,
    name: NAMES[random(NAMES.length)],
    email: `user${key}@example.com`,
    created: time(),
    balance: random(1e6) / 100,
    address: { street: `${random(999)} Main Street`, city: CITIES[random(CITIES.length)], zip: String(random(99999)) },
    active: random(2) === 0,
    history: Array.from({ length: actions }, () => ({ at: time(), action: ACTIONS[random(4)], amount: random(1000) })),
  });
}
