import { describe, expect, test } from "vitest";
import {
  bootEngine,
  type EngineSpec,
  faultsOf,
  type Pages,
  type TestEngine,
  TWINS,
} from "../../test/support/engine.ts";
import { ENOMEM } from "./errno.ts";
import { ENOENT } from "./mm.ts";

const marks = [8, 16, 24, 32] as const;

/** Records that compress to a third or so; the more `noise` words in ten, the worse. */
const records =
  (noise: number) =>
  (page: number, version: number, i: number): number =>
    i % 10 < noise ? Math.imul(page * 4099 + version * 31 + i, 0x9e3779b1) : 0x20202020 + (i % 7) * 0x01000100;
const compressible = records(2);

describe.each(TWINS)("compressed pages (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({ engine, nodes: [{ pages: 128, watermarks: marks }], zpages: 64, steps: 16, ...spec });
  const play = (pages: Pages, n: number, seed = 4711): void => {
    let x = seed;
    for (let i = 0; i < n; i++) {
      x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
      const page = (x >>> 9) % pages.count;
      const r = (x & 256) !== 0 ? pages.write(page) : pages.read(page);
      if (r < 0) throw new Error(`operation ${i}, page ${page}: ${r}`);
    }
  };

  test("alone, the pool holds more pages than it has, and gives every byte back", () => {
    const memory = boot();
    const pages = memory.map(220, { words: compressible }).fill();
    const v = memory.vmstat();
    expect(v.nr_zswapped).toBeGreaterThan(90);
    // Two of them are a dictionary and its table.
    expect(v.nr_zspages).toBeLessThan(2 + v.nr_zswapped / 2);
    expect([v.pswpout, v.zswpout > 0, pages.countAt(-2)]).toEqual([0, true, v.nr_zswapped]);
    pages.verify();
    play(pages, 3000);
    pages.verify();
    const after = memory.vmstat();
    expect(after.zswpin).toBeGreaterThan(100);
    expect(after.zswpout - after.zswpin, "what went in and did not come back").toBe(after.nr_zswapped);
    expect(after.pgmajfault).toBe(after.zswpin);
    pages.unmap();
    expect([memory.vmstat().nr_zspages, memory.vmstat().nr_zswapped]).toEqual([0, 0]);
  });

  test("pages of one word cost nothing in the pool", () => {
    const memory = boot();
    const zeros = memory.map(120, { words: (page) => (page % 3 === 0 ? 0x5a5a1234 : 0) }).fill();
    zeros.pageout();
    expect([memory.vmstat().nr_zswapped, memory.vmstat().nr_zspages]).toEqual([120, 0]);
    zeros.verify();
    // All but one word: not of one word.
    const nearly = memory.map(20, { words: (page, _, i) => (i === page * 50 + 1 ? 7 : 0) }).fill();
    nearly.pageout();
    expect(memory.vmstat().nr_zspages).toBeGreaterThan(0);
    nearly.verify();
  });

  test("what compresses badly goes to the device; with none it stays in the pool as it is", () => {
    const noisy = boot({ swap: 200 });
    const noise = noisy.map(200).fill();
    expect(noisy.vmstat()).toMatchObject({ nr_zswapped: 0, zswpout: 0 });
    expect(noisy.vmstat().zswap_reject_compress_poor).toBe(noisy.vmstat().pswpout);
    expect(noise.countAt(-3)).toBeGreaterThan(70);
    noise.verify();
    const alone = boot();
    const kept = alone.map(160).fill();
    expect(alone.vmstat().nr_zspages).toBe(alone.vmstat().nr_zswapped);
    kept.verify();
    play(kept, 1000);
  });

  test("a full pool writes its oldest pages back, and they come back from the device", () => {
    const memory = boot({ zpages: 32, swap: 400 });
    const pages = memory.map(400, { words: compressible }).fill();
    const v = memory.vmstat();
    expect(v.zswpwb).toBeGreaterThan(100);
    expect(v.pswpout).toBe(v.zswpwb);
    expect(v.nr_swapped).toBe(pages.countAt(-2) + pages.countAt(-3));
    // Filled in order: what was written back went into the pool before what is in it, but for what reclaim had spared a round.
    const meanAt = (place: number): number => {
      const at = [...Array(400).keys()].filter((page) => pages.place(page) === place);
      return at.reduce((sum, page) => sum + page, 0) / at.length;
    };
    expect(meanAt(-2) - meanAt(-3)).toBeGreaterThan(70);
    pages.verify();
    play(pages, 4000);
    pages.verify();
  });

  test("with no room anywhere a region's write fails and nothing is lost; room that is made is used at once", () => {
    const memory = boot({ zpages: 16 });
    const other = memory.map(40, { words: compressible }).fill();
    const pages = memory.map(400, { words: compressible });
    let page = 0;
    while (pages.write(page) === 0) page++;
    expect(page).toBeLessThan(300);
    // A page that has to come back needs a frame, too, and there is none.
    for (let p = 0; p <= page; p++) expect([0, ENOMEM]).toContain(pages.read(p));
    expect(pages.write(page)).toBe(ENOMEM);
    other.unmap();
    pages.verify(0, page);
    for (let more = 0; more < 20; more++) expect(pages.write(page + more)).toBe(0);
    pages.verify(0, page + 20);
  });

  test("a cache's oldest pages are dropped when the pool is full, not its newest", () => {
    const memory = boot({ zpages: 16 });
    const cache = memory.map(400, { file: true, words: compressible });
    const lost: number[] = [];
    memory.vm.onDiscard(cache.id, (vpn) => lost.push(vpn - cache.start));
    cache.fill();
    expect(memory.vmstat().pgdiscard).toBe(lost.length);
    expect(lost.length).toBeGreaterThan(100);
    expect(Math.max(...lost)).toBeLessThan(300);
    for (const page of lost) expect(cache.read(page)).toBe(ENOENT);
    for (let page = 330; page < 400; page++) expect(cache.read(page)).toBe(0);
  });

  test("a device that fails takes nothing from the pool, and does when it works again", () => {
    const memory = boot({
      zpages: 32,
      swap: [{ slots: 400, faults: { seed: 3, write: { error: 0.5 }, read: { error: 0.2 } } }],
    });
    const pages = memory.map(300, { words: compressible });
    for (let page = 0; page < 300; page++) for (let again = 0; again < 100 && pages.write(page) !== 0; again++);
    const faults = faultsOf(memory, 1);
    expect(faults.injected.error).toBeGreaterThan(3);
    memory.check();
    faults.enabled = false;
    for (let page = 0; page < 300; page++) {
      let r = pages.read(page);
      for (let again = 0; r === ENOMEM && again < 50; again++) r = pages.read(page);
      expect(r, `page ${page}`).toBe(0);
    }
    play(pages, 2000);
    pages.verify();
  });

  test("sizes of all kinds, under random reads and writes, with both", () => {
    for (const lru of ["classic", "mglru"] as const) {
      const memory = boot({
        lru,
        zpages: 48,
        swap: 200,
        nodes: [
          { pages: 96, watermarks: marks },
          { pages: 96, tier: 1, watermarks: marks },
        ],
      });
      const kinds = [0, 1, 3, 5, 10].map((noise) => memory.map(70, { words: records(noise) }).fill());
      for (let round = 0; round < 4; round++) for (const pages of kinds) play(pages, 300, 77 + round);
      for (const pages of kinds) pages.verify();
      memory.check();
      expect(memory.vmstat().zswpwb).toBeGreaterThan(0);
      for (const pages of kinds) pages.unmap();
      expect(memory.vmstat().nr_zspages).toBe(0);
    }
  });
});
