/**
 * Devices that let nobody wait for longer than so long in one operation are told when one begins. Most calls of the engine are one. What a cache does
 * for a key takes several, and so does a fault, with kswapd's turn before it: those count as one with the others of the same number.
 */
import type { SwapDevice } from "../swap/device.ts";
import type { EngineCalls } from "./engine.ts";

/** Calls that are a part of an operation. */
const PARTS = /^(store|fault$|kswapdStep$|hintScan$)/;

/** The same calls, if no device wants to know; else calls that tell those that do. `at.operation`: the number of the operation under way. */
export function asOperations(
  calls: EngineCalls,
  devices: readonly SwapDevice[],
  at: { readonly operation: number },
): EngineCalls {
  const told = devices.filter((device) => device.begin !== undefined);
  if (told.length === 0) return calls;
  const made: Record<string, unknown> = {};
  let last = -1;
  for (const [name, value] of Object.entries(calls)) {
    const call = value as (...args: number[]) => number;
    const isPart = PARTS.test(name);
    made[name] = (...args: number[]): number => {
      if (!isPart || at.operation !== last) {
        last = at.operation;
        for (const device of told) device.begin?.();
      }
      return call(...args);
    };
  }
  return made as unknown as EngineCalls;
}
