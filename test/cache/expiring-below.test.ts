/** Values that expire some time among others that do not, over tiers: they lie apart from them, by their times to live. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openMemory, simCrank } from "../../src/index.ts";
import { seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;
const dram = (size: number, tier = 0) => ({ kind: "dram" as const, size: size * KIB, tier });
const folder = mkdtempSync(join(tmpdir(), "lieu-expiring-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
/** Swap of so many KiB, in memory rather than in its file. */
const swapOf = (size: number) => [{ kind: "file" as const, path: join(folder, `${files++}`), size: size * KIB }];

test.each([
  [5, 0],
  [2, 4000],
  [1, 4000],
  [5, 700],
])(
  "of values of which each %i-th expires some time, none is dropped while swap has room (%i bytes; 0: any)",
  async (each, bytes) => {
    await using memory = await openMemory(
      { nodes: { dram: dram(2048), slow: dram(2048, 1) }, swap: swapOf(24 * KIB) },
      { crank: simCrank(), wrapDevice: inMemory },
    );
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0 });
    const source = seeded(5);
    const value = Buffer.alloc(9000, 1);
    let n = 0;
    for (let all = 0; all < 12 * KIB * KIB; n++) {
      const length = bytes > 0 ? bytes : source.below(9000);
      cache.set(n, value.subarray(0, length), { ttl: n % each === 0 ? 1e8 : 0 });
      all += length;
    }
    const { evicted, lost, rejected } = cache.stats();
    expect([cache.size, evicted, lost, rejected]).toEqual([n, 0, 0, 0]);
    for (let i = 0; i < n; i++) if (!cache.has(i)) throw new Error(`${i} is gone`);
    memory.check();
  },
);
