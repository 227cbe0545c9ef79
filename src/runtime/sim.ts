/**
 * The simulated runtime: a virtual clock that only moves when told to, and a fixed number of kswapd steps a turn, so that
 * the same seed and the same calls give the same counters, byte for byte, on any machine.
 */
import type { Crank } from "./vm.ts";

/** A crank with a virtual clock, in milliseconds. */
export interface SimCrank extends Crank {
  /** Move the clock on. */
  advance(ms: number): void;
}

/** A virtual clock that starts at `start`, and how many kswapd steps run before each slow operation. */
export function simCrank(stepsPerTurn = 256, start = 0): SimCrank {
  let time = start;
  return {
    now: () => time,
    advance(ms) {
      time += ms;
    },
    stepsPerTurn,
  };
}
