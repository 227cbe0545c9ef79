/**
 * What a cache counts in words that wrap: its clock of requests and every stamp taken of it, the guard's bins, the scrubber's
 * passes, the generations and ages of the engine's lists. Each run begins shortly before 2^24, 2^31 or 2^32 of them, as
 * INITIAL_JIFFIES has Linux begin shortly before its jiffies wrap, and must do exactly what one that begins at 0 does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Memory, openMemorySync, simCrank } from "../../src/index.ts";
import { seeded } from "../property/source.ts";
import { TWINS } from "../support/engine.ts";

const EDGES = [2 ** 24, 2 ** 31, 2 ** 32];
const KINDS = ["nothing goes", "eviction", "tiers", "tiers and swap, generations"] as const;
/** As many requests before the edge; a multiple of every bin's width. */
const BEFORE = 2048;

const folder = mkdtempSync(join(tmpdir(), "lieu-long-life-"));
let opened = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function open(kind: (typeof KINDS)[number], engine: "js" | "wasm", initialCount: number): Memory {
  const node = (pages: number, tier = 0) => ({ kind: "dram" as const, size: pages * 4096, tier });
  const single = kind === "nothing goes" || kind === "eviction";
  const nodes = single ? { dram: node(1024) } : { dram: node(128), slow: node(256, 1) };
  const path = join(folder, `swap${opened++}`);
  const swap = kind.includes("swap") ? [{ kind: "file" as const, path, size: 256 * 4096 }] : [];
  return openMemorySync(
    { nodes, swap, engine, minFree: "16KiB", lru: kind.includes("generations") ? "mglru" : "classic", seed: 7 },
    { crank: simCrank(), initialCount },
  );
}

/** Requests for keys some of which are hot, with deletions and times to live; all that can be observed of them. */
function run(kind: (typeof KINDS)[number], engine: "js" | "wasm", initialCount: number, requests: number): unknown {
  using memory = open(kind, engine, initialCount);
  const region = memory.map(32 * 4096);
  for (let i = 0; i < region.size; i += 8) region.writeFloat64(i, i / 2);
  const swapped = kind.includes("swap");
  const maxSize = kind === "nothing goes" ? 900 * 4096 : kind === "eviction" ? 64 * 4096 : (swapped ? 400 : 250) * 4096;
  const cache = memory.cache<Uint8Array, number>({ maxSize, codec: "bytes" });
  const { below } = seeded(11);
  const keys = kind === "nothing goes" ? 1200 : 6000;
  let wrong = 0;
  for (let i = 0; i < requests; i++) {
    const k = Math.floor((below(keys) * below(keys)) / keys);
    const size = 40 + ((k * 37) % 900);
    const found = cache.get(k);
    if (found === undefined) {
      if (i % 5 !== 0) cache.set(k, Buffer.alloc(size, k & 255), i % 7 === 0 ? { ttl: 1e9 } : {});
    } else if (found.length !== size || found[0] !== (k & 255) || found[size - 1] !== (k & 255)) wrong++;
    if (i % 97 === 0) cache.delete(below(keys));
    if (i % 5000 === 4999) memory.check();
  }
  memory.check();
  for (let i = 0; i < region.size; i += 8) if (region.readFloat64(i) !== i / 2) wrong++;
  expect(wrong).toBe(0);
  return { ...cache.stats(), vmstat: memory.vmstat() };
}

describe.each(TWINS)("%s", (engine) => {
  const requests = engine === "js" ? 4500 : 14000;
  describe.each(KINDS)("%s", (kind) => {
    const usual = run(kind, engine, 0, requests);
    test.each(EDGES)("around %d", (edge) => {
      expect(run(kind, engine, edge - BEFORE, requests)).toEqual(usual);
    });
  });
});

/** The check knows the bounds of what was learned; what comes after tells whether it still is of use. */
test.each([
  ["js", 2 ** 16],
  ["wasm", 2 ** 24 + 2 ** 16],
] as const)("%s: %d hits while nothing has to go, then eviction", { timeout: 240_000 }, (engine, hits) => {
  using memory = open("nothing goes", engine, 0);
  const cache = memory.cache<Uint8Array, number>({ maxSize: 128 * 4096, codec: "bytes" });
  const none = new Uint8Array(0);
  for (let k = 0; k < 64; k++) cache.set(k, Buffer.alloc(100, k));
  for (let i = 0; i < hits; i++) cache.getInto(i & 63, none);
  memory.check();
  expect(cache.stats()).toMatchObject({ hits, misses: 0 });
  const { below } = seeded(3);
  let late = 0;
  for (let i = 0; i < 20_000; i++) {
    // The hot keys fit, those that are asked for once do not.
    const k = i % 2 === 0 ? below(500) : 1000 + i;
    if (cache.getInto(k, none) < 0) cache.set(k, Buffer.alloc(500, k));
    else if (i >= 10_000) late++;
  }
  memory.check();
  expect(late).toBeGreaterThan(4500);
});
