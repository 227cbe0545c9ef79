/**
 * The latency of what is served by several media: each has a log-normal distribution, which its mean and its 99th percentile say all of,
 * and accesses are a mixture of them.
 */
import type { Medium } from "./prices.ts";

/** The 99th percentile of the normal distribution. */
const Z99 = 2.326_347_874;

/** A part of the accesses. */
export interface Share {
  readonly share: number;
  readonly medium: Medium;
}

/** Nanoseconds. */
export function meanLatency(shares: readonly Share[]): number {
  return shares.reduce((sum, { share, medium }) => sum + share * medium.latency, 0);
}

/** The latency that all but 1 % of the accesses stay under, in nanoseconds. */
export function p99Latency(shares: readonly Share[]): number {
  const parts = shares.filter(({ share }) => share > 0).map(({ share, medium }) => ({ share, ...logNormal(medium) }));
  const all = parts.reduce((sum, { share }) => sum + share, 0);
  const under = (log: number): number =>
    parts.reduce((sum, { share, mu, sigma }) => sum + share * normal((log - mu) / sigma), 0) / all;
  let [low, high] = [0, Math.log(1e15)];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (under(middle) < 0.99) low = middle;
    else high = middle;
  }
  return Math.exp(high);
}

function logNormal({ latency, p99 }: Medium): { mu: number; sigma: number } {
  // p99 / mean = exp(z sigma - sigma^2 / 2), solved for the smaller sigma.
  const sigma = Math.max(1e-6, Z99 - Math.sqrt(Math.max(0, Z99 * Z99 - 2 * Math.log(p99 / latency))));
  return { mu: Math.log(latency) - (sigma * sigma) / 2, sigma };
}

/** The normal distribution (Abramowitz and Stegun 26.2.17), to 7.5e-8. */
function normal(x: number): number {
  const t = 1 / (1 + 0.231_641_9 * Math.abs(x));
  const sum =
    t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  return x > 0 ? 1 - tail : tail;
}
