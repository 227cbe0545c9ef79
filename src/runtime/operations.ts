/** Devices that let nobody wait for longer than so long in one operation are told when one begins: with each call of the engine. */
import type { SwapDevice } from "../swap/device.ts";
import type { EngineCalls } from "./engine.ts";

/** The same calls, if no device wants to know; else calls that tell those that do. */
export function asOperations(calls: EngineCalls, devices: readonly SwapDevice[]): EngineCalls {
  const told = devices.filter((device) => device.begin !== undefined);
  if (told.length === 0) return calls;
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(calls)) {
    const call = value as (...args: number[]) => number;
    made[name] = (...args: number[]): number => {
      for (const device of told) device.begin?.();
      return call(...args);
    };
  }
  return made as unknown as EngineCalls;
}
