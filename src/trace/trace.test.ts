import { expect, test } from "vitest";
import { countWrites, findTraceFault, footprintBytes, requestedBytes, type Trace } from "./trace.ts";

const trace: Trace = {
  name: "small",
  requests: 4,
  keys: 2,
  tenants: 2,
  secondsPerTick: 0,
  original: BigUint64Array.of(7n, 9n),
  size: Uint32Array.of(100, 4_000_000_000),
  key: Uint32Array.of(0, 1, 1, 0),
  time: Uint32Array.of(0, 5, 5, 6),
  op: Uint8Array.of(0, 1, 1, 0),
  tenant: Uint8Array.of(0, 0, 1, 0),
};

test("sums count sizes beyond 32 bits", () => {
  expect(footprintBytes(trace)).toBe(4_000_000_100);
  expect(requestedBytes(trace)).toBe(8_000_000_200);
  expect(countWrites(trace)).toBe(2);
});

test("a sound trace has no fault, with or without its optional columns", () => {
  const { time: _time, op: _op, tenant: _tenant, ...bare } = trace;
  expect(findTraceFault(trace)).toBeUndefined();
  expect(findTraceFault({ ...bare, tenants: 1 })).toBeUndefined();
  expect(countWrites(bare)).toBe(0);
});

const { tenant: _, ...withoutTenant } = trace;

test.each<[string, Trace, string]>([
  ["no requests", { ...trace, requests: 0 }, "no requests"],
  ["no keys", { ...trace, keys: 0 }, "allowed: 1 to 4"],
  ["more keys than requests", { ...trace, keys: 5 }, "5 keys for 4 requests"],
  ["no tenants", { ...trace, tenants: 0 }, "allowed: 1 to 256"],
  ["too many tenants", { ...trace, tenants: 257 }, "allowed: 1 to 256"],
  ["tenants without a column", withoutTenant, "no tenant column"],
  ["a negative tick", { ...trace, secondsPerTick: -1 }, "tick"],
  ["a tick that is no number", { ...trace, secondsPerTick: Number.NaN }, "tick"],
  ["a short column", { ...trace, op: Uint8Array.of(0) }, "column op has 1"],
  ["size 0", { ...trace, size: Uint32Array.of(1, 0) }, "key 1 has size 0"],
  ["a key out of range", { ...trace, key: Uint32Array.of(0, 2, 1, 0) }, "key 2; allowed: 0 to 1"],
  ["keys out of order", { ...trace, key: Uint32Array.of(1, 0, 1, 0) }, "key 1 before key 0"],
  ["a key that never comes", { ...trace, key: new Uint32Array(4) }, "key 1 is never requested"],
  ["an unknown op", { ...trace, op: Uint8Array.of(0, 1, 2, 0) }, "request 2 has op 2"],
  ["an unknown tenant", { ...trace, tenant: Uint8Array.of(0, 0, 0, 2) }, "request 3 has tenant 2"],
])("finds %s", (_case, broken, words) => {
  expect(findTraceFault(broken)).toContain(words);
});
