import { expect, test } from "vitest";
import type { SwapDevice } from "../swap/device.ts";
import type { EngineCalls } from "./engine.ts";
import { asOperations } from "./operations.ts";

function told(): { calls: EngineCalls; at: { operation: number }; begun: () => number } {
  let begun = 0;
  const device = { begin: () => begun++ } as unknown as SwapDevice;
  const engine = { storeFind: () => 1, storePut: () => 2, fault: () => 3, kswapdStep: () => 4, hintScan: () => 5 };
  const at = { operation: 0 };
  const calls = asOperations({ ...engine, reclaim: () => 6 } as unknown as EngineCalls, [device], at);
  return { calls, at, begun: () => begun };
}
const call = (calls: EngineCalls, name: string): number =>
  (calls as unknown as Record<string, () => number>)[name]?.() ?? -1;

test("the parts of an operation are told as one, however many they are", () => {
  const { calls, at, begun } = told();
  for (let n = 1; n <= 3; n++) {
    at.operation = n;
    for (let step = 0; step < 20; step++) expect(call(calls, "kswapdStep")).toBe(4);
    expect([call(calls, "hintScan"), call(calls, "fault")]).toEqual([5, 3]);
    expect(begun()).toBe(2 * n - 1);
    at.operation = n + 100;
    for (let key = 0; key < 5; key++) expect([call(calls, "storeFind"), call(calls, "storePut")]).toEqual([1, 2]);
    expect(begun()).toBe(2 * n);
  }
  // What is no part of one is one.
  call(calls, "reclaim");
  call(calls, "reclaim");
  expect(begun()).toBe(8);
});

test("where no device wants to know, they are the calls that they were", () => {
  const engine = { fault: () => 3 } as unknown as EngineCalls;
  expect(asOperations(engine, [{} as SwapDevice], { operation: 0 })).toBe(engine);
});
