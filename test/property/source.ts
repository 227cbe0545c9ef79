/** Where the random operations get their chance from: a seed for bulk, a list of numbers that fast-check can shrink. */

/** A source of chance. */
export interface Source {
  /** A whole number from 0 to `n` - 1; `n` is at least 1. */
  below(n: number): number;
}

/** Mulberry32: the same numbers for the same seed on any machine. */
export function seeded(seed: number): Source {
  let state = seed | 0;
  return {
    below(n) {
      state = (state + 0x6d2b79f5) | 0;
      let x = Math.imul(state ^ (state >>> 15), state | 1);
      x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
      return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * n);
    },
  };
}

/** The numbers of a list in turn, then zeros: the fewer and smaller the numbers, the plainer the run. */
export function listed(numbers: readonly number[]): Source {
  let at = 0;
  return { below: (n) => (numbers[at++] ?? 0) % n };
}

/** One of `items`. */
export function pick<T>(source: Source, items: readonly T[]): T {
  return items[source.below(items.length)] as T;
}

/** True once in `n`. */
export function oneIn(source: Source, n: number): boolean {
  return source.below(n) === 0;
}

/** Where nobody chooses it and continuous integration asks: what it runs is what was run before. New seeds are for people, and for `npm run fuzz`. */
const CI_SEED = 20200629;

/** The seed of this run: LIEU_SEED, or a new one. */
export function runSeed(): number {
  const given = process.env.LIEU_SEED;
  if (given === undefined || given === "") return process.env.CI === "true" ? CI_SEED : Date.now() >>> 0;
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new Error(`LIEU_SEED is ${given}: 0 to 4294967295`);
  return seed;
}
