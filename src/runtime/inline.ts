/**
 * The inline runtime: the caller's own thread turns the crank. kswapd runs to its goal before the next slow operation,
 * and a timer that does not keep the process alive lets time pass while every access is a hit.
 */
import type { Crank } from "./vm.ts";

/** kswapd runs until it sleeps; the bound only guards against a node that can never be balanced. */
export const STEPS_PER_TURN = 256;

/** A crank on the process's clock, or on the one given. */
export function inlineCrank(now: () => number = () => performance.now(), stepsPerTurn: number = STEPS_PER_TURN): Crank {
  return { now, stepsPerTurn };
}

/** Let time pass every `periodMs`, by calling `tick`. Returns what stops it. */
export function startTimer(tick: () => void, periodMs: number): () => void {
  const timer = setInterval(tick, periodMs);
  timer.unref();
  return () => clearInterval(timer);
}
