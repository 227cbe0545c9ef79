/**
 * The traces that the kernels were measured with, made again from their parameters: the same generator as that of the
 * program that ran on them, so that a hash tells whether these are the same accesses in the same order.
 */
import { LieuError } from "../errors.ts";
import type { Scenario } from "./scenario.ts";

/** Parameters of a trace; all but the pattern's own have the measuring program's defaults. */
export interface AccessOptions {
  /** "zipf", "seq", "uniform", "stride" (17 pages) or "shift" (a hot range that moves on). */
  readonly pattern: string;
  readonly pages: number;
  /** Accesses; `pages` if absent. */
  readonly n?: number | undefined;
  /** Zipf: the k-th most popular page is touched with weight k^-alpha; 1 if absent. */
  readonly alpha?: number | null | undefined;
  readonly seed?: number | undefined;
  /** Writes, percent. */
  readonly w?: number | undefined;
  /** 2: the first touch of a page is a write. */
  readonly pop?: number | undefined;
  /** Zipf: 0 leaves the most popular pages side by side. */
  readonly perm?: number | undefined;
  /** Shift: pages in the hot range; an eighth if absent. */
  readonly hot?: number | undefined;
  /** Shift: accesses that go there, percent. */
  readonly hotp?: number | undefined;
  /** Shift: how many ranges the trace goes through. */
  readonly shifts?: number | undefined;
}

/** A trace as the measuring program has it. */
export interface Accesses {
  /** page << 1 | write */
  readonly entries: Uint32Array;
  /** FNV-1a over the entries, 8 hexadecimal digits. */
  readonly hash: string;
  /** Zipf: all pages, the most popular first. */
  readonly ranking: Uint32Array | undefined;
}

const TWO32 = 4294967296;

/** Make a trace. The same parameters give the same trace on every machine. */
export function makeAccesses(options: AccessOptions): Accesses {
  const { pages, n = pages, seed = 1, w = 30, pop = 1 } = options;
  const random = mulberry(seed >>> 0);
  const ranking = options.pattern === "zipf" ? rank(pages, options.perm, seed >>> 0) : undefined;
  const next = ranking === undefined ? picker(options, n) : zipfPicker(ranking, options.alpha ?? 1);
  const threshold = w >= 100 ? TWO32 - 1 : Math.floor(w * 42949672.96);
  const entries = new Uint32Array(n);
  const seen = new Uint8Array(pages);
  let hash = 2166136261;
  for (let i = 0; i < n; i++) {
    const page = next(random, i);
    const write = w <= 0 ? 0 : w >= 100 ? 1 : random() < threshold ? 1 : 0;
    let entry = ((page << 1) | write) >>> 0;
    if (pop === 2 && seen[page] === 0) {
      seen[page] = 1;
      entry |= 1;
    }
    entries[i] = entry;
    hash = Math.imul(hash ^ entry, 16777619);
  }
  return { entries, hash: (hash >>> 0).toString(16).padStart(8, "0"), ranking };
}

/** Uniform numbers of 32 bits. */
type Random32 = () => number;

/** Tommy Ettinger's mulberry32. */
function mulberry(seed: number): Random32 {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}
const below = (random: Random32, k: number): number => Math.floor((random() * k) / TWO32);

/** What gives the page of the i-th access. */
function picker(o: AccessOptions, n: number): (random: Random32, i: number) => number {
  const { pages } = o;
  switch (o.pattern) {
    case "shift": {
      const { hot = Math.floor(pages / 8), hotp = 95, shifts = 4 } = o;
      const each = Math.max(1, Math.floor(n / (shifts > 0 ? shifts : 1)));
      return (random, i) =>
        below(random, 100) < hotp ? (Math.floor(i / each) * hot + below(random, hot)) % pages : below(random, pages);
    }
    case "uniform":
      return (random) => below(random, pages);
    case "stride":
      return (_, i) => (i * 17) % pages;
    case "seq":
      return (_, i) => i % pages;
    default:
      throw new LieuError(
        "EINVAL",
        `pattern is ${JSON.stringify(o.pattern)}; known: zipf, seq, uniform, stride, shift`,
      );
  }
}

/** Which page has which rank: random, unless `perm` is 0. */
function rank(pages: number, perm: number | undefined, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: pages }, (_, i) => i);
  if (perm === 0) return order;
  const random = mulberry((seed ^ 0x9e3779b9) >>> 0);
  for (let i = pages - 1; i > 0; i--) {
    const j = below(random, i + 1);
    const swapped = order[i] as number;
    order[i] = order[j] as number;
    order[j] = swapped;
  }
  return order;
}

function zipfPicker(order: Uint32Array, alpha: number): (random: Random32) => number {
  const pages = order.length;
  const bounds = new Uint32Array(pages);
  let total = 0;
  for (let i = 0; i < pages; i++) total += 1 / (i + 1) ** alpha;
  let sum = 0;
  for (let i = 0; i < pages; i++) {
    sum += 1 / (i + 1) ** alpha;
    bounds[i] = Math.min(TWO32 - 1, Math.floor(TWO32 * (sum / total)));
  }
  return (random) => {
    const u = random();
    let low = 0;
    let high = pages - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (u < (bounds[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return order[low] as number;
  };
}

/** A scenario's trace, and whether its pages were all written once, in order, before it. */
export interface ScenarioAccesses extends Accesses {
  readonly populated: boolean;
}

/**
 * The trace of a scenario. Where `pop` was not recorded, the one that the hash fits is taken.
 *
 * @throws {@link LieuError} EFORMAT if the trace is not the one that was recorded
 */
export function accessesOf(scenario: Scenario): ScenarioAccesses {
  const { hash, ...options } = scenario.trace;
  const made: string[] = [];
  for (const pop of options.pop === undefined ? [2, 1] : [options.pop]) {
    const accesses = makeAccesses({ ...options, pop });
    if (accesses.hash === hash) return { ...accesses, populated: pop !== 2 };
    made.push(accesses.hash);
  }
  throw new LieuError("EFORMAT", `${scenario.id}: the trace's hash is ${made.join(" or ")}, recorded was ${hash}`);
}
