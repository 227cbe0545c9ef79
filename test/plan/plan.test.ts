/** Plans: what they predict is what a replay does, what they print can be opened, what they recommend is best. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openMemory } from "../../src/index.ts";
import type { MemoryOptions } from "../../src/memory/memory-options.ts";
import { resolveOptions } from "../../src/memory/options.ts";
import { frontierSvg } from "../../src/plan/frontier.ts";
import { memoryOptions } from "../../src/plan/grid.ts";
import { meanLatency, p99Latency } from "../../src/plan/latency.ts";
import { type Option, plan } from "../../src/plan/plan.ts";
import { priceList } from "../../src/plan/prices.ts";
import { planPage } from "../../src/plan/report.ts";
import { predictionOf } from "../../src/plan/simulate.ts";
import { zipf } from "../../src/trace/generate.ts";
import { replay } from "../../src/trace/replay.ts";
import { findXmlFault } from "../study/xml.ts";

const PRICES = priceList({ zswapRatio: 3 });
const PAGES = zipf({ keys: 2500, requests: 30_000, alpha: 0.9, writeRatio: 0.2 });
const OBJECTS = zipf({ keys: 12_000, requests: 25_000, alpha: 0.8, size: [50, 3000] });
const CASES = [
  ["region", PAGES],
  ["cache", OBJECTS],
] as const;

/** The configuration as it is to be pasted, its files out of the way. */
function elsewhere({ config }: Option): MemoryOptions {
  const swap = config.swap?.map((device) =>
    device.kind === "file" ? { ...device, path: join(tmpdir(), `lieu-plan-${process.pid}`) } : device,
  );
  return { ...config, ...(swap !== undefined && { swap }) };
}

describe.each(CASES)("a plan of a trace as a %s", (as, trace) => {
  const made = plan(trace, { as, prices: PRICES });

  test("predicts what a replay of the configuration that it prints does", async () => {
    const { options, cheapest, fastest } = await made;
    const some = [cheapest, fastest, ...options.filter((_, i) => i % 9 === 4)];
    let tried = 0;
    for (const option of some) {
      // Values of a replay do not compress, and there may be no server.
      if (option === undefined || option.layout.last?.medium === "zswap" || option.layout.last?.medium === "remote")
        continue;
      const { nodes, swap = [] } = elsewhere(option);
      if (nodes === "host") throw new Error("a plan has no nodes of the host's");
      const { hits, misses } = predictionOf(await replay(trace, { as, nodes, swap: [...swap] }));
      expect(hits, option.name).toEqual(option.hits);
      expect(misses, option.name).toBe(option.misses);
      tried++;
    }
    expect(tried).toBeGreaterThan(1);
  });

  test("has each of its configurations checked by who is to open it", async () => {
    const { options } = await made;
    for (const option of options) expect(() => resolveOptions(option.config), option.name).not.toThrow();
    for (const kind of ["nvme", "zswap"] as const) {
      const option = options.find(({ layout }) => layout.last?.medium === kind && layout.cxl > 0) as Option;
      await using memory = await openMemory(elsewhere(option));
      expect(memory.nodeNames).toEqual(["dram", "cxl"]);
      const used = as === "cache" ? memory.cache({ maxSize: "1MiB" }) : memory.map("1MiB");
      expect(used.name).toBeDefined();
    }
  });

  test("has a frontier that nothing beats, and recommends what meets the goals", async () => {
    const { options, cheapest, fastest, goals } = await made;
    for (const { frontier, cost, mean } of options) {
      const beaten = options.some(
        (other) => (other.cost < cost && other.mean <= mean) || (other.cost <= cost && other.mean < mean),
      );
      if (frontier) expect(beaten).toBe(false);
    }
    expect(cheapest?.mean).toBeLessThanOrEqual(goals.latency);
    for (const option of options)
      if (option.mean <= goals.latency) expect(option.cost).toBeGreaterThanOrEqual(cheapest?.cost as number);
    for (const option of options)
      if (option.cost <= goals.budget) expect(option.mean).toBeGreaterThanOrEqual(fastest?.mean as number);
    for (const { hits, misses } of options) {
      expect(Object.values(hits).reduce((sum, n) => sum + n, misses)).toBeCloseTo(1, 9);
    }
  });

  test("is drawn: a picture that is well-formed, and a page with every configuration", async () => {
    const all = await made;
    expect(findXmlFault(frontierSvg(all))).toBeUndefined();
    const page = planPage({ ...all, trace: "<b>&" }, () => "config: <1>");
    expect(page).toContain("What &lt;b&gt;&amp; needs");
    expect(page).toContain("config: &lt;1&gt;");
    for (const { name } of all.options) expect(page).toContain(name);
  });
});

test.each([1, 70, 150, 300, 500, 800, 1500])(
  "a region of %d pages fits every configuration that is tried",
  async (keys) => {
    const made = await plan(zipf({ keys, requests: 3 * keys, alpha: 0, writeRatio: 0.5 }), {
      as: "region",
      prices: PRICES,
    });
    expect(made.options.length).toBeGreaterThan(3);
  },
);

test("where nothing costs anything, all are drawn at nought", async () => {
  const free = { cost: 0 };
  const prices = priceList({ dram: free, cxl: free, nvme: free, remote: free });
  const made = await plan(PAGES, { as: "region", prices, limit: 1000 });
  expect(made.options.every(({ cost }) => cost === 0)).toBe(true);
  for (const width of [undefined, 400]) expect(findXmlFault(frontierSvg(made, width))).toBeUndefined();
});

test("goals that nothing meets have no answer; a 99th percentile alone is one", async () => {
  const impossible = await plan(PAGES, {
    as: "region",
    prices: PRICES,
    limit: 3000,
    goals: { latency: 1, budget: 1e-9 },
  });
  expect([impossible.cheapest, impossible.fastest]).toEqual([undefined, undefined]);
  expect(impossible.requests).toBe(3000);
  const { cheapest, options } = await plan(PAGES, { as: "region", prices: PRICES, limit: 3000, goals: { p99: 1e6 } });
  expect(cheapest).toBe(options.find(({ p99 }) => p99 <= 1e6));
});

describe("latencies", () => {
  const medium = (latency: number, p99: number) => ({ cost: 1, source: "", latency, p99 });

  test("of one medium are its own", () => {
    for (const one of [medium(100, 250), medium(90_000, 90_001), medium(1000, 14_000)]) {
      const shares = [
        { share: 0.4, medium: one },
        { share: 0, medium: medium(1e9, 2e9) },
      ];
      expect(p99Latency(shares) / one.p99).toBeCloseTo(1, 3);
      expect(meanLatency([{ share: 1, medium: one }])).toBe(one.latency);
    }
  });
  test("of a mixture are where they must be", () => {
    const [fast, slow] = [medium(100, 250), medium(1e5, 3e5)];
    const mix = (share: number) =>
      p99Latency([
        { share: 1 - share, medium: fast },
        { share, medium: slow },
      ]);
    expect(mix(0.001)).toBeLessThan(300);
    expect(mix(0.02)).toBeGreaterThan(5e4);
    expect(mix(0.02)).toBeLessThan(1.1e5);
    expect(mix(0.9)).toBeGreaterThan(2.5e5);
    // Half of the slow ones, were they all alike.
    expect(
      p99Latency([
        { share: 0.98, medium: fast },
        { share: 0.02, medium: medium(1e5, 1e5 + 1) },
      ]) / 1e5,
    ).toBeCloseTo(1, 1);
  });
});

describe("price lists", () => {
  test("have defaults with sources, and take a part of another", () => {
    const list = priceList({ nvme: { cost: 0.2 } });
    expect(list.nvme).toMatchObject({ cost: 0.2, latency: priceList().nvme.latency });
    expect(
      Object.values(priceList()).every((m) => m === undefined || (typeof m === "object" && m.source.length > 20)),
    ).toBe(true);
  });
  test.each([
    [{ dram: { cost: -1 } }, "dram.cost"],
    [{ dram: { latency: 100, p99: 50 } }, "dram.p99"],
    [{ dram: { latency: 1, p99: 100 } }, "dram.p99"],
    [{ tape: {} }, "tape"],
    [{ zswapRatio: 0 }, "zswapRatio"],
    [[], "list"],
  ])("%j is refused, and says why", (input, _) => {
    expect(() => priceList(input, "list.yaml")).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
  test("a pool of compressed pages is as large as its ratio makes it", () => {
    const layout = { dram: 2 ** 22, cxl: 0, last: { medium: "zswap", size: 30 << 20 } } as const;
    const size = memoryOptions(layout, PRICES).zswap?.size as number;
    expect(size / (10 << 20)).toBeCloseTo(1.1, 2);
  });
});
