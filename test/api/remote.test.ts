/** Swap on a server under a memory: a cache's bytes are right or a miss, a region's are right, elsewhere, or an EIO where the user chose that. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { type Cache, isLieuError, type Memory, type Region } from "../../src/index.ts";
import { describeWithRedis, type Server, startCluster, startRedis } from "../support/redis.ts";
import { checkAndClose, expectError, PAGE, swapPath, twoTiers } from "./helpers.ts";

const PAGES = 700;
const NOISE = Buffer.from(Uint32Array.from({ length: PAGE / 4 + 4096 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)).buffer);
/** Bytes that tell a page from any other, quickly made, and that do not compress. */
function pageOf(n: number): Buffer {
  const page = Buffer.from(NOISE.subarray((n & 4095) * 4, (n & 4095) * 4 + PAGE));
  page.writeInt32LE(n, 8);
  return page;
}

async function start(options: Record<string, string> = {}): Promise<Server> {
  const server = await startRedis(options);
  onTestFinished(() => server.kill());
  return server;
}
function memoryOn(url: string | string[], more: object = {}, others: object[] = []): Memory {
  const remote = { kind: "remote", url, size: "16MiB", ...more };
  const memory = twoTiers({ swap: [remote, ...others] as never });
  onTestFinished(() => memory[Symbol.dispose]());
  return memory;
}
/** A cache of which most is in swap, with a page's bytes for each key. */
function filled(memory: Memory, pages = 2000): Cache<Uint8Array, number> {
  const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0 });
  for (let i = 0; i < pages; i++) cache.set(i, pageOf(i));
  return cache;
}
/** Entries that are there; a wrong byte is a failure. */
function countRight(cache: Cache<Uint8Array, number>, pages = 2000): number {
  let there = 0;
  for (let i = 0; i < pages; i++) {
    const value = cache.get(i);
    if (value === undefined) continue;
    there++;
    if (Buffer.compare(value, pageOf(i)) !== 0) expect(value).toEqual(pageOf(i));
  }
  return there;
}
const onRemote = (memory: Memory): number =>
  (memory.swapDevices().find(({ kind }) => kind === "remote")?.used ?? 0) / PAGE;
function fillRegion(memory: Memory, pages: number): Region {
  const region = memory.map(pages * PAGE);
  for (let i = 0; i < pages; i++) region.write(i * PAGE, pageOf(i));
  return region;
}
function checkRegion(region: Region, pages: number): void {
  for (let i = 0; i < pages; i++) {
    const page = region.read(i * PAGE, PAGE);
    if (Buffer.compare(page, pageOf(i)) !== 0) expect(page).toEqual(pageOf(i));
  }
}

describeWithRedis("remote swap", () => {
  test("holds what a cache has no room for", async () => {
    const server = await start();
    const memory = memoryOn(server.url);
    const cache = filled(memory);
    expect(onRemote(memory)).toBeGreaterThan(PAGES);
    expect(countRight(cache)).toBeGreaterThan(1990);
    expect(cache.stats().hitsByTier).toMatchObject({ remote: expect.any(Number) });
    memory.check();
  });

  test("gets in a row each may wait for as long as one may, however many there are", { retry: 2 }, async () => {
    const server = await start();
    const timeout = 400;
    const cache = filled(memoryOn(server.url, { timeout }));
    let lost = 0;
    let gets = 0;
    for (const end = performance.now() + 4 * timeout; performance.now() < end; gets++) {
      // Nothing is stored meanwhile: only gets say that the one before is over.
      if (cache.get(gets % 2000) === undefined) lost++;
    }
    expect(gets).toBeGreaterThan(1000);
    expect(lost).toBeLessThan(10);
  });

  test("getAsync() and fetch() do not block the event loop while they wait for it", async () => {
    const server = await start();
    const memory = memoryOn(server.url);
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0, fetchMethod: () => pageOf(-1) });
    const large = Buffer.concat(Array.from({ length: 5 }, (_, i) => pageOf(-2 - i)));
    cache.set(-1, large);
    for (let i = 0; i < 2000; i++) cache.set(i, pageOf(i));
    const before = cache.stats().hitsByTier.remote ?? 0;
    const expected = (key: number): Buffer => (key === -1 ? large : pageOf(key));
    for (const [i, key] of [-1, 5, 6, 7, 500, 501, 900, 901, 1200].entries()) {
      server.kill("SIGSTOP");
      // By another process: who blocks is to be seen here, and to lose nothing.
      const goOn = spawn("sh", ["-c", `sleep 0.05; kill -CONT ${server.process.pid}`], { stdio: "ignore" });
      const ended = once(goOn, "exit");
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      const served = cache.stats().hitsByTier.remote ?? 0;
      const value = await (i % 2 === 0 ? cache.getAsync(key) : cache.fetch(key));
      clearInterval(timer);
      // One that is on a node may be moved up, and others out to the server for it.
      if (cache.stats().hitsByTier.remote !== served) expect(turns).toBeGreaterThan(0);
      expect(value !== undefined && Buffer.compare(value, expected(key))).toBe(0);
      await ended;
    }
    expect((cache.stats().hitsByTier.remote ?? 0) - before).toBeGreaterThan(4);
    expect(await cache.getAsync(99_999)).toBeUndefined();
    memory.check();
    cache.close();
    await expect(cache.getAsync(1)).rejects.toMatchObject({ code: "ECLOSED" });
  });

  test("on a cluster, too", async () => {
    const servers = await startCluster();
    onTestFinished(() => {
      for (const server of servers) server.kill();
    });
    const memory = memoryOn([(servers[1] as Server).url]);
    const cache = filled(memory);
    expect(countRight(cache)).toBeGreaterThan(1990);
    for (const server of servers) expect(await server.command("DBSIZE")).toBeGreaterThan(0);
    servers[0]?.kill();
    expect(countRight(cache)).toBeLessThan(2000);
    checkAndClose(memory);
  });

  test("when the server is lost, what it had is a miss, and the cache works on; when it is back, it is used", async () => {
    const server = await start();
    const memory = memoryOn(server.url);
    const cache = filled(memory);
    server.kill();
    const start0 = performance.now();
    const there = countRight(cache);
    expect(performance.now() - start0).toBeLessThan(5000);
    expect(there).toBeGreaterThan(100);
    expect(there).toBeLessThan(2000);
    for (let i = 0; i < 2000; i++) cache.set(i, pageOf(i));
    expect(countRight(cache)).toBeGreaterThan(100);
    memory.check();
    await server.restart();
    for (const end = Date.now() + 20_000; countRight(cache) < 1900 && Date.now() < end; ) {
      await new Promise((later) => setTimeout(later, 50));
      for (let i = 0; i < 2000; i++) if (cache.get(i) === undefined) cache.set(i, pageOf(i));
    }
    expect(countRight(cache)).toBeGreaterThanOrEqual(1900);
    memory.check();
  });

  test("a region's pages do not go there: another device has them, or there is no room", async () => {
    const server = await start();
    const alone = memoryOn(server.url);
    const region = alone.map(8 * 2 ** 20);
    expectError(() => region.fill(1), "ENOMEM");
    expect(onRemote(alone)).toBe(0);
    alone.check();

    const file = { kind: "file", path: swapPath(), size: "8MiB" };
    const both = memoryOn(server.url, { priority: 5 }, [file]);
    const cache = filled(both);
    const there = onRemote(both);
    expect(there).toBeGreaterThan(PAGES);
    const large = fillRegion(both, 1000);
    checkRegion(large, 1000);
    server.kill();
    checkRegion(large, 1000);
    expect(countRight(cache)).toBeLessThan(2000);
    both.check();
  });

  test("nor what the pool of compressed pages writes back", async () => {
    const server = await start();
    const remote = { kind: "remote", url: server.url, size: "16MiB" } as const;
    const memory = twoTiers({ zswap: { size: "256KiB" }, swap: [remote] });
    onTestFinished(() => memory[Symbol.dispose]());
    const region = memory.map(8 * 2 ** 20);
    const text = Buffer.from("0123456789abcdef".repeat(256));
    const fill = (): void => {
      for (let i = 0; i < 2048; i++) region.write(i * PAGE, Buffer.from(text).fill(pageOf(i), 0, 1500));
    };
    expectError(fill, "ENOMEM");
    expect(onRemote(memory)).toBe(0);
    memory.check();
  });

  test("sole: they do; and if the server is lost, they are an EIO, and none is wrong", async () => {
    const server = await start();
    const memory = memoryOn(server.url, { sole: true });
    const region = fillRegion(memory, 1500);
    expect(onRemote(memory)).toBeGreaterThan(PAGES);
    checkRegion(region, 1500);
    memory.check();
    server.kill();
    let lost = 0;
    for (let i = 0; i < 1500; i++) {
      try {
        expect(Buffer.compare(region.read(i * PAGE, PAGE), pageOf(i))).toBe(0);
      } catch (error) {
        expect(isLieuError(error, "EIO")).toBe(true);
        lost++;
      }
    }
    expect(lost).toBeGreaterThan(100);
    memory.check();
  });

  test.each([
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
  ])("full under %s: no wrong byte, no lost region page", async (policy) => {
    const server = await start({ maxmemory: "4mb", "maxmemory-policy": policy });
    const file = { kind: "file", path: swapPath(), size: "4MiB" };
    const memory = memoryOn(server.url, { priority: 5 }, [file]);
    const region = fillRegion(memory, 900);
    const cache = filled(memory, 3000);
    const there = countRight(cache, 3000);
    expect(there).toBeGreaterThan(300);
    checkRegion(region, 900);
    expect(onRemote(memory)).toBeGreaterThan(0);
    checkAndClose(memory);
  });

  test("values that were changed there are misses", async () => {
    const server = await start();
    const memory = memoryOn(server.url);
    const cache = filled(memory);
    for (const key of (await server.command("KEYS", "*")) as string[]) {
      const fields = (await server.command("HKEYS", key)) as string[];
      for (const field of fields.slice(0, 3)) await server.command("HSET", key, field, "x".repeat(PAGE));
    }
    const there = countRight(cache);
    expect(there).toBeGreaterThan(100);
    expect(there).toBeLessThan(2000);
    memory.check();
  });

  test("no message tells a password", () => {
    const url = "redis://user:hush@127.0.0.1:1";
    const wrong: object[] = [
      { swap: [{ kind: "remote", url, size: "1MiB" }] },
      { swap: [{ kind: "remote", url: `${url}/a`, size: "1MiB" }] },
      { swap: [{ kind: "remote", url: `x${url}`, size: "1MiB" }] },
      { swap: [url] },
      { swap: { url } },
      { swap: [{ kind: url, size: "1MiB" }] },
      { swap: [{ kind: "remote", url, size: url }] },
    ];
    for (const options of wrong) {
      let error: unknown;
      try {
        twoTiers(options);
      } catch (caught) {
        error = caught;
      }
      expect(isLieuError(error)).toBe(true);
      expect(inspect(error, { depth: 9 })).not.toContain("hush");
    }
  });
});
