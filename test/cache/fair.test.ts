/** Pages, pictures and films in one cache: none of the kinds is served worse than an LRU cache of the same bytes would serve it. */
import { expect, test } from "vitest";
import { openMemorySync, simCrank } from "../../src/index.ts";
import { seeded } from "../property/source.ts";

const MIB = 2 ** 20;
interface Mix {
  readonly cache: number;
  readonly keys: number;
  readonly requests: number;
  /** Key number n is asked for as often as uniform^skew says. */
  readonly skew: number;
  /** Part of the keys, from and to how many bytes. */
  readonly kinds: readonly (readonly [number, number, number])[];
}

/** Hits of each kind in the last two thirds: lieu's, an LRU cache's; and how many were asked for. */
function run({ cache: bytes, keys, requests, skew, kinds }: Mix, seed: number): number[][] {
  const source = seeded(seed);
  const random = (): number => source.below(2 ** 30) / 2 ** 30;
  const kindOf: number[] = [];
  const size: number[] = [];
  for (let k = 0; k < keys; k++) {
    const x = random();
    let kind = 0;
    for (let upTo = kinds[0]?.[0] ?? 1; x >= upTo && kind + 1 < kinds.length; upTo += kinds[kind]?.[0] ?? 1) kind++;
    const [, from, to] = kinds[kind] as readonly [number, number, number];
    kindOf.push(kind);
    size.push(Math.floor(from + random() * (to - from)));
  }
  using memory = openMemorySync({ nodes: { dram: { kind: "dram", size: bytes + 8 * MIB } } }, { crank: simCrank() });
  const cache = memory.cache({ maxSize: bytes, codec: "bytes" });
  const none = (): void => {};
  const lru = new Map<number, number>();
  let used = 0;
  const [ours, theirs, asked] = [0, 1, 2].map(() => kinds.map(() => 0)) as [number[], number[], number[]];
  const count = (list: number[], kind: number): void => {
    list[kind] = (list[kind] as number) + 1;
  };
  for (let i = 0; i < requests; i++) {
    const k = Math.floor(random() ** skew * keys);
    const kind = kindOf[k] as number;
    const n = size[k] as number;
    const late = i * 3 > requests;
    if (late) count(asked, kind);
    if (!cache.getBytes(`${k}`, none)) cache.setBytes(`${k}`, n, none);
    else if (late) count(ours, kind);
    if (lru.delete(k)) {
      if (late) count(theirs, kind);
    } else used += n;
    lru.set(k, n);
    for (const [old, m] of lru) {
      if (used <= bytes) break;
      lru.delete(old);
      used -= m;
    }
  }
  memory.check();
  return [ours, theirs, asked];
}

test.each<[string, Mix]>([
  [
    "most of 5 to 30 KB, some of 30 to 100, few of 150 to 500",
    {
      cache: 32 * MIB,
      keys: 4800,
      requests: 80_000,
      skew: 2,
      kinds: [
        [0.9, 5000, 30_000],
        [0.07, 30_000, 100_000],
        [0.03, 150_000, 400_000],
      ],
    },
  ],
  [
    "under a page, over a page, and large",
    {
      cache: 32 * MIB,
      keys: 10_000,
      requests: 80_000,
      skew: 3,
      kinds: [
        [0.7, 2000, 12_000],
        [0.25, 20_000, 60_000],
        [0.05, 100_000, 300_000],
      ],
    },
  ],
])("%s", (_, mix) => {
  const [ours, theirs, asked] = run(mix, 11) as [number[], number[], number[]];
  // Two standard deviations of chance.
  const least = theirs.map((n, kind) => n - 2 * Math.sqrt(n * (1 - n / (asked[kind] as number))));
  for (let kind = 0; kind < mix.kinds.length; kind++) expect(ours[kind]).toBeGreaterThanOrEqual(least[kind] as number);
  const sum = (list: number[]): number => list.reduce((a, b) => a + b);
  expect(sum(ours)).toBeGreaterThan(sum(theirs));
  expect(Math.min(...asked)).toBeGreaterThan(300);
});

test.each([0, 1])(
  "values a thousand times as large take the place of small ones that were hit %i times each",
  (times) => {
    const [keys, large, small] = [40, 300_000, 200_000];
    using memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "24MiB" } }, seed: 4 }, { crank: simCrank() });
    const cache = memory.cache({ maxSize: "16MiB", codec: "bytes" });
    const source = seeded(7);
    const none = Buffer.alloc(0);
    const ask = (key: string, value: Buffer): number => {
      if (cache.getInto(key, none) >= 0) return 1;
      cache.set(key, value);
      return 0;
    };
    const [few, many] = [Buffer.alloc(large), Buffer.alloc(100)];
    for (let i = 0; i < small; i++) cache.set(`s${i}`, many);
    for (let i = 0; i < times * small; i++) ask(`s${Math.floor(small * (source.below(1 << 20) / 2 ** 20) ** 2)}`, many);
    // An LRU cache would have all of them after one round of five requests each.
    const rounds = Array.from({ length: 5 }, () => {
      let hits = 0;
      for (let i = 0; i < 5 * keys; i++) hits += ask(`l${source.below(keys)}`, few);
      return hits / (5 * keys);
    });
    expect(rounds[3], `${rounds}`).toBeGreaterThan(0.9);
    expect(rounds[4], `${rounds}`).toBeGreaterThan(0.9);
    memory.check();
  },
);
