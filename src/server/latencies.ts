/** How long gets take by the tier that served them: the latest few hundred of those that were timed. */
import type { GetSample } from "../cache/latency.ts";

/** Gets remembered of each tier. */
const KEPT = 512;

interface Tier {
  /** A ring of seconds. */
  readonly seconds: Float64Array;
  /** How many there were, ever, and at the last look. */
  all: number;
  looked: number;
}

export class Latencies {
  readonly #tiers = new Map<string, Tier>();

  add({ tier, seconds }: Pick<GetSample, "tier" | "seconds">): void {
    let known = this.#tiers.get(tier);
    if (known === undefined) {
      known = { seconds: new Float64Array(KEPT), all: 0, looked: 0 };
      this.#tiers.set(tier, known);
    }
    known.seconds[known.all++ % KEPT] = seconds;
  }

  /** The percentiles of each of these tiers that has had a get since the last look. */
  look(tiers: readonly string[]): { tier: number; p50: number; p99: number }[] {
    return tiers.flatMap((name, tier) => {
      const known = this.#tiers.get(name);
      if (known === undefined || known.all === known.looked) return [];
      known.looked = known.all;
      const sorted = known.seconds.slice(0, Math.min(known.all, KEPT)).sort();
      const percentile = (p: number) => sorted[Math.ceil(p * sorted.length) - 1] as number;
      return [{ tier, p50: percentile(0.5), p99: percentile(0.99) }];
    });
  }
}
