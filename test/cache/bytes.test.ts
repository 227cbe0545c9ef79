/** What part of a full cache's bytes are keys and values, in a steady state of hits and evictions. */
import { expect, test } from "vitest";
import { openMemorySync, simCrank } from "../../src/index.ts";
import { seeded } from "../property/source.ts";

const MIB = 2 ** 20;
const none = (): void => {};

/** Sizes of web objects, about: a logarithm with a bell's shape, median 13 KB, from 50 bytes to 1 MB. */
function webSizes(count: number): number[] {
  const source = seeded(3);
  return Array.from({ length: count }, () => {
    let bell = -6;
    for (let i = 0; i < 12; i++) bell += source.below(1000) / 1000;
    return Math.round(Math.min(1e6, Math.max(50, 13_000 * Math.exp(1.4 * bell))));
  });
}

test.each<[string, number, number, number, (count: number) => number[]]>([
  ["512 bytes", 92, 24, 90_000, (n) => new Array<number>(n).fill(512)],
  ["1 KiB", 95, 64, 120_000, (n) => new Array<number>(n).fill(1024)],
  ["4 KiB", 97, 24, 14_000, (n) => new Array<number>(n).fill(4096)],
  ["sizes as of the web", 97, 24, 4000, webSizes],
])("%s: at least %d %%", (_, least, mib, keys, sizes) => {
  const bytes = mib * MIB;
  using memory = openMemorySync({ nodes: { dram: { kind: "dram", size: bytes + 6 * MIB } } }, { crank: simCrank() });
  const cache = memory.cache({ maxSize: bytes, codec: "bytes" });
  const source = seeded(9);
  const size = sizes(keys);
  for (let i = 0; i < 3 * keys; i++) {
    const k = Math.floor((source.below(2 ** 30) / 2 ** 30) ** 2 * keys);
    if (!cache.getBytes(`k${k}`, none)) cache.setBytes(`k${k}`, size[k] as number, none);
  }
  let kept = 0;
  for (let k = 0; k < keys; k++) if (cache.has(`k${k}`)) kept += (size[k] as number) + `k${k}`.length;
  expect(cache.stats().evicted).toBeGreaterThan(keys / 10);
  expect((100 * kept) / bytes).toBeGreaterThanOrEqual(least);
  memory.check();
});
