/** Dictionaries of compressed pages: when a group gets one, what it brings, and when it goes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine, type Pages, type TestEngine, TWINS } from "../../test/support/engine.ts";
import {
  C_ZDICT_NEXT,
  C_ZSTORES,
  H_ZSTORES,
  MAX_ZDICTS,
  setHdr,
  setMemcg,
  ZD_MEMCG,
  ZD_STATE,
  ZD_USERS,
  zdict,
  zdictAddr,
  zdictSize,
  zdicts,
} from "./layout.ts";
import { ZDICT_FREE, ZDICT_READY, ZDICT_RETIRED } from "./zdict.ts";

/** Records of one service: the same words in each, and numbers. Another `kind` has other words. */
function records(kind: number): Uint8Array {
  const words = Array.from(
    { length: 150 },
    (_, i) => `"${(Math.imul(kind * 150 + i + 1, 0x9e3779b1) >>> 0).toString(36)}${i}":`,
  );
  let text = "";
  for (let i = 0; text.length < 1 << 20; i++)
    text += `${words[(i * 7) % 150]}${(Math.imul(i + 1, 0x85ebca6b) >>> 0) % 100000},`;
  return Buffer.from(text);
}
const texts = [0, 1, 2, 3].map((kind) => new Uint32Array(Uint8Array.from(records(kind)).slice(0, 1 << 20).buffer));
/** Words of a page: a part of the text of its kind, another for each page and version. */
const wordsOf =
  (kind: number) =>
  (page: number, version: number, i: number): number => {
    const text = texts[kind] as Uint32Array;
    return text[((page * 7919 + version * 104729) * 1024 + i) % text.length] as number;
  };
const noise = (page: number, version: number, i: number): number =>
  Math.imul((page * 4099 + version * 31 + i) | 1, 0x9e3779b1) ^ (i << 7);

describe.each(TWINS)("dictionaries (%s)", (engine) => {
  const boot = (zpages = 512): TestEngine =>
    bootEngine({ engine, nodes: [{ pages: 512, watermarks: [8, 16, 24, 32] }], zpages, swap: 2000, steps: 16 });
  const states = () => Array.from({ length: zdicts() }, (_, d) => zdict(d, ZD_STATE));
  /** Send all pages to the pool, `rounds` times, other bytes each time. */
  const cycle = (pages: Pages, rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      for (let page = 0; page < pages.count; page++) expect(pages.write(page)).toBe(0);
      pages.pageout();
    }
  };

  test("what pages have in common is kept once, and they take less", () => {
    const memory = boot();
    const pages = memory.map(300, { words: wordsOf(0) });
    cycle(pages, 1);
    const before = memory.vmstat();
    expect(states()).toContain(ZDICT_READY);
    cycle(pages, 1);
    const after = memory.vmstat();
    expect([before.nr_zswapped, after.nr_zswapped]).toEqual([300, 300]);
    // Of the first, too, some were made with it.
    expect(after.nr_zspages).toBeLessThan(before.nr_zspages * 0.93);
    pages.verify();
    memory.check();
  });

  test("a group has one of its own, and it goes with the group", () => {
    const memory = boot();
    const groups = [memory.group(1), memory.group(1)];
    const all = groups.map((memcg, kind) => memory.map(200, { memcg, words: wordsOf(kind) }));
    for (const pages of all) cycle(pages, 2);
    expect(states()).toEqual([ZDICT_READY, ZDICT_READY]);
    expect(new Set([zdict(0, ZD_MEMCG), zdict(1, ZD_MEMCG)])).toEqual(new Set(groups));
    // No more is free: a third group's pages are stored as ever.
    const third = memory.map(200, { words: wordsOf(2) });
    cycle(third, 2);
    for (const pages of [...all, third]) pages.verify();
    memory.check();
    (all[0] as Pages).unmap();
    expect(memory.calls.destroyMemcg(groups[0] as number)).toBe(0);
    expect(states()).toContain(ZDICT_FREE);
    setMemcg(0, C_ZDICT_NEXT, 1);
    cycle(third, 2);
    expect(states()).toEqual([ZDICT_READY, ZDICT_READY]);
    third.verify();
  });

  test("one that does not pay is let go", () => {
    const memory = boot();
    // Each page is one piece of noise over and over: no other page has it.
    const pages = memory.map(200, { words: (page, version, i) => noise(page, version, i % 300) });
    cycle(pages, 5);
    expect(memory.vmstat().nr_zswapped).toBe(200);
    expect(states()).toEqual([ZDICT_FREE, ZDICT_FREE]);
    pages.verify();
  });

  test("when pages change, a new one is made, and the old one stays for those that need it", () => {
    const memory = boot();
    let kind = 0;
    const still = memory.map(60, { words: wordsOf(0) });
    const pages = memory.map(250, { words: (page, version, i) => wordsOf(kind)(page, version, i) });
    cycle(pages, 2);
    cycle(still, 1);
    // By now the group could have another; what its pages take at first has to be known.
    cycle(pages, 2);
    setMemcg(0, C_ZDICT_NEXT, 1);
    const [before] = [states()];
    kind = 1;
    pages.unmap();
    const others = memory.map(250, { words: wordsOf(1) });
    cycle(others, 8);
    expect(before).toContain(ZDICT_READY);
    expect([...states()].sort()).toEqual([ZDICT_READY, ZDICT_RETIRED]);
    const retired = states().indexOf(ZDICT_RETIRED);
    expect(zdict(retired, ZD_USERS)).toBe(60);
    memory.check();
    still.verify();
    others.verify();
    expect(states()[retired]).toBe(ZDICT_FREE);
  });

  test("one that is no better than the one there is does not take its place", () => {
    const memory = boot();
    // Each page has a part of one text that all of a dictionary has room for.
    const pages = memory.map(250, { words: (page, version, i) => wordsOf(0)(0, 0, (page * 997 + version + i) % 3000) });
    cycle(pages, 3);
    const ready = states().indexOf(ZDICT_READY);
    setMemcg(0, C_ZDICT_NEXT, 1);
    const seen = new Set<string>();
    for (let round = 0; round < 10; round++) {
      cycle(pages, 1);
      memory.check();
      seen.add(states().join());
    }
    // It was filled and tried, and pages that have the old one keep it.
    expect([...seen].some((at) => at.includes(`${ZDICT_RETIRED}`))).toBe(true);
    expect(states().indexOf(ZDICT_READY)).toBe(ready);
    cycle(pages, 1);
    expect(states().filter((state) => state === ZDICT_FREE).length).toBe(zdicts() - 1);
    pages.verify();
    memory.check();
  });

  test("it has in it what pages have in common, wherever it is in them", () => {
    const memory = boot();
    const common = (i: number): number => Math.imul(i + 1, 0x85ebca6b);
    // 100 words of 1024, and noise.
    const pages = memory.map(300, {
      words: (page, version, i) => {
        const at = i - ((page * 131 + version * 17) % 900);
        return at >= 0 && at < 100 ? common(at) : noise(page, version, i);
      },
    });
    cycle(pages, 1);
    const d = [0, 1].find((each) => zdict(each, ZD_STATE) !== ZDICT_FREE) as number;
    const bytes = Buffer.from(memory.vm.segment.h8.slice(zdictAddr(d), zdictAddr(d) + zdictSize()));
    const part = Buffer.from(Int32Array.from({ length: 40 }, (_, i) => common(i + 30)).buffer);
    expect(bytes.includes(part)).toBe(true);
  });

  test("one that nobody comes to is taken by another group", () => {
    const memory = boot(256);
    expect([zdicts(), zdictSize()]).toEqual([1, 16384]);
    const first = memory.map(200, { memcg: memory.group(1), words: wordsOf(0) });
    cycle(first, 2);
    expect(states()).toEqual([ZDICT_READY]);
    const second = memory.map(200, { words: wordsOf(1) });
    cycle(second, 2);
    expect(zdict(0, ZD_MEMCG)).not.toBe(0);
    first.unmap();
    // Numbers that wrap: of pages of all, and of the group's.
    setHdr(H_ZSTORES, 0x7fffffff - 100);
    setMemcg(0, C_ZSTORES, 0x7fffffff - 100);
    setMemcg(0, C_ZDICT_NEXT, 0x7fffffff - 200);
    cycle(second, 2);
    expect([zdict(0, ZD_MEMCG), zdict(0, ZD_STATE)]).toEqual([0, ZDICT_READY]);
    second.verify();
  });

  test("sizes by the pool's, and none where they would take more than a twentieth of it", () => {
    const of = (zpages: number) => {
      boot(zpages);
      return [zdicts(), zdictSize() >> 10];
    };
    expect([16, 63, 64, 127, 128, 255, 256, 1023, 1024, 4096].map(of)).toEqual([
      [0, 0],
      [0, 0],
      [1, 4],
      [1, 4],
      [2, 4],
      [3, 4],
      [1, 16],
      [3, 16],
      [2, 32],
      [MAX_ZDICTS, 32],
    ]);
  });
});

describe.each(["js", "wasm"] as const)("LZ4 with a dictionary (%s)", (engine) => {
  const memory = bootEngine({ nodes: [{ pages: 80 }], engine });
  const { h8, data } = memory.vm.segment;
  const [plain, block, back, table, dict, dictTable] = [0, 16, 32, 44, 48, 56].map((page) => data + page * 4096) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 900 })).map(([byte, n]) => new Uint8Array(n).fill(byte)),
    fc
      .array(fc.constantFrom('"user":', '"name":', "true", "1729", "the ", ",\n"), { minLength: 1, maxLength: 200 })
      .map((words) => Buffer.from(words.join(""))),
  );
  const bytesOf = (n: fc.Arbitrary<number>) =>
    fc
      .tuple(fc.array(piece, { minLength: 1, maxLength: 8 }), n)
      .map(([parts, size]) => Buffer.alloc(size, Buffer.concat(parts)));

  test("gives back what it was given, and writes nothing beside it; a damaged block ends in -1", () => {
    const size = fc.constantFrom(2048, 4096, 16384, 32768);
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
    // Pages that have parts of the dictionary in them, its first and last bytes too.
    const property = fc.property(
      bytesOf(size),
      bytesOf(fc.integer({ min: 1, max: 9000 })),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(700)), { maxLength: 6 }),
      changes,
      (known, bytes, parts, damage) => {
        for (const [from, to, n] of parts) {
          const at = from % known.length;
          known.copy(bytes, to % bytes.length, at, Math.min(known.length, at + n));
        }
        known.copy(bytes, bytes.length >> 1, known.length - 60);
        h8.set(known, dict);
        h8.fill(0xa5, dictTable, dictTable + 16 * 4096);
        memory.calls.lz4LoadDict(dict, known.length, dictTable);
        h8.fill(0xa5, block, block + 12 * 4096).fill(0xa5, back, back + 12 * 4096);
        h8.set(bytes, plain);
        const using = (room: number) =>
          memory.calls.lz4CompressUsing(plain, bytes.length, block, room, table, dict, known.length, dictTable);
        const n = using(12 * 4096 - 64);
        expect(n).toBeGreaterThan(0);
        expect(h8.subarray(block + n, block + 12 * 4096).every((byte) => byte === 0xa5)).toBe(true);
        const read = (tail: number) =>
          memory.calls.lz4DecompressUsing(block, n + tail, back, bytes.length, dict, known.length);
        for (const tail of [0, 40]) {
          expect(read(tail)).toBe(n);
          expect(Buffer.compare(h8.subarray(back, back + bytes.length), bytes)).toBe(0);
          expect(h8.subarray(back + bytes.length, back + 12 * 4096).every((byte) => byte === 0xa5)).toBe(true);
        }
        expect(using(n)).toBe(n);
        expect(using(n - 1)).toBe(0);
        using(n);
        for (const [at, byte] of damage) h8[block + (at % n)] = byte;
        h8.fill(0xa5, back - 64, back);
        const got = read(0);
        expect(got === -1 || (got > 0 && got <= n)).toBe(true);
        expect(h8.subarray(back + bytes.length, back + 12 * 4096).every((byte) => byte === 0xa5)).toBe(true);
        expect(h8.subarray(back - 64, back).every((byte) => byte === 0xa5)).toBe(true);
      },
    );
    fc.assert(property, { numRuns: engine === "js" ? 60 : 250 });
  });

  test("what is in the dictionary costs next to nothing", () => {
    const known = Buffer.alloc(4096);
    for (let i = 0; i < 1024; i++) known.writeInt32LE(Math.imul(i + 1, 0x9e3779b1), i * 4);
    h8.set(known, dict);
    memory.calls.lz4LoadDict(dict, 4096, dictTable);
    h8.set(known, plain);
    expect(memory.calls.lz4Compress(plain, 4096, block, 8192, table)).toBeGreaterThan(4000);
    expect(memory.calls.lz4CompressUsing(plain, 4096, block, 8192, table, dict, 4096, dictTable)).toBeLessThan(50);
  });
});
