/** Caches at their limits, promotion, and pages that are moved by a change of policy or mems: bytes stay right. */
import { describe, expect, test } from "vitest";
import {
  bind,
  type Memory,
  openMemorySync,
  type Policy,
  type Preset,
  preferred,
  type SimCrank,
  simCrank,
} from "../../src/index.ts";
import { checkAndClose, MIB, PAGE, pageOf, swapPath, twoTiers } from "./helpers.ts";

const equal = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0;

describe("a cache at its limits", () => {
  test("does not store an object that is larger than itself; it is counted, and the old value is gone", () => {
    const memory = twoTiers();
    const cache = memory.cache<Uint8Array>({ codec: "bytes", maxSize: "64KiB" });
    cache.set("k", pageOf(1));
    cache.set("other", pageOf(2));
    cache.set("k", new Uint8Array(64 * 1024 + 1));
    expect(cache.get("k")).toBeUndefined();
    expect(equal(cache.get("other"), pageOf(2))).toBe(true);
    expect(cache.stats()).toMatchObject({ sets: 3, rejected: 1, evicted: 0, lost: 0 });
    cache.set("k", new Uint8Array(100 * MIB));
    expect(cache.stats().rejected).toBe(2);
    expect(cache.size).toBe(1);
    checkAndClose(memory);
  });

  test.each([0, 1, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE, 60_000])(
    "keeps a value of %i bytes, first and last",
    (length) => {
      const memory = twoTiers();
      const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "128KiB" });
      // Often enough to go round the mapping many times.
      for (let i = 0; i < 2000; i++) {
        const value = new Uint8Array(length).fill(i);
        cache.set(i % 7, value);
        expect(equal(cache.get(i % 7), value)).toBe(true);
        expect(cache.calculatedSize).toBeLessThanOrEqual(cache.maxSize);
      }
      expect(cache.stats()).toMatchObject({ hits: 2000, misses: 0, rejected: 0 });
      checkAndClose(memory);
    },
  );

  test("keeps values of no bytes among others, on the mapping's last page too", () => {
    const memory = twoTiers();
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "64KiB" });
    const index = cache.calculatedSize;
    expect(index).toBeGreaterThan(0);
    for (let i = 0; i < 5000; i++) {
      const value = new Uint8Array(i % 3 === 0 ? 0 : PAGE).fill(i);
      cache.set(i % 3, value);
      expect(equal(cache.get(i % 3), value)).toBe(true);
    }
    cache.clear();
    expect(cache.calculatedSize).toBe(index);
    checkAndClose(memory);
  });

  test("holds everything that fits, through demotion and swap, before it drops any", () => {
    const memory = twoTiers({ swap: [{ kind: "file", path: swapPath(), size: "4MiB" }] });
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "5MiB", heap: 0 });
    for (let i = 0; i < 1200; i++) cache.set(i, pageOf(i));
    for (let i = 0; i < 1200; i++) expect(equal(cache.get(i), pageOf(i))).toBe(true);
    const { hitsByTier, evicted, lost } = cache.stats();
    expect([evicted, lost]).toEqual([0, 0]);
    expect(Object.keys(hitsByTier)).toEqual(["fast", "slow", "file"]);
    expect(hitsByTier.file).toBeGreaterThan(0);
    checkAndClose(memory);
  });
});

describe("promotion", () => {
  function open(preset: Preset, crank: SimCrank): Memory {
    const nodes = { fast: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } } as const;
    const promotion = { scanPeriod: 100, scanSize: "16MiB", hotThreshold: 300 };
    return openMemorySync({ nodes, preset, promotion, pretouch: false }, { crank });
  }
  /** Touch pages again and again while time goes by. */
  function heat(memory: Memory, crank: SimCrank, touch: () => void): void {
    for (let round = 0; round < 60; round++) {
      crank.advance(50);
      memory.tick();
      touch();
    }
  }

  test.each(["lieu", "linux"] as const)("%s: hot pages of a region come up from the slow node", (preset) => {
    const crank = simCrank();
    const memory = open(preset, crank);
    const region = memory.map("4MiB");
    for (let i = 0; i < 1024; i++) region.write(i * PAGE, pageOf(i));
    const low = Array.from({ length: 1024 }, (_, i) => i).filter((i) => {
      const place = region.placeOf(i * PAGE);
      return place.where === "node" && place.node === 1;
    });
    expect(low.length).toBeGreaterThan(500);
    const hot = low.slice(0, 64);
    heat(memory, crank, () => {
      for (const i of hot) region.readUint8(i * PAGE + 7);
    });
    const up = hot.filter((i) => {
      const place = region.placeOf(i * PAGE);
      return place.where === "node" && place.node === 0;
    });
    expect(up.length).toBeGreaterThan(hot.length / 2);
    const { pgpromote_success, pgpromote_judged, numa_hint_faults, numa_pte_updates } = memory.vmstat();
    expect(pgpromote_success).toBeGreaterThanOrEqual(up.length);
    // What rises was marked and faulted, or its uses were counted and judged.
    const considered = preset === "lieu" ? pgpromote_judged : numa_hint_faults;
    expect(considered).toBeGreaterThanOrEqual(pgpromote_success);
    expect(numa_pte_updates).toBeGreaterThanOrEqual(numa_hint_faults);
    for (let i = 0; i < 1024; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
    checkAndClose(memory);
  });

  test("hot entries of a cache come up; all keep their bytes", () => {
    const crank = simCrank();
    const memory = open("lieu", crank);
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "5MiB" });
    for (let i = 0; i < 1000; i++) cache.set(i, pageOf(i));
    const before = cache.stats().hitsByTier.slow as number;
    heat(memory, crank, () => {
      for (let i = 0; i < 50; i++) expect(equal(cache.get(i), pageOf(i))).toBe(true);
    });
    expect(memory.vmstat().pgpromote_success).toBeGreaterThan(25);
    expect(cache.stats().hitsByTier.slow).toBeGreaterThan(before);
    const fast = cache.stats().hitsByTier.fast as number;
    for (let i = 0; i < 50; i++) cache.get(i);
    expect((cache.stats().hitsByTier.fast as number) - fast).toBeGreaterThan(25);
    for (let i = 0; i < 1000; i++) expect(equal(cache.get(i), pageOf(i))).toBe(true);
    checkAndClose(memory);
  });

  test.each<[string, Preset, Policy | undefined]>([
    ["where it is turned off", "rfc2020", undefined],
    ["for a cache that is bound to the slow node", "lieu", bind("slow")],
    ["for a cache that prefers the slow node", "lieu", preferred("slow")],
  ])("stays off %s: entries are read where they are", (_, preset, policy) => {
    const crank = simCrank();
    const memory = open(preset, crank);
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "3MiB", ...(policy && { policy }) });
    for (let i = 0; i < 1000; i++) cache.set(i, pageOf(i % 2 === 0 ? i : -i).subarray(0, i % 2 === 0 ? PAGE : 500));
    if (policy === undefined) memory.reclaim("2MiB", { mode: "demote" });
    const { fast } = cache.stats().hitsByTier;
    heat(memory, crank, () => {
      for (let i = 0; i < 50; i++) expect(cache.get(i)).toBeDefined();
    });
    expect(cache.stats().hitsByTier.fast).toBe(fast);
    expect(cache.stats().hitsByTier.slow).toBe(60 * 50);
    expect(memory.vmstat().pgpromote_success).toBe(0);
    checkAndClose(memory);
  });

  test("a value that is set again is no hit, wherever it is", () => {
    const memory = twoTiers();
    const cache = memory.cache<Uint8Array>({ codec: "bytes", maxSize: "64KiB" });
    for (let i = 0; i < 10; i++) cache.set("k", pageOf(i).subarray(0, 100));
    expect(cache.stats()).toMatchObject({ sets: 10, hits: 0, misses: 0, hitsByTier: { fast: 0, slow: 0 } });
    checkAndClose(memory);
  });

  test("stays off where it is turned off, and for what is bound to the slow node", () => {
    for (const preset of ["rfc2020", "lieu"] as const) {
      const crank = simCrank();
      const memory = open(preset, crank);
      const region = memory.map("1MiB", preset === "lieu" ? { policy: bind("slow") } : {});
      region.fill(3);
      if (preset === "rfc2020") memory.reclaim("1MiB", { mode: "demote" });
      heat(memory, crank, () => {
        for (let i = 0; i < 256; i++) region.readUint8(i * PAGE);
      });
      expect(memory.vmstat().pgpromote_success).toBe(0);
      checkAndClose(memory);
    }
  });
});

describe("a change of policy or mems", () => {
  const nodeOf = (region: { placeOf(offset: number): unknown }, page: number) => region.placeOf(page * PAGE);

  test("moves pages to nodes that the old one forbade, without swap", () => {
    const memory = twoTiers();
    const region = memory.map("512KiB", { policy: bind("fast") });
    for (let i = 0; i < 128; i++) region.write(i * PAGE, pageOf(i));
    for (const [name, node] of [
      ["slow", 1],
      ["fast", 0],
      ["slow", 1],
    ] as const) {
      region.setPolicy(bind(name));
      for (let i = 0; i < 128; i++) expect(nodeOf(region, i)).toMatchObject({ where: "node", node });
    }
    for (let i = 0; i < 128; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
    expect(memory.vmstat().policy_violations).toBe(0);
    checkAndClose(memory);
  });

  test("the same for a group's mems, large folios and locked pages too", () => {
    const memory = twoTiers({
      nodes: { fast: { kind: "dram", size: "4MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } },
    });
    const group = memory.group("g", { mems: ["fast"] });
    const regions = [
      memory.map("1MiB", { group, folio: "512KiB" }),
      memory.map("256KiB", { group, locked: true }),
      memory.map("256KiB", { group, policy: bind("fast", "slow") }),
    ];
    for (const region of regions) for (let at = 0; at < region.size; at += PAGE) region.write(at, pageOf(at / PAGE));
    for (const [name, node] of [
      ["slow", 1],
      ["fast", 0],
    ] as const) {
      group.set({ mems: [name] });
      memory.check();
      for (const region of regions) {
        for (let at = 0; at < region.size; at += PAGE) {
          expect(region.placeOf(at)).toMatchObject({ where: "node", node });
          expect(equal(region.read(at, PAGE), pageOf(at / PAGE))).toBe(true);
        }
      }
    }
    checkAndClose(memory);
  });

  test("that finds no room leaves the old one in force and no page out of place", () => {
    const memory = twoTiers();
    const full = memory.map("1900KiB", { policy: bind("slow"), locked: true });
    full.fill(1);
    const region = memory.map("512KiB", { policy: bind("fast") });
    for (let i = 0; i < 128; i++) region.write(i * PAGE, pageOf(i));
    expect(() => region.setPolicy(bind("slow"))).toThrow(/^ENOMEM: no room for a page of region/);
    memory.check();
    for (let i = 0; i < 128; i++) {
      expect(nodeOf(region, i)).toMatchObject({ where: "node", node: 0 });
      expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
    }
    checkAndClose(memory);
  });
});
