import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openMemorySync } from "../memory/open.ts";
import { frameAddr, MAX_VMAS, pte, V_ACTIVE, V_LOCKED, V_PAGES, V_START, vma } from "../mm/layout.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { PRESETS, type Preset } from "../mm/presets.ts";
import type { SwapDevice } from "../swap/device.ts";
import { type FaultPlan, injectFaults } from "../swap/faulty.ts";
import { shift, zipf } from "./generate.ts";
import { makeReplayer, type ReplayResult, replay } from "./replay.ts";
import { memoryOptionsOf, type ReplayOptions } from "./replay-options.ts";
import type { RegionReplayer } from "./replay-region.ts";
import { RequestClock } from "./replayer.ts";
import type { Trace } from "./trace.ts";

/** Temporary files go where this test can see that none is left. */
const folder = mkdtempSync(join(tmpdir(), "lieu-test-"));
const before = process.env.TMPDIR;
beforeAll(() => {
  process.env.TMPDIR = folder;
});
afterEach(() => expect(readdirSync(folder)).toEqual([]));
afterAll(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(folder, { recursive: true });
});

/** Pages, a third of them hot; 16 MiB in all, more than the tiers below hold. */
const pages: Trace = zipf({ keys: 4096, requests: 60_000, alpha: 0.7, writeRatio: 0.3, name: "pages" });
/** Objects of 1 B to 20 KB: within a page, across pages, over several. */
const objects: Trace = zipf({ keys: 3000, requests: 40_000, alpha: 0.8, size: [1, 20_000], name: "objects" });
const TIERS = { dram: "3MiB", slow: "4MiB" } as const;

function total(result: ReplayResult): number {
  return Object.values(result.hitsByTier).reduce((a, b) => a + b, 0);
}

describe("as a region", () => {
  test("misses first touches alone, and counts every hit where it was", async () => {
    const result = await replay(pages, { as: "region", ...TIERS });
    expect(result).toMatchObject({
      trace: "pages",
      as: "region",
      requests: 60_000,
      corrupt: 0,
      violations: 0,
      seed: 1,
    });
    expect(result.misses).toBe(pages.keys);
    expect(result.hits).toBe(60_000 - pages.keys);
    expect(result.objectMissRatio).toBe(pages.keys / 60_000);
    expect(result.byteMissRatio).toBe(pages.keys / 60_000);
    expect(Object.keys(result.hitsByTier)).toEqual(["dram", "slow", "swap"]);
    expect(Object.values(result.hitsByTier).every((n) => n > 0)).toBe(true);
    expect(total(result)).toBe(result.hits);
    expect(result.checkedBytes).toBe(result.hits * 4096);
    expect(result.vmstat.pgdemote_kswapd).toBeGreaterThan(0);
    // A page that is marked, and waits for the touch that may promote it, can leave in kswapd's turn just before that touch: it
    // counts where it was when the request came.
    const lately = result.vmstat.pswpin - (result.hitsByTier.swap as number);
    expect(lately).toBeGreaterThanOrEqual(0);
    expect(lately).toBeLessThan(result.hits / 5_000);
    const nodes = Object.values(result.nodes);
    expect(nodes.map(({ size }) => size)).toEqual([3 * 2 ** 20, 4 * 2 ** 20]);
    const resident = nodes.reduce((n, { residentPages }) => n + residentPages, 0);
    expect(resident + result.vmstat.nr_swapped).toBe(pages.keys);
    expect(result.peakRssBytes).toBeGreaterThan(2 ** 20);
    expect(result.requestsPerSecond).toBeGreaterThan(0);
  });

  test("decides the same without bytes", async () => {
    const real = await replay(pages, { as: "region", ...TIERS });
    const model = await replay(pages, { as: "region", ...TIERS, bytes: false });
    expect(model.vmstat).toEqual(real.vmstat);
    expect(model.hitsByTier).toEqual(real.hitsByTier);
    expect(model.checkedBytes).toBe(0);
  });

  test("follows a working set that moves", async () => {
    const moving = shift({ keys: 4096, requests: 60_000, workingSet: 500, every: 5000, writeRatio: 0.5 });
    const result = await replay(moving, { as: "region", ...TIERS });
    expect(result.corrupt).toBe(0);
  });

  test("without room: a typed error, not a lost page", async () => {
    const options: ReplayOptions = { as: "region", dram: "1MiB", slow: "1MiB", swapSize: "1MiB" };
    await expect(replay(pages, options)).rejects.toThrow(/^ENOMEM: no room for page \d+ of region "pages"/);
  });
});

describe("as a cache", () => {
  test("misses what it does not hold, by objects and bytes", async () => {
    const result = await replay(objects, TIERS);
    expect(result).toMatchObject({ as: "cache", requests: 40_000, corrupt: 0, violations: 0, rejected: 0 });
    expect(result.hits + result.misses).toBe(40_000);
    expect(result.misses).toBeGreaterThan(objects.keys);
    expect(total(result)).toBe(result.hits);
    expect(result.checkedBytes).toBe(result.requestedBytes - result.missedBytes);
    expect(result.objectMissRatio).not.toBe(result.byteMissRatio);
    // A cache alone chooses by itself what goes; the engine never has to drop a page of it.
    expect(result.vmstat.pgdiscard).toBe(0);
  });

  test("does not store an object that is larger than itself, and counts it", async () => {
    const size = objects.size.slice();
    size[objects.key[0] as number] = 64 * 2 ** 20;
    const result = await replay({ ...objects, size }, { ...TIERS, swapSize: "4MiB" });
    expect(result.corrupt).toBe(0);
    expect(result.rejected).toBeGreaterThan(1);
    expect(result.rejected).toBe(objects.key.filter((k) => k === objects.key[0]).length);
  });

  test("holds no more than maxSize", async () => {
    const less = await replay(objects, { ...TIERS, maxSize: "10%" });
    const more = await replay(objects, TIERS);
    expect(less.misses).toBeGreaterThan(more.misses);
    const pagesHeld = Object.values(less.nodes).reduce((n, { residentPages }) => n + residentPages, 0);
    expect(pagesHeld + less.vmstat.nr_swapped).toBeLessThanOrEqual(Math.ceil((less.footprint * 0.1) / 4096));
  });

  test("of DRAM alone has no other tier", async () => {
    const result = await replay(objects, { dram: "3MiB", slow: 0, swapSize: 0 });
    expect(Object.keys(result.hitsByTier)).toEqual(["dram"]);
    expect(result.vmstat.pgdemote_kswapd).toBe(0);
    expect(result.vmstat.pswpout).toBe(0);
  });
});

describe.each(["region", "cache"] as const)("any replay, as a %s", (as) => {
  const trace = as === "region" ? pages : objects;

  test("gives the same counters each time, and from both twins", { timeout: 90_000 }, async () => {
    const figures = async (options: ReplayOptions) => {
      const { vmstat, hitsByTier, nodes, misses } = await replay(trace, { as, ...TIERS, limit: 10_000, ...options });
      return { vmstat, hitsByTier, nodes, misses };
    };
    const first = await figures({ seed: 5 });
    expect(await figures({ seed: 5 })).toEqual(first);
    expect(await figures({ seed: 5, engine: "js" })).toEqual(first);
  });

  test.each(Object.keys(PRESETS) as Preset[])("is right under the preset %s", async (preset) => {
    const result = await replay(trace, { as, ...TIERS, preset });
    expect(result).toMatchObject({ corrupt: 0, violations: 0 });
  });

  test.each([
    ["demotion", { demotion: false }, ["pgdemote_kswapd", "pgdemote_direct", "pgdemote_proactive"]],
    ["promotion", { promotion: false }, ["pgpromote_success"]],
  ] as const)("has no %s if it is off", async (_, options, counters) => {
    const slow = { as, ...TIERS, accessTime: 1000 };
    const moved = ({ vmstat }: ReplayResult) => counters.reduce((sum, counter) => sum + vmstat[counter], 0);
    expect(moved(await replay(trace, slow))).toBeGreaterThan(0);
    expect(moved(await replay(trace, { ...slow, ...options }))).toBe(0);
  });

  test("stops at the limit, says how far it is, and can be ended", async () => {
    const seen: number[] = [];
    const result = await replay(trace, { as, ...TIERS, limit: 5000 }, { onProgress: (n) => seen.push(n) });
    expect(result.requests).toBe(5000);
    expect(seen.at(-1)).toBe(5000);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(replay(trace, { as, ...TIERS }, { signal: controller.signal })).rejects.toThrow("enough");
  });
});

/** A swap file has no name once it is open; Linux shows it all the same. */
function truncateOpen(path: string): void {
  for (const fd of readdirSync("/proc/self/fd")) {
    const open = `/proc/self/fd/${fd}`;
    if (existsSync(open) && readlinkSync(open).startsWith(path)) truncateSync(open, 4096);
  }
}

describe("a swap device that fails", () => {
  const faulty = (plan: FaultPlan) => ({ wrapDevice: (device: SwapDevice) => injectFaults(device, plan) });

  test.each<[string, FaultPlan, RegExp]>([
    ["flips bits as it writes", { write: { flip: 0.05 } }, /^EIO: page \d+ of region "pages" .* checksum/],
    ["flips bits as it reads", { read: { flip: 0.05 } }, /^EIO: page \d+ of region "pages" .* checksum/],
    ["fails to read", { read: { error: 0.05 } }, /^EIO: page \d+ of region "pages" .* injected fault/],
    ["is full from the start", { write: { full: 1 } }, /^ENOMEM: no room for page/],
  ])("and %s: a region's error, a cache's miss, and never a wrong byte", async (_, plan, message) => {
    await expect(replay(pages, { as: "region", ...TIERS }, faulty(plan))).rejects.toThrow(message);
    const result = await replay(objects, TIERS, faulty(plan));
    expect(result.corrupt).toBe(0);
    expect(result.hits + result.misses).toBe(objects.requests);
  });

  test.runIf(process.platform === "linux")("is truncated while it is used: the same", async () => {
    const swapFile = join(folder, "mine");
    const truncating = {
      wrapDevice(device: SwapDevice): SwapDevice {
        let reads = 0;
        const read: SwapDevice["read"] = (slot, memory, address) => {
          if (++reads === 20) truncateOpen(swapFile);
          device.read(slot, memory, address);
        };
        const { kind, slots, keepsBytes } = device;
        const write: SwapDevice["write"] = (...args) => device.write(...args);
        return { kind, slots, keepsBytes, read, write, free: () => undefined, close: () => device.close() };
      },
    };
    const region = replay(pages, { as: "region", ...TIERS, swapFile }, truncating);
    await expect(region).rejects.toThrow(/^EIO: .*swap file .*mine cannot be read at slot \d+: .*truncated\?/);
    expect((await replay(objects, { ...TIERS, swapFile }, truncating)).corrupt).toBe(0);
  });
});

describe("the check itself", () => {
  const open = (trace: Trace, options: ReplayOptions) => {
    const clock = new RequestClock(0.01);
    const memory = openMemorySync(memoryOptionsOf(trace, { swapSize: 0, ...options }, ""), { crank: clock });
    return { memory, replayer: makeReplayer(trace, options, memory, clock) };
  };

  test("finds a byte of a region that changed behind lieu's back", () => {
    const { memory, replayer } = open(pages, { as: "region", dram: "18MiB" });
    using _ = memory;
    replayer.run(0, 30_000);
    expect(replayer.tally().corrupt).toBe(0);
    const { region } = replayer as RegionReplayer;
    memory.vm.segment.h8[region.translate(4096 * (pages.key[30_000] as number)) + 4095]! ^= 0x10;
    replayer.run(30_000, 30_001);
    expect(replayer.tally().corrupt).toBe(1);
  });

  test("finds a page of a region that is of an older version", () => {
    const { memory, replayer } = open(pages, { as: "region", dram: "18MiB" });
    using _ = memory;
    const written = pages.op?.indexOf(1, 30_000) as number;
    replayer.run(0, written);
    const { region } = replayer as RegionReplayer;
    const offset = 4096 * (pages.key[written] as number);
    const stale = region.read(offset, 4096);
    replayer.run(written, written + 1);
    region.write(offset, stale);
    replayer.run(written + 1, 60_000);
    expect(replayer.tally().corrupt).toBeGreaterThan(0);
  });

  test("finds a byte of a cache that changed", () => {
    const { memory, replayer } = open(objects, { dram: "64MiB" });
    using _ = memory;
    replayer.run(0, 20_000);
    expect(replayer.tally().corrupt).toBe(0);
    // Not where the index and the chains of pages are: with those wrong there is no telling what it would do.
    const { h8 } = memory.vm.segment;
    memory.vm.inspect();
    for (let v = 0; v < MAX_VMAS; v++) {
      if (vma(v, V_ACTIVE) === 0 || vma(v, V_LOCKED) !== 0) continue;
      for (let page = vma(v, V_START); page < vma(v, V_START) + vma(v, V_PAGES); page++) {
        if ((pte(page) & PTE_PRESENT) === 0) continue;
        for (let at = 0; at < 4096; at += 1000) h8[frameAddr(pteIndex(pte(page))) + at]! ^= 1;
      }
    }
    replayer.run(20_000, 40_000);
    const { hits, corrupt } = replayer.tally();
    expect(corrupt).toBeGreaterThan(10_000);
    expect(corrupt).toBeLessThan(hits);
  });
});

describe("a replay that is looked at", () => {
  test.each(["region", "cache"] as const)(
    "as a %s: some accesses are timed, of each tier, and no counter is another",
    async (as) => {
      const trace = as === "region" ? pages : objects;
      const options: ReplayOptions = { as, ...TIERS, swapSize: "16MiB", limit: 15_000 };
      const plain = await replay(trace, options);
      const timed: Record<string, number[]> = {};
      let looks = 0;
      const watched = await replay(trace, options, {
        observer: {
          async begin({ timeAccesses }) {
            timeAccesses(({ tier, seconds }) => {
              timed[tier] ??= [];
              timed[tier].push(seconds);
            });
            return 8192;
          },
          async look() {
            looks++;
          },
        },
      });
      const { vmstat, hitsByTier, misses, corrupt, checkedBytes } = plain;
      expect(watched).toMatchObject({ vmstat, hitsByTier, misses, corrupt, checkedBytes });
      expect(looks).toBe(Math.ceil(plain.requests / 8192));
      const all = Object.values(timed).flat();
      expect(all).toHaveLength(Math.ceil(plain.requests / 13));
      expect(all.every((seconds) => seconds >= 0 && seconds < 10)).toBe(true);
      // As many of each tier as it has of the requests, about.
      for (const [tier, hits] of [...Object.entries(hitsByTier), ["miss", misses] as const]) {
        expect(Math.abs((timed[tier]?.length ?? 0) / all.length - hits / plain.requests), tier).toBeLessThan(0.05);
      }
    },
  );
});
