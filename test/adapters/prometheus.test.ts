/** The metrics of a memory in prom-client's registry: the numbers are vmstat()'s, the names are by Prometheus' rules. */
import { spawnSync } from "node:child_process";
import prom from "prom-client";
import { afterAll, describe, expect, test } from "vitest";
import { registerMemory } from "../../src/adapters/prometheus.ts";
import { openMemorySync, simCrank } from "../../src/index.ts";
import { requireCommand } from "../support/requires.ts";

const open: { [Symbol.dispose](): void }[] = [];
afterAll(() => {
  for (const memory of open) memory[Symbol.dispose]();
});

function busyMemory() {
  const memory = openMemorySync(
    {
      nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
      zswap: { size: "1MiB" },
    },
    { crank: simCrank() },
  );
  open.push(memory);
  const group = memory.group("tenant", { max: "1MiB" });
  const region = memory.map("1MiB", { group });
  region.write(0, Buffer.alloc(region.size, 7));
  const cache = memory.cache<Buffer>({ name: "users", maxSize: "1500KiB" });
  for (let i = 0; i < 900; i++) cache.set(`k${i}`, Buffer.alloc(1000, i));
  for (let i = 0; i < 900; i++) cache.get(`k${i}`);
  return { memory, region, cache, group };
}

/** All samples of a text in Prometheus' format. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^(\w+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number((value as string).replace("Inf", "Infinity")));
  }
  return samples;
}

describe("lieu/prometheus", () => {
  test("a scrape gives the numbers of vmstat(), nodes, swap, groups and caches, of one moment", async () => {
    const { memory, cache, group } = busyMemory();
    const registry = new prom.Registry();
    registerMemory(memory, { registry, name: "a" });
    for (let i = 0; i < 10; i++) cache.get(`k${i}`);
    const samples = samplesOf(await registry.metrics());
    const vmstat = memory.vmstat();
    expect(vmstat.pgdemote_kswapd + vmstat.pgdemote_direct).toBeGreaterThan(0);
    for (const event of ["pgfault", "pgdemote_kswapd", "pgdemote_direct", "zswpout", "pgfree"] as const) {
      expect(samples.get(`lieu_vmstat_${event}_total{memory="a"}`), event).toBe(vmstat[event]);
    }
    for (const node of memory.nodes()) {
      const labels = `{memory="a",node="${node.name}"}`;
      expect(samples.get(`lieu_node_free_bytes${labels}`)).toBe(node.free);
      expect(samples.get(`lieu_node_size_bytes${labels}`)).toBe(node.size);
      expect(samples.get(`lieu_node_vmstat_pgfree_total${labels}`)).toBe(node.vmstat().pgfree);
      const mark = (which: string) =>
        samples.get(`lieu_node_watermark_bytes{memory="a",node="${node.name}",mark="${which}"}`);
      expect(mark("min")).toBeGreaterThan(0);
      expect(mark("low")).toBeGreaterThan(mark("min") as number);
      expect(mark("high")).toBeGreaterThan(mark("low") as number);
    }
    const [pool] = memory.swapDevices();
    expect(pool?.stored).toBeGreaterThan(0);
    const device = '{memory="a",device="zswap",kind="zswap"}';
    expect(samples.get(`lieu_swap_size_bytes${device}`)).toBe(pool?.size);
    expect(samples.get(`lieu_swap_used_bytes${device}`)).toBe(pool?.used);
    expect(samples.get(`lieu_swap_stored_bytes${device}`)).toBe(vmstat.nr_zswapped * 4096);
    expect(samples.get('lieu_group_usage_bytes{memory="a",group="tenant"}')).toBe(group.usage);
    expect(samples.get('lieu_group_zswap_bytes{memory="a",group="tenant"}')).toBe(group.zswapUsage);
    expect(samples.get('lieu_group_limit_bytes{memory="a",group="tenant",limit="max"}')).toBe(1 << 20);
    expect(samples.get('lieu_group_limit_bytes{memory="a",group="tenant",limit="high"}')).toBe(
      Number.POSITIVE_INFINITY,
    );
    const stats = cache.stats();
    expect(samples.get('lieu_cache_entries{memory="a",cache="users"}')).toBe(cache.size);
    expect(samples.get('lieu_cache_misses_total{memory="a",cache="users"}')).toBe(stats.misses);
    for (const [tier, hits] of Object.entries(stats.hitsByTier)) {
      expect(samples.get(`lieu_cache_hits_total{memory="a",cache="users",tier="${tier}"}`), tier).toBe(hits);
    }
    expect(samples.get('lieu_kswapd_seconds_total{memory="a"}')).toBeGreaterThan(0);
  });

  test("gets are timed by the tier that serves them, for as long as the memory is registered", async () => {
    const { memory, cache } = busyMemory();
    const registry = new prom.Registry();
    const plain = cache.get;
    const stop = registerMemory(memory, { registry });
    cache.get("nothing");
    for (let i = 0; i < 2000; i++) cache.get(`k${899 - (i % 100)}`);
    const text = await registry.getSingleMetricAsString("lieu_cache_get_duration_seconds");
    const samples = samplesOf(text);
    expect(samples.get('lieu_cache_get_duration_seconds_count{memory="main",cache="users",tier="miss"}')).toBe(1);
    const served = [...samples].filter(([name]) => /_count\{.*tier="(dram|slow|zswap)"/.test(name));
    const count = served.reduce((n, [, value]) => n + value, 0);
    expect(count).toBeGreaterThan(0);
    // Not each of them.
    expect(count).toBeLessThan(1500);
    stop();
    expect(cache.get).toBe(plain);
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  test("memories share a registry by name, and one that is closed is gone from the next scrape", async () => {
    const a = busyMemory().memory;
    const b = busyMemory().memory;
    const registry = new prom.Registry();
    registerMemory(a, { registry, name: "a" });
    expect(() => registerMemory(b, { registry, name: "a" })).toThrow(/memory named "a" already/);
    registerMemory(b, { registry, name: "b" });
    const free = (name: string, text: string) =>
      samplesOf(text).has(`lieu_node_free_bytes{memory="${name}",node="dram"}`);
    const before = await registry.metrics();
    expect([free("a", before), free("b", before)]).toEqual([true, true]);
    a[Symbol.dispose]();
    const after = await registry.metrics();
    expect([free("a", after), free("b", after)]).toEqual([false, true]);
    // Its name is free again.
    registerMemory(busyMemory().memory, { registry, name: "a" });
    expect(free("a", await registry.metrics())).toBe(true);
  });

  test("of one that is closed no sample stays, and another may have its name before anybody has scraped", async () => {
    const registry = new prom.Registry();
    const busy = busyMemory();
    const plain = busyMemory();
    const end = registerMemory(busy.memory, { registry, name: "a" });
    registerMemory(plain.memory, { registry, name: "b" });
    for (const { cache } of [busy, plain]) for (let i = 0; i < 500; i++) cache.get(`k${899 - (i % 100)}`);
    expect(await registry.metrics()).toMatch(/get_duration_seconds_count\{memory="a"/);
    busy.memory[Symbol.dispose]();
    const next = busyMemory().memory;
    registerMemory(next, { registry, name: "a" });
    end();
    expect(await registry.metrics()).toContain('lieu_node_free_bytes{memory="a",node="dram"}');
    expect(await registry.metrics()).not.toMatch(/get_duration_seconds_count\{memory="a"/);
    next[Symbol.dispose]();
    const text = await registry.metrics();
    expect(text).not.toContain('memory="a"');
    expect(text).toMatch(/get_duration_seconds_count\{memory="b"/);
  });

  test("what is no memory, no name or taken in the registry is refused, and nothing is registered", () => {
    const registry = new prom.Registry();
    const { memory } = busyMemory();
    expect(() => registerMemory({} as never, { registry })).toThrow(/needs a memory/);
    expect(() => registerMemory(memory, { registry, name: "" })).toThrow(/name is ""/);
    expect(() => registerMemory(memory, { registry: 5 as never })).toThrow(/EINVAL: .* registry is 5/);
    expect(() => registerMemory(memory, { nam: "a" } as never)).toThrow(
      /unknown key "nam"; allowed are registry, name/,
    );
    expect(() => registerMemory(memory, null as never)).toThrow(/options is null/);
    new prom.Gauge({ name: "lieu_swap_used_bytes", help: "Not ours.", registers: [registry] });
    expect(() => registerMemory(memory, { registry })).toThrow(/lieu_swap_used_bytes already/);
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });
});

requireCommand("promtool", "apt-get install prometheus")("the names", () => {
  test("promtool has nothing to say against them", async () => {
    const { memory } = busyMemory();
    const registry = new prom.Registry();
    registerMemory(memory, { registry });
    const input = await registry.metrics();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    expect(stdout + stderr).toBe("");
    expect(status).toBe(0);
  });
});
