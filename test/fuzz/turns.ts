/** Each configuration in turn, with a random one after each, for as long as is asked for. */
import { runSeed, seeded } from "../property/source.ts";

/** LIEU_FUZZ_SECONDS, 60 by default. */
export const seconds = Number(process.env.LIEU_FUZZ_SECONDS ?? 60);
/** LIEU_SEED, or a new one. */
export const first = runSeed();
/** Say what is run before it is run, to find one that does not end. */
const verbose = process.env.LIEU_FUZZ_VERBOSE === "1";

interface Kinds<C> {
  readonly configs: readonly C[];
  randomConfig(seed: number): C;
  drive(config: C, seed: number, ops: number): { readonly ops: number };
}

/** Runs of `ops` operations (a configuration's share of them), each with a seed of its own. Returns how much was done. */
export function inTurns<C extends { readonly name: string; readonly share?: number }>(kinds: Kinds<C>, ops: number) {
  const seeds = seeded(first);
  const end = Date.now() + seconds * 1000;
  const done = { runs: 0, ops: 0 };
  const run = (config: C, seed: number): void => {
    if (Date.now() >= end) return;
    if (verbose) process.stderr.write(`${config.name}: LIEU_SEED=${seed}\n`);
    done.ops += kinds.drive(config, seed, Math.ceil(ops * (config.share ?? 1))).ops;
    done.runs++;
  };
  for (let seed = first; Date.now() < end; seed = seeds.below(0x100000000)) {
    // The seed is the configuration's and the run's, so that it alone shows a failure again, first thing.
    run(kinds.randomConfig(seed), seed);
    for (const config of kinds.configs) {
      run(config, seed);
      const other = seeds.below(0x100000000);
      run(kinds.randomConfig(other), other);
    }
  }
  return done;
}
