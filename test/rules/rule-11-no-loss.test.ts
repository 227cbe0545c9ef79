/**
 * Rule 11, no loss: an error of a lower device (full, failing, corrupt, gone) never loses a region's byte and never returns
 * a wrong one; for a cache it is a miss. Lower tiers carry checksums.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { injectFaults, isLieuError, openMemorySync, type SwapDevice, simCrank } from "../../src/index.ts";
import { EIO, ENOMEM } from "../../src/mm/errno.ts";
import type { FaultPlan } from "../../src/swap/faulty.ts";
import {
  bootEngine,
  faultsOf,
  LRU,
  memoryDevice,
  type Pages,
  type SwapSpec,
  type TestEngine,
  TWINS,
} from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;

describe.each(TWINS)("rule 11, no loss (%s)", (engine) => {
  const boot = (swap: readonly SwapSpec[]): TestEngine =>
    bootEngine({
      engine,
      swap,
      steps: 16,
      nodes: [
        { pages: 96, watermarks: marks },
        { pages: 96, tier: 1, watermarks: marks },
      ],
    });
  /** Reads and writes at random; every value that is read is checked. Returns how often each result was seen. */
  const play = (pages: Pages, n: number, allowed: readonly number[]): Map<number, number> => {
    const seen = new Map<number, number>();
    let x = 4711;
    for (let i = 0; i < n; i++) {
      x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
      const page = (x >>> 9) % pages.count;
      const r = (x & 256) !== 0 ? pages.write(page) : pages.read(page);
      if (r < 0 && !allowed.includes(r)) throw new Error(`operation ${i}, page ${page}: ${r}`);
      seen.set(r, (seen.get(r) ?? 0) + 1);
    }
    return seen;
  };
  /** Read everything back; a device that failed is tried again only now and then, so asking again may be needed. */
  const recover = (pages: Pages): void => {
    for (let page = 0; page < pages.count; page++) {
      let r = pages.read(page);
      for (let again = 0; r === ENOMEM && again < 200; again++) r = pages.read(page);
      expect(r, `page ${page}`).toBe(0);
    }
  };
  const ops = engine === "js" ? 2500 : 10000;

  test.each<[string, FaultPlan]>([
    ["writes fail", { write: { error: 0.4 } }],
    ["writes are cut short", { write: { shortWrite: 0.4 } }],
    ["the device is full", { write: { full: 0.6 } }],
    ["reads fail", { read: { error: 0.3 } }],
    ["reads come back with a bit flipped", { read: { flip: 0.3 } }],
    ["all of it", { write: { error: 0.1, shortWrite: 0.1, full: 0.1 }, read: { error: 0.1, flip: 0.1 } }],
  ])("%s: a region reads right or says so, and has every byte once the fault is gone", (_, plan) => {
    const memory = boot([{ slots: 512, faults: { seed: 5, ...plan } }]);
    const pages = memory.map(300);
    const seen = play(pages, ops, [EIO, ENOMEM]);
    const faults = faultsOf(memory);
    expect(Object.values(faults.injected).reduce((a, b) => a + b)).toBeGreaterThan(3);
    expect((seen.get(EIO) ?? 0) > 0).toBe(plan.read !== undefined);
    const v = memory.vmstat();
    expect(v.swap_read_error).toBe(seen.get(EIO) ?? 0);
    expect(v.swap_write_error > 0).toBe(plan.write !== undefined);
    memory.check();
    faults.enabled = false;
    recover(pages);
    expect(memory.vmstat().swap_read_error).toBe(seen.get(EIO) ?? 0);
  });

  test("what the device itself corrupted is an error each time it is read, until the page is overwritten", () => {
    const memory = boot([{ slots: 512, faults: { write: { flip: 1 } } }]);
    const pages = memory.map(30).fill();
    // One bit in each write of up to 32 pages.
    for (let page = 0; page < 30; page++) expect(pages.pageout(page, page + 1)).toBe(1);
    faultsOf(memory).enabled = false;
    for (let page = 0; page < 30; page++) expect([pages.read(page), pages.read(page)]).toEqual([EIO, EIO]);
    expect([memory.vmstat().swap_read_error, memory.vmstat().pswpin, pages.countAt(-2)]).toEqual([60, 0, 30]);
    for (let page = 0; page < 30; page++) expect(pages.access(page, 2)).toBe(0);
    pages.fill().verify();
  });

  test("a device that is full is left for the next by priority", () => {
    const memory = boot([
      { slots: 512, priority: 10, faults: { write: { full: 1 } } },
      { slots: 512, priority: 5 },
      { slots: 512, priority: 0 },
    ]);
    const pages = memory.map(400).fill();
    expect([pages.countAt(-2), pages.countAt(-3) > 150, pages.countAt(-4)]).toEqual([0, true, 0]);
    expect(memory.vmstat().swap_write_error).toBeGreaterThan(0);
    expect(memory.vmstat().swap_write_error, "tried ever more rarely").toBeLessThan(200);
    faultsOf(memory, 0).enabled = false;
    pages.verify();
    play(pages, ops, []);
    expect(pages.countAt(-2), "and used again when it works").toBeGreaterThan(0);
    pages.verify();
  });

  test("devices are filled by priority, equal ones in turn", () => {
    const memory = boot([{ slots: 96, priority: 9 }, { slots: 96, priority: 9 }, { slots: 512 }]);
    // Batches of generations are a good part of such a small node, so that more goes out.
    const pages = memory.map(LRU === "classic" ? 300 : 270).fill();
    expect(Math.min(pages.countAt(-2), pages.countAt(-3))).toBeGreaterThan(20);
    expect(pages.countAt(-4)).toBe(0);
    const more = memory.map(200).fill();
    expect([pages.countAt(-2) + more.countAt(-2), pages.countAt(-3) + more.countAt(-3)]).toEqual([96, 96]);
    expect(pages.countAt(-4) + more.countAt(-4)).toBeGreaterThan(50);
    pages.verify();
    more.verify();
  });

  test("no device works and all nodes are full: no room, and nothing lost", () => {
    const memory = boot([{ slots: 512, faults: { write: { error: 1 } } }]);
    const pages = memory.map(300);
    const results = Array.from({ length: 300 }, (_, page) => pages.write(page));
    const fit = results.filter((r) => r === 0).length;
    expect(fit).toBeGreaterThan(150);
    expect(new Set(results.filter((r) => r !== 0))).toEqual(new Set([ENOMEM]));
    for (let page = 0; page < fit; page++) expect(pages.read(page)).toBe(0);
    faultsOf(memory).enabled = false;
    recover(pages);
  });

  test("a cache's page that cannot be read back is an error to the cache, which it takes for a miss, never wrong bytes", () => {
    const memory = boot([{ slots: 128, faults: { seed: 3, read: { error: 0.2, flip: 0.2 }, write: { flip: 0.1 } } }]);
    const pages = memory.map(600, { file: true });
    const ENOENT = -2;
    const seen = new Map<number, number>();
    let x = 99;
    for (let i = 0; i < ops; i++) {
      x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
      const page = (x >>> 9) % 600;
      const r = pages.read(page);
      seen.set(r, (seen.get(r) ?? 0) + 1);
      if (r === 0) continue;
      expect(r === ENOENT || r === EIO).toBe(true);
      // A miss is filled anew, whole.
      expect(pages.access(page, 2)).toBe(0);
      pages.fill(page, page + 1);
    }
    expect(seen.get(EIO)).toBeGreaterThan(10);
    expect(seen.get(0)).toBeGreaterThan(100);
  });

  describe("through the public API", () => {
    const open = (plan: FaultPlan) => {
      const folder = mkdtempSync(join(tmpdir(), "lieu-no-loss-"));
      let device: ReturnType<typeof injectFaults> | undefined;
      const memory = openMemorySync(
        {
          engine,
          nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
          swap: [{ kind: "file", path: join(folder, "swap"), size: "8MiB" }],
        },
        {
          crank: simCrank(),
          wrapDevice: (inner: SwapDevice) => {
            inner.close();
            device = injectFaults(memoryDevice(inner.slots), plan);
            return device;
          },
        },
      );
      rmSync(folder, { recursive: true, force: true });
      return { memory, faults: (device as NonNullable<typeof device>).faults };
    };

    test("a region's read is an EIO error with the device's own words, and succeeds later", () => {
      const { memory, faults } = open({ read: { error: 1 }, enabled: false });
      const region = memory.map("4MiB");
      for (let page = 0; page < 1024; page++) region.writeInt32(page * 4096, page + 1);
      faults.enabled = true;
      const out = [...Array(1024).keys()].find((page) => region.placeOf(page * 4096).where === "swap") as number;
      let error: unknown;
      try {
        region.readInt32(out * 4096);
      } catch (e) {
        error = e;
      }
      expect(isLieuError(error, "EIO")).toBe(true);
      expect(String(error)).toContain("injected fault");
      memory.check();
      faults.enabled = false;
      for (let page = 0; page < 1024; page++) expect(region.readInt32(page * 4096)).toBe(page + 1);
      memory.check();
      memory[Symbol.dispose]();
    });

    test("a cache misses what its device lost, and never returns a wrong value", () => {
      const { memory } = open({ seed: 9, read: { error: 0.2, flip: 0.2 }, write: { flip: 0.2, error: 0.1 } });
      const cache = memory.cache<string>({ codec: "string" });
      let hits = 0;
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 8000; i++) {
          const found = cache.get(`k${i}`);
          const value = `${i}:${"v".repeat(i % 900)}`;
          if (found === undefined) cache.set(`k${i}`, value);
          else {
            expect(found).toBe(value);
            hits++;
          }
        }
      }
      expect(hits).toBeGreaterThan(100);
      expect(memory.vmstat().swap_read_error).toBeGreaterThan(0);
      memory.check();
      memory[Symbol.dispose]();
    });
  });
});
