import { expect, test } from "vitest";
import { isLieuError } from "../errors.ts";
import { TraceBuilder } from "./builder.ts";
import { findTraceFault } from "./trace.ts";

function timed(...seconds: number[]) {
  const builder = new TraceBuilder("timed", { time: true });
  for (const time of seconds) builder.add(1, 0, 10, { time, op: 0, tenant: 0 });
  return builder.finish();
}

test("keys are numbered by first appearance and have the largest size seen", () => {
  const builder = new TraceBuilder("t");
  builder.add(5, 1, 10);
  builder.add(5, 0, 20);
  builder.add(5, 1, 30);
  builder.add(5, 0, 1);
  const trace = builder.finish();
  expect(trace).toEqual({
    name: "t",
    requests: 4,
    keys: 2,
    tenants: 1,
    secondsPerTick: 0,
    original: BigUint64Array.of((1n << 32n) | 5n, 5n),
    size: Uint32Array.of(30, 20),
    key: Uint32Array.of(0, 1, 0, 1),
  });
  expect(findTraceFault(trace)).toBeUndefined();
});

test("optional columns are kept where the source has them", () => {
  const builder = new TraceBuilder("t", { op: true, tenant: true });
  builder.add(1, 0, 1, { time: 9, op: 1, tenant: 3 });
  builder.add(2, 0, 1, { time: 9, op: 0, tenant: 0 });
  const trace = builder.finish();
  expect(trace.op).toEqual(Uint8Array.of(1, 0));
  expect(trace.tenant).toEqual(Uint8Array.of(3, 0));
  expect(trace.tenants).toBe(4);
  expect(trace.time).toBeUndefined();
});

test("whole seconds are ticks of a second since the earliest", () => {
  const trace = timed(1_600_000_002, 1_600_000_001, 1_600_000_010);
  expect(trace.secondsPerTick).toBe(1);
  expect(trace.time).toEqual(Uint32Array.of(1, 0, 9));
});

test("fractions make ticks of a millisecond", () => {
  const trace = timed(1.001, 1.002, 3.9999);
  expect(trace.secondsPerTick).toBe(0.001);
  expect(trace.time).toEqual(Uint32Array.of(0, 1, 2998));
});

test("fractions over too long a span are dropped", () => {
  const trace = timed(0.5, 5_000_000.25);
  expect(trace.secondsPerTick).toBe(1);
  expect(trace.time).toEqual(Uint32Array.of(0, 4_999_999));
});

test("a span beyond the column is an error, the longest within is not", () => {
  expect(timed(1, 0x1_0000_0000).time).toEqual(Uint32Array.of(0, 0xffff_ffff));
  expect(() => timed(0, 0x1_0000_0000)).toThrow(/EFORMAT: .*spans 4294967296 s/);
});

test("no requests make no trace", () => {
  let error: unknown;
  try {
    new TraceBuilder("empty").finish();
  } catch (thrown) {
    error = thrown;
  }
  expect(isLieuError(error, "EFORMAT")).toBe(true);
});
