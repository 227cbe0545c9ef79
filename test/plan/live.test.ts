/** Plans for a running program: what is recorded of it is what was asked, and what is predicted is what would happen. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { RECORD_WORDS, type RecordLine, RequestRecording } from "../../src/cache/recording.ts";
import { type Memory, openMemorySync, simCrank } from "../../src/index.ts";
import type { Layout } from "../../src/plan/grid.ts";
import { type Recorded, RecordingReader, runRecorded } from "../../src/plan/live.ts";
import { planRecorded, replayOptionsOf } from "../../src/plan/plan.ts";
import { priceList } from "../../src/plan/prices.ts";
import { simulate } from "../../src/plan/simulate.ts";
import { SAMPLED_GET, SAMPLED_SET } from "../../src/store/sampled.ts";
import { zipf } from "../../src/trace/generate.ts";
import { footprintBytes, type Trace } from "../../src/trace/trace.ts";
import { lieu } from "../cli/support.ts";

const PRICES = priceList();
const memories: Memory[] = [];
afterEach(() => {
  for (const memory of memories.splice(0)) memory[Symbol.dispose]();
});

function cacheOf(megabytes: number, heap: number | undefined = 0) {
  const crank = simCrank();
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: (megabytes + 2) << 20 } }, seed: 3 }, { crank });
  memories.push(memory);
  const cache = memory.cache<Uint8Array, number>({ name: "users", codec: "bytes", maxSize: megabytes << 20, heap });
  return { memory, crank, cache };
}
/** Ask for what the trace does, from `from` on. Time passes, so that there is time to record all. */
function run({ cache, crank }: ReturnType<typeof cacheOf>, { key, size }: Trace, from: number, to: number): void {
  const bytes = new Uint8Array(1 << 16);
  for (let i = from; i < to; i++) {
    const k = key[i] as number;
    crank.advance(0.1);
    // A key takes eight bytes, which a trace's objects have beside their size.
    if (cache.get(k) === undefined) cache.set(k, bytes.subarray(0, size[k]));
  }
}
function line(recording: RequestRecording): RecordLine {
  const { words, ...rest } = recording.take();
  return { words: Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("base64"), ...rest };
}
/** The same requests, of which only those for keys under a lower threshold count. */
function sampled(whole: RecordLine, threshold: number): RecordLine {
  return { ...whole, threshold };
}

/** 15 MB of objects. */
const TRACE = zipf({ keys: 3000, requests: 12_000, alpha: 0.8, size: [2000, 8000] });
const head = { version: 1, cache: "users", maxSize: 8 << 20, size: 0 } as const;
const REQUEST = { prices: PRICES, swapFile: join(tmpdir(), `lieu-live-${process.pid}.swap`) };

/** What the trace's requests from `from` on would be served by, on this layout: run whole, without what came before. */
async function exactly(layout: Layout, from: number): Promise<number[]> {
  const counts = async (limit: number): Promise<number[]> => {
    const { swap = [], ...rest } = replayOptionsOf(layout, PRICES, { as: "cache", limit: undefined });
    const options = { ...rest, swap: swap.map((device) => ({ ...device, path: REQUEST.swapFile })) };
    if (limit === 0) return [];
    const { hits, misses } = await simulate(TRACE, { ...options, limit });
    return [...Object.values(hits), misses].map((share) => share * limit);
  };
  const [all, before] = [await counts(TRACE.requests), await counts(from)];
  return all.map((n, i) => (n - (before[i] ?? 0)) / (TRACE.requests - from));
}
async function compare(
  recorded: Recorded,
  from: number,
  points: number,
  of: (layout: Layout) => boolean,
): Promise<void> {
  const { options, requests, footprint } = await planRecorded(recorded, REQUEST);
  expect(requests).toBe(TRACE.requests - from);
  expect(footprint / footprintBytes(TRACE)).toBeGreaterThan(0.7);
  expect(footprint / footprintBytes(TRACE)).toBeLessThan(1.3);
  const some = options.filter(({ layout }) => layout.last?.medium !== "remote" && of(layout));
  expect(some.length).toBeGreaterThan(0);
  for (const { name, layout, hits, misses } of some) {
    const exact = await exactly(layout, from);
    const said = [...Object.values(hits), misses];
    said.forEach((share, i) => {
      expect(Math.abs(share - (exact[i] as number)) * 100, `${name}, place ${i}`).toBeLessThan(points);
    });
  }
}

describe("what was recorded from the beginning", () => {
  test.each([
    ["of all keys is planned for as the trace is", 1, 1],
    ["of half of the keys, nearly so", 0.5, 6],
  ])(
    "%s",
    async (_, rate, points) => {
      const made = cacheOf(8);
      const recording = made.cache.recordRequests();
      run(made, TRACE, 0, TRACE.requests);
      const all = line(recording);
      recording.stop();
      const reader = new RecordingReader(head);
      reader.add(sampled(all, Math.min(all.threshold, rate * 2 ** 32)));
      const recorded = reader.done();
      expect(recorded.rate).toBeCloseTo(rate, 6);
      expect(recorded.before).toHaveLength(0);
      const sizes = new Set<number>();
      await compare(recorded, 0, points, ({ dram, cxl }) => !sizes.has(dram + cxl) && sizes.add(dram + cxl).size === 1);
    },
    120_000,
  );
});

test("what was there before the recording began is there before the run, and hits on the heap are the fastest node's", async () => {
  const made = cacheOf(8);
  const half = TRACE.requests / 2;
  run(made, TRACE, 0, half);
  const recording = made.cache.recordRequests();
  run(made, TRACE, half, TRACE.requests);
  const reader = new RecordingReader(head);
  reader.add(line(recording));
  recording.stop();
  const recorded = reader.done();
  expect(recorded.before.length).toBeGreaterThan(300);
  expect(recorded.below).toBe(half);
  const large = ({ dram, cxl, last }: Layout): boolean => last === undefined && dram + cxl > 6 << 20;
  await compare(recorded, half, 8, large);
  await expect(compare({ ...recorded, before: new Uint32Array(0) }, half, 8, large)).rejects.toThrow(/place/);
}, 120_000);

test("hits on the heap are the fastest node's", async () => {
  const made = cacheOf(8, 1 << 20);
  const recording = made.cache.recordRequests();
  run(made, TRACE, 0, 10_000);
  const reader = new RecordingReader(head);
  reader.add(line(recording));
  const recorded = reader.done();
  const { above, below, key } = recorded;
  expect([above + below, above > 300]).toEqual([10_000, true]);
  expect(key.length).toBeLessThan(below + above);
  const size = 64 << 20;
  const { hits, misses } = await runRecorded(recorded, { nodes: { dram: { kind: "dram", size } } });
  const distinct = new Set(TRACE.key.subarray(0, 10_000)).size;
  expect(misses).toBeCloseTo(distinct / 10_000, 10);
  expect(hits).toEqual({ dram: expect.closeTo(1 - distinct / 10_000, 10) });
});

test("of more requests than there is time or room for, those for fewer keys are recorded", () => {
  const thresholds: number[] = [];
  let [requests, now] = [0, 0];
  const recording = new RequestRecording({
    requests: () => [requests, 0],
    now: () => now,
    sample: (threshold) => thresholds.push(threshold),
    stop: () => thresholds.push(0),
  });
  for (; requests < 700_000; requests++) {
    if (requests % 1000 === 0) now++;
    const hash = Math.imul((requests % 5000) + 1, 0x9e3779b1);
    if (hash >>> 0 < (thresholds.at(-1) as number)) recording.hear(hash, 100, requests & 1 ? SAMPLED_GET : SAMPLED_SET);
  }
  const { words, threshold, below } = recording.take();
  expect(below).toBe(700_000);
  expect(threshold).toBeLessThan(2 ** 31);
  expect(words.length / RECORD_WORDS).toBeLessThanOrEqual(1 << 18);
  for (let i = 0; i < words.length; i += RECORD_WORDS) expect((words[i] as number) >>> 0).toBeLessThan(threshold);
  recording.stop();
  recording.stop();
  expect(thresholds.filter((n) => n === 0)).toHaveLength(1);
});

describe("lieu plan of a program", () => {
  test("records what a cache is asked for, and plans; says what it cannot do", async () => {
    const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "8MiB" } } });
    memories.push(memory);
    await using server = await memory.serve({ token: "s3cret" });
    const { url } = server;
    const run = (...argv: string[]) => lieu("plan", url, "--for", "500ms", ...argv);
    expect((await run()).stderr).toMatch(/^lieu: ENOTSUP: the memory has no cache/);
    const cache = memory.cache<Uint8Array, number>({ name: "users", codec: "bytes", maxSize: "3MiB" });
    expect((await run()).stderr).toMatch(/^lieu: EINVAL: nothing was asked of cache "users" meanwhile/);
    expect((await run("--cache", "none")).stderr).toMatch(/EINVAL: there is no cache "none"; there is "users"/);
    expect((await run("--as", "region")).stderr).toMatch(/EINVAL: --as is for traces/);
    expect((await lieu("plan", url.replace("s3cret", "no"))).stderr).toMatch(/EACCES/);
    let asked = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < 300; i++) {
        const k = (asked++ * 7919) % 9973;
        if (cache.get(k) === undefined) cache.set(k, new Uint8Array(500));
      }
    }, 1);
    const [{ status, stdout }, text] = [await run("--json"), await run("--budget", "1")];
    clearInterval(timer);
    expect(status).toBe(0);
    const { trace, as, requests, rate, options } = JSON.parse(stdout);
    expect({ trace, as, rate }).toEqual({ trace: "users", as: "cache", rate: 1 });
    expect(requests).toBeGreaterThan(1000);
    for (const { hits, misses } of options) {
      expect(Object.values<number>(hits).reduce((sum, n) => sum + n, misses)).toBeCloseTo(1, 6);
    }
    expect(text.stdout).toMatch(/^users as a cache: [\d,]+ requests/);
    expect(cache.recordRequests().stopped).toBe(false);
    expect(() => cache.recordRequests()).toThrow(/EBUSY/);
    expect((await run()).stderr).toMatch(/EBUSY: the requests of cache "users" are being recorded already/);
    cache.close();
  });
});
