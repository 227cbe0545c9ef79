/**
 * What things cost, for the decisions of the engine (mm/prices.ts): an access to each node, a move of a page, a look at one, and
 * how many accesses to memory a use of a page stands for. What the options do not say is measured where the memory is real
 * (measure.ts); else it is what the study has for it: its table, round figures of the order of published measurements.
 */
import { ADISTANCE_DRAM, LATENCY_DRAM } from "../nodes/dram.ts";
import type { Backing } from "./backing.ts";
import type { NodeOptions, PriceOptions } from "./memory-options.ts";
import { type Check, object, optional, whole } from "./schema.ts";

/** How much slower a tier is taken to be than the one above it, unless a latency is given. */
const SLOWER = 3;

/** Prices, all of them known. */
export interface Prices {
  /** Nanoseconds to move a page to another node, with all that belongs to it. */
  readonly move: number;
  /** Nanoseconds for reclaim to look at a page. */
  readonly look: number;
  /** Accesses to memory that a use of a page stands for; 0: as many as it is said to be. */
  readonly touch: number;
  /** Whether the first two are given, and not to be measured where the memory is real (measure.ts). */
  readonly moveGiven: boolean;
  readonly lookGiven: boolean;
}

/** The study's table. */
export const PRICES = { move: 2000, look: 50, touch: 0 };

/** What the options may say of it. */
export const pricesSchema: Check<PriceOptions> = object({
  move: optional(whole(1, 1_000_000_000)),
  look: optional(whole(1, 1_000_000_000)),
  touch: optional(whole(1, 4096)),
});
/** All prices, those that are not given being the table's until they are measured. */
export function resolvePrices({ move, look, touch }: PriceOptions = {}): Prices {
  const given = { moveGiven: move !== undefined, lookGiven: look !== undefined };
  return { move: move ?? PRICES.move, look: look ?? PRICES.look, touch: touch ?? PRICES.touch, ...given };
}

/** The longest time that the engine's words are given. */
const MAX_NS = 1_000_000_000;

/**
 * Nanoseconds of an access to a node: as given; else by its tier, where that is given, each taken for three times as slow as the
 * one above it; else by its abstract distance, where that is; else what backs it says.
 */
export function latencyOf(o: NodeOptions, backing: Backing): number {
  let ns = backing.latency;
  if (o.latency !== undefined) ns = o.latency;
  else if (o.tier !== undefined) ns = LATENCY_DRAM * SLOWER ** o.tier;
  else if (o.distance !== undefined) ns = (LATENCY_DRAM * o.distance) / ADISTANCE_DRAM;
  return Math.min(MAX_NS, Math.max(1, Math.round(ns)));
}
