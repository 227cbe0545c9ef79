/** `memory.serve()`: what it says of a memory, whom it answers, and that it goes with the memory. */
import { request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { type Memory, type MemoryServer, openMemory } from "../../src/index.ts";
import { Ages, PageSampler } from "../../src/server/page-map.ts";
import { Recorder } from "../../src/server/recorder.ts";
import { coldTail, counterIndex, DOWN, UP } from "../../src/server/series.ts";
import { AGE_LEVELS, type Header, MAP_ROWS, type Snapshot } from "../../src/server/wire.ts";

interface Latest {
  readonly header: Header;
  readonly snapshot: Snapshot;
}

/** Whether somebody has gets of it timed. */
const isTimed = (cache: object): boolean => Reflect.get(cache, "timer") !== undefined;
const open: (Memory | MemoryServer)[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function tiers(): Promise<Memory> {
  const memory = await openMemory({
    nodes: { dram: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } },
    seed: 1,
  });
  open.push(memory);
  return memory;
}
async function served(memory: Memory, options: Parameters<Memory["serve"]>[0] = {}): Promise<MemoryServer> {
  const server = await memory.serve(options);
  open.push(server);
  return server;
}
/** A request whose every header can be chosen, as fetch()'s cannot. */
function ask(url: string, path: string, headers: Record<string, string> = {}, method = "GET", body = "") {
  const { hostname, port } = new URL(url);
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
/** The first snapshot of all that is sent after this. */
async function next(server: MemoryServer): Promise<Latest> {
  const read = async () => (await (await fetch(new URL("snapshot", server.url))).json()) as Latest;
  const before = await read();
  for (;;) {
    const now = await read();
    if (now.snapshot.at !== before.snapshot.at) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A snapshot taken while nothing was counted: the memory works by itself too (kswapd, promotion's scan). */
async function nextAtRest(server: MemoryServer, memory: Memory): Promise<Latest> {
  for (;;) {
    const before = memory.vmstat();
    const latest = await next(server);
    if (isDeepStrictEqual(before, memory.vmstat())) return latest;
  }
}

/** Counters, nodes and their marks are what the memory says. */
function expectCounts({ snapshot, header }: Latest, memory: Memory): void {
  const names = (values: readonly number[]) => Object.fromEntries(header.counters.map((name, i) => [name, values[i]]));
  expect(names(snapshot.vmstat)).toEqual(memory.vmstat());
  memory.nodes().forEach((node, i) => {
    expect(header.nodes[i]).toMatchObject({ name: node.name, size: node.size });
    expect(snapshot.nodes[i]?.free).toBe(node.free);
    expect(names(snapshot.nodes[i]?.vmstat ?? [])).toEqual(node.vmstat());
    const marks = memory.metrics().find(({ name }) => name === "node.watermark")?.samples ?? [];
    const { min, low, high } = header.nodes[i] as Header["nodes"][number];
    expect(marks.filter(({ labels }) => labels.node === node.name).slice(0, 3)).toMatchObject(
      [min, low, high].map((value) => ({ value })),
    );
  });
}

describe("what it says", () => {
  test("of what moves, each way into swap and out of it", async () => {
    const server = await served(await tiers());
    const { header } = await next(server);
    const shown = [...UP, ...DOWN].flatMap(([, counters]) => counters);
    for (const name of shown) expect(counterIndex(header, name), name).toBeGreaterThanOrEqual(0);
    // What the pool writes back has been counted as swapped out already.
    expect(shown).toEqual(
      expect.arrayContaining(header.counters.filter((name) => /^z?swp|^pswp/.test(name) && name !== "zswpwb")),
    );
  });
  test("is what vmstat(), nodes, groups, caches and devices say at that moment", async () => {
    const memory = await tiers();
    const group = memory.group("web", { low: "64KiB", max: "3MiB" });
    const cache = memory.cache<string>({ name: "users", maxSize: "2MiB", group });
    for (let i = 0; i < 3000; i++) cache.set(`k${i}`, "x".repeat(500));
    for (let i = 0; i < 3000; i += 7) cache.get(`k${i}`);
    const latest = await nextAtRest(await served(memory, { interval: 50 }), memory);
    expectCounts(latest, memory);
    const { snapshot } = latest;
    const { hitsByTier, misses } = cache.stats();
    expect(snapshot.served).toEqual([hitsByTier.dram, hitsByTier.slow, misses]);
    expect(snapshot.caches).toMatchObject([
      { name: "users", entries: cache.size, maxSize: 2 << 20, requests: cache.stats().hits + misses, misses },
    ]);
    expect(snapshot.groups).toMatchObject([{ name: "web", low: 65536, high: null, max: 3 << 20, usage: group.usage }]);
  });

  test.each([
    ["threads share", { shared: true }],
    ["of three shards", { shards: 3 }],
    ["of three shards that threads share", { shared: true, shards: 3 }],
  ])("is so of a memory %s", async (_, options) => {
    const memory = await openMemory({
      nodes: { dram: { kind: "dram", size: "3MiB" }, slow: { kind: "dram", size: "6MiB", tier: 1 } },
      zswap: { size: "1MiB" },
      promotion: false,
      ...options,
    });
    open.push(memory);
    const group = memory.group("web", { max: "3MiB" });
    const cache = memory.cache<string>({ name: "users", maxSize: "2MiB", group, heap: 0 });
    const region = memory.map("7MiB", { name: "table" });
    region.fill(1);
    for (let i = 0; i < 3000; i++) cache.set(`k${i}`, "x".repeat(500));
    for (let i = 0; i < 3000; i += 7) cache.get(`k${i}`);
    const latest = await nextAtRest(await served(memory, { interval: 50 }), memory);
    expectCounts(latest, memory);
    const { snapshot } = latest;
    expect(snapshot.swap).toEqual(
      memory.swapDevices().map(({ size, used, stored, failed }) => ({ size, used, stored, failed })),
    );
    const { hits, misses } = cache.stats();
    expect(snapshot.caches).toMatchObject([{ name: "users", entries: cache.size, requests: hits + misses, misses }]);
    expect(snapshot.groups).toMatchObject([{ name: "web", max: 3 << 20, usage: group.usage }]);
    // Of the map about as many rows are of nodes as pages are.
    const { pages, place } = snapshot.map;
    expect(place.length).toBeGreaterThan(MAP_ROWS - 4);
    const resident = memory.nodes().reduce((n, { size, free }) => n + size - free, 0) / 4096;
    const shown = (pages / place.length) * [...place].filter((c) => c === "A" || c === "B").length;
    expect(shown / resident).toBeGreaterThan(0.7);
    expect(shown / resident).toBeLessThan(1.3);
    memory.check();
  });

  test("the latency of timed gets, by tier, of those that had any since the last snapshot", async () => {
    const memory = await tiers();
    const cache = memory.cache<string>({ maxSize: "1MiB", heap: 0 });
    const recorder = new Recorder(memory, { title: "test", clock: "seconds" });
    cache.set("a", "b");
    for (let i = 0; i < 1000; i++) cache.get(i % 3 ? "a" : "none");
    const { latency } = recorder.snapshot(0);
    expect(latency.map(({ tier }) => tier)).toEqual([0, 2]);
    for (const { p50, p99 } of latency) {
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50);
    }
    expect(recorder.snapshot(1).latency).toEqual([]);
    recorder.close();
    expect(isTimed(cache)).toBe(false);
  });
});

describe("whom it answers", () => {
  test("no one who calls it by another name, as a page of an attacker's would", async () => {
    const { url } = await served(await tiers());
    const { port } = new URL(url);
    expect((await ask(url, "/snapshot", { host: `evil.example:${port}` })).status).toBe(421);
    expect((await ask(url, "/", { host: `127.0.0.1.evil.example:${port}` })).status).toBe(421);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect((await ask(url, "/snapshot", { host })).status).toBe(200);
    }
  });

  test("no page of another site, which could not read the answer but would take a watcher's place", async () => {
    const { url } = await served(await tiers());
    for (const origin of ["http://evil.example", "https://localhost.evil.example", "null", "?"]) {
      for (const path of ["/snapshot", "/events"]) expect((await ask(url, path, { origin })).status, origin).toBe(403);
    }
    for (const origin of ["http://localhost:8080", "http://[::1]:80", new URL(url).origin]) {
      expect((await ask(url, "/snapshot", { origin })).status, origin).toBe(200);
    }
  });

  test("a token with any characters that can be sent, as the URL says it; an address in brackets", async () => {
    const memory = await tiers();
    const token = "a+b%41&c#d=~";
    const { url } = await served(memory, { token });
    expect(new URLSearchParams(new URL(url).hash.slice(1)).get("token")).toBe(token);
    expect((await ask(url, "/snapshot", { authorization: `Bearer ${token}` })).status).toBe(200);
    expect(new URL((await served(memory, { host: "[127.0.0.1]" })).url).hostname).toBe("127.0.0.1");
    const error = await memory.serve({ token: "geheim é" }).catch(String);
    expect(error).toMatch(/EINVAL: serve\(\): token has a character that cannot be sent/);
    expect(error).not.toContain("geheim");
  });

  test("where there is a token, those who have it", async () => {
    const { url, token } = await served(await tiers(), { token: "s3cret" });
    expect({ token, end: url.split("/").at(-1) }).toEqual({ token: "s3cret", end: "#token=s3cret" });
    for (const path of ["/snapshot", "/events", "/control"]) {
      for (const authorization of ["", "Bearer ", "Bearer wrong", "Bearer s3cret2", "Basic s3cret"]) {
        expect((await ask(url, path, { authorization })).status).toBe(401);
      }
    }
    expect((await ask(url, "/snapshot", { authorization: "Bearer s3cret" })).status).toBe(200);
    expect((await ask(url, "/snapshot?token=s3cret")).status).toBe(401);
    expect((await ask(url, "/")).status).toBe(200);
  });

  test("beyond the loopback interface there is one, whether it was asked for or not", async () => {
    const server = await served(await tiers(), { host: "0.0.0.0" });
    expect(server.token).toMatch(/^[\w-]{32}$/);
    expect((await ask(server.url, "/snapshot")).status).toBe(401);
    expect((await ask(server.url, "/snapshot", { authorization: `Bearer ${server.token}` })).status).toBe(200);
  });

  test("what it has, by the methods that it knows; a program's memory takes no commands", async () => {
    const { url } = await served(await tiers());
    expect((await ask(url, "/none")).status).toBe(404);
    expect((await ask(url, "//")).status).toBe(404);
    expect((await ask(url, "/snapshot", {}, "POST")).status).toBe(405);
    const json = { "content-type": "application/json" };
    expect((await ask(url, "/control", json, "POST", '{"command":"pause"}')).status).toBe(409);
    const page = await ask(url, "/");
    expect(page.headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'sha256-[\w+/=]+';/);
  });

  test.each([
    [{ port: 70000 }, "EINVAL"],
    [{ interval: 1 }, "EINVAL"],
    [{ token: "" }, "EINVAL"],
    [{ prot: 1 }, "EINVAL"],
    [{ host: "no.such.host.invalid" }, "EINVAL"],
  ])("refuses %j", async (options, code) => {
    await expect((await tiers()).serve(options as object)).rejects.toMatchObject({ code });
  });

  test("a port that is taken is EBUSY, and leaves no gets timed", async () => {
    const memory = await tiers();
    const cache = memory.cache({ maxSize: "1MiB" });
    const { url } = await served(memory);
    const other = await tiers();
    const idle = other.cache({ maxSize: "1MiB" });
    await expect(other.serve({ port: Number(new URL(url).port) })).rejects.toMatchObject({ code: "EBUSY" });
    expect(isTimed(cache)).toBe(true);
    expect(isTimed(idle)).toBe(false);
  });
});

test("it ends when the memory is closed, and can be closed before and twice", async () => {
  const memory = await tiers();
  const server = await memory.serve({ interval: 50 });
  const events = await fetch(new URL("events", server.url));
  await memory.close();
  await events.text().catch(() => undefined);
  await expect(fetch(new URL("snapshot", server.url))).rejects.toThrow();
  await expect(memory.serve()).rejects.toMatchObject({ code: "ECLOSED" });
  await server.close();
  const again = await (await tiers()).serve();
  await again.close();
  await again.close();
});

describe("the map of pages", () => {
  test("of few pages says where each is", async () => {
    const memory = await tiers();
    const region = memory.map(100 * 4096);
    for (let page = 0; page < 70; page++) region.writeUint8(page * 4096, 1);
    memory.reclaim(20 * 4096, { mode: "demote" });
    const { map, idle } = new PageSampler(memory.vm, 1).sample(0);
    const places = [...Array(100).keys()].map((page) => ".AB"[memory.vm.placeCode(page) + 1]);
    expect(map).toMatchObject({ pages: 100, place: places.join("") });
    expect(places.filter((place) => place === "B").length).toBeGreaterThan(0);
    expect(idle.map((levels) => levels.reduce((sum, n) => sum + n, 0))).toEqual(
      ["A", "B"].map((node) => places.filter((place) => place === node).length),
    );
  });

  test("the cold tail: bytes of each node by how long they have been idle", async () => {
    const memory = await openMemory({
      nodes: { dram: { kind: "model", size: "2MiB" }, slow: { kind: "model", size: "4MiB", tier: 1 } },
    });
    open.push(memory);
    const [cold, hot, stream] = [100, 30, 1000].map((pages) => memory.map(pages * 4096));
    const sampler = new PageSampler(memory.vm, 1);
    for (let page = 0; page < 100; page++) cold?.translate(page * 4096);
    sampler.sample(0);
    for (let second = 1; second < 40; second++) {
      for (let page = 0; page < 30; page++) hot?.translate(page * 4096);
      for (let page = 0; page < 25; page++) stream?.translate((25 * second - 25 + page) * 4096);
      memory.tick();
      sampler.sample(second);
    }
    const { idle } = sampler.sample(40);
    const tail = coldTail({ idle });
    // All that there is, and what has not been used for more than 8, 16 and 32 seconds.
    const sums = [0, 4, 5, 6].map((level) => tail.reduce((sum, node) => sum + (node[level] as number), 0) / 4096);
    expect(sums[0]).toBe(100 + 30 + 39 * 25);
    for (const [i, seconds] of [8, 16, 32].entries()) {
      const truth = 100 + 25 * (39 - seconds);
      expect(Math.abs((sums[i + 1] as number) / truth - 1), `${sums} at ${seconds} s`).toBeLessThan(0.2);
    }
    for (const node of tail) expect(node).toEqual(node.toSorted((a, b) => b - a));
  });

  test("of many pages it reads as few, and skips what is not mapped", async () => {
    const memory = await openMemory({
      nodes: { dram: { kind: "model", size: "1GiB" }, slow: { kind: "model", size: "2GiB", tier: 1 } },
    });
    open.push(memory);
    const holes = memory.map("64MiB");
    const region = memory.map("2GiB");
    holes.unmap();
    for (let page = 0; page < 100_000; page++) region.translate(page * 4096);
    const sampler = new PageSampler(memory.vm, 1);
    const { map, idle } = sampler.sample(0);
    expect(map.pages).toBe(2 ** 19);
    expect(map.place).toHaveLength(MAP_ROWS);
    expect(map.age).toHaveLength(MAP_ROWS);
    const estimated = idle.flat().reduce((sum, n) => sum + n, 0);
    expect(Math.abs(estimated / 100_000 - 1)).toBeLessThan(0.02);
  });

  test("ages are of the moments at which the clock was read, whatever it began with", () => {
    const begin = 0x7ffffff0;
    const ages = new Ages(1);
    for (let at = 0; at <= 40; at++) ages.passed((begin + at) | 0, at);
    const level = (used: number) => ages.level((begin + used) | 0, (begin + 40) | 0, 40);
    // Used when the clock was 36: it was past that at 37, which is 3 ago, between 2 and 4.
    expect([40, 39, 38, 37, 36, 34, 7].map(level)).toEqual([0, 0, 0, 1, 2, 3, 5]);
    // Told to be of no use; and of before the first moment.
    expect([40 - 2 ** 30, -1000].map(level)).toEqual([AGE_LEVELS - 1, 6]);
  });
});
