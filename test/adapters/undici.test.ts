/** The store for undici's cache interceptor: what it keeps and gives, and undici itself over a real server. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { UndiciCacheKey, UndiciCacheValue } from "../../src/adapters/undici.ts";
import LieuCacheStore from "../../src/adapters/undici.ts";
import { openCache } from "./caches.ts";

const { Agent, interceptors, request } = await import("undici");

const key = (path = "/", more: Partial<UndiciCacheKey> = {}): UndiciCacheKey => {
  return { origin: "https://example.test", path, method: "GET", headers: {}, ...more };
};
const response = (more: Partial<UndiciCacheValue> = {}): UndiciCacheValue => {
  const now = Date.now();
  const times = { cachedAt: now, staleAt: now + 1000, deleteAt: now + 5000 };
  return { statusCode: 200, statusMessage: "OK", headers: { a: "b", c: ["d", "e"] }, ...times, ...more };
};
async function put(store: LieuCacheStore, k: UndiciCacheKey, value: UndiciCacheValue, ...body: (string | Buffer)[]) {
  const stream = store.createWriteStream(k, value);
  for (const chunk of body) stream.write(chunk);
  stream.end();
  await once(stream, "close");
}
const textOf = (store: LieuCacheStore, k: UndiciCacheKey) => store.get(k)?.body.toString();

afterEach(() => vi.useRealTimers());

describe("a store for undici", () => {
  test("gives what was written, all of it, to the same request alone", async () => {
    const store = new LieuCacheStore(openCache());
    const value = response({ etag: '"1"', cacheControlDirectives: { "max-age": 1 } });
    expect(store.get(key())).toBeUndefined();
    await put(store, key(), value, "as", Buffer.from("df"));
    expect(store.get(key())).toEqual({ ...value, body: Buffer.from("asdf") });
    for (const other of [key("/x"), key("/", { method: "HEAD" }), key("/", { origin: "https://other.test" })]) {
      expect(store.get(other)).toBeUndefined();
    }
    await put(store, key("/", { method: "HEAD" }), response({ statusCode: 204 }));
    expect([store.get(key("/", { method: "HEAD" }))?.body.length, textOf(store, key())]).toEqual([0, "asdf"]);
  });

  test("a response is there once its stream has ended, and not if it was cut off", async () => {
    const store = new LieuCacheStore(openCache());
    const stream = store.createWriteStream(key(), response());
    stream.write("half");
    expect(store.get(key())).toBeUndefined();
    stream.destroy();
    await once(stream, "close");
    expect(store.get(key())).toBeUndefined();
  });

  test("chooses by the headers that vary names", async () => {
    const store = new LieuCacheStore(openCache());
    const asked = (language?: string | string[]) =>
      key("/", { headers: language ? { "accept-language": language } : {} });
    const vary = (language: string | string[] | null) => response({ vary: { "accept-language": language } });
    await put(store, asked("de"), vary("de"), "Hallo");
    await put(store, asked(["en", "fr"]), vary(["en", "fr"]), "Hello");
    await put(store, asked(), vary(null), "?");
    const all = () =>
      [asked("de"), asked(["en", "fr"]), asked(), asked("fr"), asked(["en"])].map((k) => textOf(store, k));
    expect(all()).toEqual(["Hallo", "Hello", "?", undefined, undefined]);
    await put(store, asked("de"), vary("de"), "Guten Tag");
    expect(all()).toEqual(["Guten Tag", "Hello", "?", undefined, undefined]);
  });

  test("gives a stale response until deleteAt, and overwrites it", async () => {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    const store = new LieuCacheStore(openCache());
    await put(store, key(), response(), "old");
    vi.advanceTimersByTime(2000);
    expect(textOf(store, key())).toBe("old");
    await put(store, key(), response(), "new");
    expect(textOf(store, key())).toBe("new");
    vi.advanceTimersByTime(5001);
    expect(store.get(key())).toBeUndefined();
    await put(store, key(), response({ deleteAt: Date.now() - 1 }), "over already");
    expect(store.get(key())).toBeUndefined();
  });

  test("delete() forgets all of a resource, and nothing of it stays in the cache", async () => {
    const cache = openCache();
    const store = new LieuCacheStore(cache);
    cache.set("mine", 1);
    for (const method of ["GET", "HEAD", "OPTIONS"]) await put(store, key("/a", { method }), response(), method);
    await put(store, key("/b"), response(), "b");
    store.delete(key("/a"));
    expect([textOf(store, key("/a")), textOf(store, key("/b"))]).toEqual([undefined, "b"]);
    store.delete(key("/b"));
    expect([...cache.keys()]).toEqual(["mine"]);
  });

  test("a body over maxEntrySize is not stored; one as long as that is", async () => {
    const store = new LieuCacheStore(openCache(), { maxEntrySize: 4 });
    await put(store, key(), response(), "abcd");
    await put(store, key("/long"), response(), "abc", "de");
    expect([textOf(store, key()), textOf(store, key("/long"))]).toEqual(["abcd", undefined]);
  });

  test("what does not fit the cache is a miss, and leaves no list behind", async () => {
    const cache = openCache({ maxSize: "64KiB" });
    const store = new LieuCacheStore(cache);
    await put(store, key(), response(), Buffer.alloc(100_000));
    expect([store.get(key()), cache.size]).toEqual([undefined, 0]);
  });

  test("paths of any length, and a prefix to keep stores apart", async () => {
    const cache = openCache();
    const [one, two] = [new LieuCacheStore(cache), new LieuCacheStore(cache, { prefix: "two:" })];
    const long = (end: string) => key(`/${"x".repeat(5000)}${end}`);
    await put(one, long("a"), response(), "a");
    await put(one, long("b"), response(), "b");
    await put(two, long("a"), response(), "two");
    expect([textOf(one, long("a")), textOf(one, long("b")), textOf(two, long("a"))]).toEqual(["a", "b", "two"]);
  });

  test("bad arguments", () => {
    expect(() => new LieuCacheStore({} as never)).toThrow(/EINVAL.*cache/);
    expect(() => new LieuCacheStore(openCache(), { maxEntrySize: -1 })).toThrow(/EINVAL.*maxEntrySize/);
    expect(() => new LieuCacheStore(openCache(), { prefix: 7 as never })).toThrow(/EINVAL.*prefix/);
    const store = new LieuCacheStore(openCache());
    expect(() => store.get({ origin: "x" } as never)).toThrow(/EINVAL.*key/);
    expect(() => store.createWriteStream(key(), {} as never)).toThrow(/EINVAL.*statusCode/);
  });
});

describe("under undici", () => {
  let served = 0;
  const server = createServer((req, res) => {
    served++;
    if (req.url === "/none") res.setHeader("cache-control", "no-store");
    else res.setHeader("cache-control", "max-age=60");
    if (req.method === "POST") res.end("posted");
    else res.end(`${req.url} ${served}`);
  });
  let origin: string;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test("answers from the store, and forgets what a request changes", async () => {
    const store = new LieuCacheStore(openCache());
    const agent = new Agent();
    const dispatcher = agent.compose(interceptors.cache({ store }));
    const ask = async (path: string, method: "GET" | "POST" = "GET") => {
      const { body } = await request(`${origin}${path}`, { dispatcher, method });
      return body.text();
    };
    expect([await ask("/a"), await ask("/a"), await ask("/b")]).toEqual(["/a 1", "/a 1", "/b 2"]);
    expect([await ask("/none"), await ask("/none")]).toEqual(["/none 3", "/none 4"]);
    expect(await ask("/a", "POST")).toBe("posted");
    expect([await ask("/a"), await ask("/b")]).toEqual(["/a 6", "/b 2"]);
    await agent.close();
  });
});
