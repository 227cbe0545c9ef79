/** What a front tells the miss-ratio curve: ages of hits, of those of the sample and of all. */
import { expect, test } from "vitest";
import { classOfAge, NR_SAMPLED_AGES } from "../store/sampled.ts";
import { zipf } from "../trace/generate.ts";
import { Front } from "./front.ts";
import { FrontSample } from "./front-sample.ts";

const KEYS = 2000;
const VALUE = 300;
/** Bytes of a key that is a number, and what the curve counts beside key and value (curve.ts). */
const OTHER = 8 + 30;
const THRESHOLD = 2 ** 29;

/** Hits by a law of Zipf's on a front that has all keys, and requests to the store between; the clock goes so far with each. */
function run(requests: number, msEach: number) {
  const { key } = zipf({ keys: KEYS, requests, alpha: 0.9, seed: 3 });
  let [store, now] = [0, 0];
  /** Clocks of a front wrap. */
  const from = 0x7fffff00;
  const told: [hash: number, age: number][] = [];
  const front = new Front<number>(
    { bytes: 1e9, entries: KEYS },
    {
      h32: new Int32Array(64),
      all: 0,
      lost: [],
      now: () => now,
      time: () => now,
      expired: () => undefined,
      paused: () => undefined,
      requests: () => (from + store) | 0,
      hear: (_hashes, _n, hits) => {
        store += hits;
        return 1e6;
      },
      sampled: (hashes, _lengths, ages, n) => {
        for (let i = 0; i < n; i++) told.push([hashes[i] as number, ages[i] as number]);
      },
    },
  );
  const hashOf = (k: number) => Math.imul(k + 1, 0x9e3779b1);
  const last = new Float64Array(KEYS);
  front.sample(THRESHOLD, 1 << 20);
  for (let k = 0; k < KEYS; k++) {
    store++;
    front.put(k, { value: k, length: VALUE, at: 16, version: 0, hash: hashOf(k), until: undefined });
    last[k] = k + 1;
  }
  const exact = new Float64Array(NR_SAMPLED_AGES);
  const exactTold: [number, number][] = [];
  let [time, missed] = [KEYS, 0];
  for (const k of key) {
    // What is not held goes to the store.
    if (time % 3 === 0) store++;
    time += time % 3 === 0 ? 2 : 1;
    now += msEach;
    if (front.get(k) !== k) missed++;
    const age = classOfAge(time - (last[k] as number));
    exact[age] = (exact[age] as number) + 1;
    if (hashOf(k) >>> 0 < THRESHOLD) exactTold.push([hashOf(k), age]);
    last[k] = time;
  }
  expect(missed).toBe(0);
  front.tellSampled();
  const [counts, bytes] = [new Float64Array(NR_SAMPLED_AGES), new Float64Array(NR_SAMPLED_AGES)];
  front.addAges(counts, bytes);
  return { front, told, exactTold, exact, counts, bytes };
}

test("all hits are counted with their ages while there is time, and the sampled ones told with them", () => {
  const { told, exactTold, exact, counts, bytes } = run(60_000, 1);
  expect(told).toEqual(exactTold);
  expect(told.length).toBeGreaterThan(1000);
  for (let age = 0; age < NR_SAMPLED_AGES; age++) {
    expect(counts[age]).toBeCloseTo(exact[age] as number, 6);
    expect(bytes[age]).toBeCloseTo((exact[age] as number) * (VALUE + OTHER), 3);
  }
});

test("where there is no time some stand for all, which they are like", () => {
  const hits = 600_000;
  // The clock of a busy program: two thousand hits a millisecond.
  const { told, exactTold, exact, counts } = run(hits, 0.0005);
  expect(told).toEqual(exactTold);
  expect(counts.reduce((sum, n) => sum + n, 0)).toBeCloseTo(hits, 3);
  for (let age = 0; age < NR_SAMPLED_AGES; age++) {
    expect(Math.abs((counts[age] as number) - (exact[age] as number)) / hits, `class ${age}`).toBeLessThan(0.005);
  }
});

test("nothing is noted once nobody wants to know, and what was counted is forgotten with the other counts", () => {
  const { front } = run(5000, 1);
  front.sample(0, 0);
  front.forgetCounts();
  for (let k = 0; k < 100; k++) front.get(k);
  front.sample(THRESHOLD, 1 << 20);
  const [counts, bytes] = [new Float64Array(NR_SAMPLED_AGES), new Float64Array(NR_SAMPLED_AGES)];
  front.addAges(counts, bytes);
  expect([...counts, ...bytes].every((n) => n === 0)).toBe(true);
});

test("a sample of all keys leaves time to watch the hits that set it right", () => {
  let now = 0;
  const sample = new FrontSample({ time: () => now, sampled: () => undefined });
  sample.set(2 ** 32 - 1, 1 << 20, 0);
  for (let i = 0; i < 1 << 20; i++) sample.note(i, VALUE, 0);
  // So many are sampled, and no more watched than there is time for.
  expect(sample.watchesAll).toBe(false);
  now = 2000;
  sample.set(THRESHOLD, 1 << 20, 1 << 20);
  expect(sample.watchesAll).toBe(true);
});
