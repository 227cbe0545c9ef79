/**
 * Traces from parameters: the textbook patterns, for tests, examples and first impressions. The same options give the
 * same trace, bit for bit. What recorded traces have and these lack: correlation between requests.
 */

import { LieuError } from "../errors.ts";
import { type RequestDetail, TraceBuilder } from "./builder.ts";
import { type Random, seededRandom, shuffled } from "./random.ts";
import { DEFAULT_OBJECT_BYTES, type Trace } from "./trace.ts";

/** The largest key space: its tables must fit in memory. */
const MAX_KEYS = 2 ** 27;

/** What every pattern takes. */
export interface GenerateOptions {
  /** Objects that can be asked for, 1 to 2^27; the trace's `keys` counts those that are. Identifiers: 0 to keys - 1. */
  readonly keys: number;
  /** Length of the trace, >= 1. */
  readonly requests: number;
  /** Unsigned 32-bit; 1 if absent. */
  readonly seed?: number;
  /** Share of writes, 0 to 1; 0 if absent: a trace without an op column. */
  readonly writeRatio?: number;
  /** Bytes of every object, or [least, most] for a uniform draw an object; 4096 if absent. */
  readonly size?: number | readonly [number, number];
  /** The trace's name; the pattern's if absent. */
  readonly name?: string;
}

/** What {@link zipf} takes. */
export interface ZipfOptions extends GenerateOptions {
  /** Skew: the k-th most popular object is asked for with weight k^-alpha. >= 0; real workloads 0.6 to 1.2. */
  readonly alpha: number;
}

/** What {@link shift} takes. */
export interface ShiftOptions extends GenerateOptions {
  /** Objects in the working set, 1 to `keys`. */
  readonly workingSet: number;
  /** Requests between shifts, >= 1. */
  readonly every: number;
  /** Objects by which the set moves on, round the key space; half the working set if absent. */
  readonly by?: number;
}

/** Independent requests of Zipf's popularity; which object has which rank is random, so neighbours differ. */
export function zipf(options: ZipfOptions): Trace {
  const { keys, alpha } = options;
  if (!(alpha >= 0 && alpha <= 100)) throw invalid("alpha", alpha, "0 to 100");
  return generate("zipf", options, (random) => {
    const cumulative = new Float64Array(keys);
    let total = 0;
    for (let rank = 0; rank < keys; rank++) {
      total += (rank + 1) ** -alpha;
      cumulative[rank] = total;
    }
    const idOfRank = shuffled(keys, random);
    return () => idOfRank[firstAbove(cumulative, random() * total)]!;
  });
}

/** Independent requests, every object as likely. */
export function uniform(options: GenerateOptions): Trace {
  return generate("uniform", options, (random) => () => Math.floor(random() * options.keys));
}

/** 0, 1, 2, ... keys - 1, and again: a loop, the worst case of LRU. */
export function sequential(options: GenerateOptions): Trace {
  return generate("sequential", options, () => (request) => request % options.keys);
}

/** Uniform requests within a working set of neighbours that moves on by `by` objects after each `every` requests. */
export function shift(options: ShiftOptions): Trace {
  const { keys, workingSet, every } = options;
  checkWhole("keys", keys, 1, MAX_KEYS);
  checkWhole("workingSet", workingSet, 1, keys);
  checkWhole("every", every, 1, Number.MAX_SAFE_INTEGER);
  const by = options.by ?? Math.ceil(workingSet / 2);
  checkWhole("by", by, 0, keys);
  return generate("shift", options, (random) => (request) => {
    const base = (Math.floor(request / every) * by) % keys;
    return (base + Math.floor(random() * workingSet)) % keys;
  });
}

/** The pattern: called once before the first request, then for each. Ids are 0 to keys - 1. */
type Pattern = (random: Random) => (request: number) => number;

function generate(pattern: string, options: GenerateOptions, start: Pattern): Trace {
  const { keys, requests, seed = 1, writeRatio = 0, size = DEFAULT_OBJECT_BYTES, name = pattern } = options;
  checkWhole("keys", keys, 1, MAX_KEYS);
  checkWhole("requests", requests, 1, 2 ** 29);
  checkWhole("seed", seed, 0, 0xffff_ffff);
  if (!(writeRatio >= 0 && writeRatio <= 1)) throw invalid("writeRatio", writeRatio, "0 to 1");
  const [least, most] = typeof size === "number" ? [size, size] : size;
  checkWhole("size", least, 1, 0xffff_ffff);
  checkWhole("size", most, least, 0xffff_ffff);

  // Streams of their own: a trace with writes, or with other sizes, has the same order of keys.
  const writes = seededRandom(seed ^ 0x77726974);
  const sizes = seededRandom(seed ^ 0x73697a65);
  const next = start(seededRandom(seed));
  const sizeOfId = Uint32Array.from({ length: keys }, () => least + Math.floor(sizes() * (most - least + 1)));
  const builder = new TraceBuilder(name, { op: writeRatio > 0 });
  const detail: RequestDetail = { time: 0, op: 0, tenant: 0 };
  for (let i = 0; i < requests; i++) {
    const id = next(i);
    if (writeRatio > 0) detail.op = writes() < writeRatio ? 1 : 0;
    builder.add(id, 0, sizeOfId[id]!, detail);
  }
  return builder.finish();
}

/** The first index whose value is above `target`, which must be below the last value; values ascend. */
function firstAbove(ascending: Float64Array, target: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

function checkWhole(option: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    throw invalid(option, value, `a whole number from ${least} to ${most}`);
  }
}

function invalid(option: string, value: unknown, allowed: string): LieuError {
  return new LieuError("EINVAL", `${option} is ${JSON.stringify(value)}; allowed: ${allowed}`);
}
