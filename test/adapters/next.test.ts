/** `lieu/next` against what Next.js documents of cacheHandler and cacheHandlers, and relies on in its built-in ones. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lieuCacheHandler, lieuUseCacheHandler, type NextCacheEntry } from "../../src/adapters/next.ts";
import { openCache } from "./caches.ts";

const now = () => performance.timeOrigin + performance.now();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});
const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);

const fetched = (body: string) => ({ kind: "FETCH", data: { headers: {}, body, url: "" }, revalidate: 60 });
const page = (html: string, tags?: string) => ({
  kind: "APP_PAGE",
  html,
  rscData: Buffer.from("rsc"),
  status: 200,
  postponed: undefined,
  headers: tags ? { "x-next-cache-tags": tags } : undefined,
  segmentData: new Map([["/_tree", Buffer.from("tree")]]),
});

describe("cacheHandler", () => {
  const open = (options?: object) => {
    const cache = openCache();
    const Handler = lieuCacheHandler(cache, options);
    return { cache, handler: new Handler(), Handler };
  };

  test("gives every kind of value back as it was: bytes as Buffers, maps, null, what is undefined", async () => {
    const { handler, Handler } = open();
    const image = { kind: "IMAGE", buffer: Buffer.from("png"), etag: "e", upstreamEtag: "u", extension: "png" };
    const route = {
      kind: "APP_ROUTE",
      body: Buffer.from([0, 255]),
      status: 200,
      headers: { "set-cookie": ["a", "b"] },
    };
    const redirect = { kind: "REDIRECT", props: { url: "/x" } };
    const all = [page("<p>"), image, route, redirect, fetched("x"), null];
    for (const [i, value] of all.entries()) await handler.set(`/${i}`, value, {});
    const before = now();
    // Next.js makes a handler for each request.
    const other = new Handler();
    for (const [i, value] of all.entries()) {
      expect(await other.get(`/${i}`, { kind: "APP_PAGE" })).toEqual({ value, lastModified: before });
    }
    expect(await other.get("/none", {})).toBeNull();
    expect(Buffer.isBuffer((await other.get("/2", {}))?.value.body)).toBe(true);
    other.resetRequestCache();
  });

  test("a fetch is gone once one of its tags was revalidated: given when stored, when asked for, or soft", async () => {
    const { handler } = open();
    const put = () => handler.set("k", fetched("x"), { fetchCache: true, tags: ["stored"] });
    const ask = (context: object = {}) => handler.get("k", { kind: "FETCH", tags: ["stored"], ...context });
    for (const [tag, context] of [
      ["stored", {}],
      ["asked", { tags: ["stored", "asked"] }],
      ["_N_T_/path", { softTags: ["_N_T_/layout", "_N_T_/path"] }],
    ] as const) {
      await put();
      pass(1);
      await handler.revalidateTag("unrelated");
      expect(await ask(context)).not.toBeNull();
      await handler.revalidateTag(tag);
      expect(await ask(context)).toBeNull();
      await put();
      expect(await ask(context)).toBeNull();
      pass(0.001);
      await put();
      expect(await ask(context)).not.toBeNull();
    }
  });

  test("a page goes with the tags of its header, and with its path's", async () => {
    const { handler } = open();
    for (const tag of ["a", "_N_T_/p"]) {
      await handler.set("/p", page("<p>", "a,b,_N_T_/p"), { cacheControl: { revalidate: false } });
      await handler.revalidateTag(["other"]);
      expect((await handler.get("/p", {}))?.cacheControl).toEqual({ revalidate: false });
      await handler.revalidateTag([tag]);
      expect(await handler.get("/p", {})).toBeNull();
      pass(1);
    }
  });

  test("with a duration, looks as old as what is to be revalidated; gone when it is over, or without an age", async () => {
    const { handler } = open();
    await handler.set("/p", page("<p>", "t"), { cacheControl: { revalidate: 60, expire: 3600 } });
    await handler.set("/never", page("<p>", "t"), { cacheControl: { revalidate: false } });
    await handler.set("f", fetched("x"), { tags: ["t"] });
    pass(1);
    await handler.revalidateTag("t", { expire: 300 });
    const age = async (key: string, context = {}) => now() - ((await handler.get(key, context))?.lastModified ?? 0);
    expect(await age("/p")).toBeCloseTo(60_001, 0);
    expect(await age("f")).toBeCloseTo(60_001, 0);
    expect(await age("f", { revalidate: 10 })).toBeCloseTo(10_001, 0);
    expect(await handler.get("/never", {})).toBeNull();
    pass(1);
    await handler.set("f", fetched("new"), { tags: ["t"] });
    pass(299);
    expect(await handler.get("/p", {})).toBeNull();
    expect(await age("f")).toBeCloseTo(299_000, 0);
    // Revalidated at once, what was made before is gone.
    await handler.revalidateTag("t");
    expect(await handler.get("f", {})).toBeNull();
    await handler.revalidateTag("t", { expire: 300 });
    expect(await handler.get("f", {})).toBeNull();
  });

  test("expire is an entry's end; keys of any length; a prefix of its own", async () => {
    const { handler, cache } = open();
    await handler.set("/p", page("<p>"), { cacheControl: { revalidate: 1, expire: 600 } });
    const long = "x".repeat(5000);
    await handler.set(`${long}a`, fetched("a"), {});
    await handler.set(`${long}b`, fetched("b"), {});
    expect((await handler.get(`${long}a`, {}))?.value.data.body).toBe("a");
    const other = new (lieuCacheHandler(cache, { prefix: "other:" }))();
    expect(await other.get("/p", {})).toBeNull();
    pass(599);
    expect(await handler.get("/p", {})).not.toBeNull();
    pass(2);
    expect(await handler.get("/p", {})).toBeNull();
  });

  test("the oldest invalidation is forgotten beyond maxTags: what is older is made anew, the rest stays", async () => {
    const { handler } = open({ maxTags: 10 });
    await handler.set("old", fetched("x"), { tags: ["gone"] });
    await handler.set("untagged", fetched("x"), {});
    pass(1);
    await handler.revalidateTag("gone");
    pass(1);
    await handler.set("new", fetched("x"), { tags: ["kept"] });
    pass(1);
    await handler.revalidateTag(Array.from({ length: 10 }, (_, i) => `t${i}`));
    const there = async () => {
      const all = await Promise.all(["old", "untagged", "new"].map((key) => handler.get(key, {})));
      return all.map((found) => found !== null);
    };
    expect(await there()).toEqual([false, true, true]);
    await handler.revalidateTag("one more");
    expect(await there()).toEqual([false, true, false]);
  });

  test("bad arguments", async () => {
    expect(() => lieuCacheHandler({} as never)).toThrow(/EINVAL.*cache/);
    expect(() => lieuUseCacheHandler(undefined as never)).toThrow(/EINVAL.*cache/);
    expect(() => lieuCacheHandler(openCache(), { maxTags: 0 })).toThrow(/EINVAL.*maxTags/);
    expect(() => lieuUseCacheHandler(openCache(), { prefix: 1 as never })).toThrow(/EINVAL.*prefix/);
    await expect(open().handler.get(undefined as never)).rejects.toThrow(/EINVAL.*key/);
    await expect(open().handler.set("k", () => 1)).rejects.toThrow(/EINVAL/);
  });
});

describe("cacheHandlers", () => {
  const open = () => lieuUseCacheHandler(openCache());
  const stream = (...parts: (string | Error)[]) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const part = parts.shift();
        if (part instanceof Error) controller.error(part);
        else if (part === undefined) controller.close();
        else controller.enqueue(Buffer.from(part));
      },
    });
  const entry = (value: ReadableStream<Uint8Array>, more: Partial<NextCacheEntry> = {}): NextCacheEntry => {
    return { value, tags: ["t"], stale: 300, timestamp: now(), expire: 3600, revalidate: 900, ...more };
  };
  const text = async (found: NextCacheEntry | undefined) => found && (await new Response(found.value).text());

  const later = () => {
    let resolve: (entry: NextCacheEntry) => void = () => {};
    const promise = new Promise<NextCacheEntry>((done) => {
      resolve = done;
    });
    return { promise, resolve };
  };

  test("an entry comes back with a stream of its own each time", async () => {
    const handler = open();
    const made = entry(stream("a", "b"), { tags: ["t", "u"] });
    await handler.set("k", Promise.resolve(made));
    const found = [await handler.get("k", []), await handler.get("k", [])];
    expect(found[0]).toEqual({ ...made, value: expect.any(ReadableStream) });
    expect(await Promise.all(found.map(text))).toEqual(["ab", "ab"]);
    expect(await handler.get("none", [])).toBeUndefined();
    await handler.refreshTags();
  });

  test("a get waits for a set that is under way, whichever is the last", async () => {
    const handler = open();
    const only = later();
    const first = handler.set("k", only.promise);
    const got = handler.get("k", []);
    only.resolve(entry(stream("x")));
    expect(await text(await got)).toBe("x");
    await first;
    const [slow, quick] = [later(), later()];
    const sets = [handler.set("k", slow.promise), handler.set("k", quick.promise)];
    slow.resolve(entry(stream("slow")));
    await sets[0];
    const second = handler.get("k", []);
    quick.resolve(entry(stream("quick")));
    expect(await text(await second)).toBe("quick");
    await sets[1];
  });

  test("what broke off is not stored, and what never came fails its set alone", async () => {
    const handler = open();
    await handler.set("k", Promise.resolve(entry(stream("whole"))));
    await handler.set("k", Promise.resolve(entry(stream("half", new Error("cut")))));
    expect(await text(await handler.get("k", []))).toBe("whole");
    const failed = handler.set("k", Promise.reject(new Error("render")));
    const got = handler.get("k", []);
    await expect(failed).rejects.toThrow("render");
    expect(await text(await got)).toBe("whole");
  });

  test("tags: gone at once, or stale and then gone; soft tags at the get; when, for getExpiration", async () => {
    const handler = open();
    const put = (key: string) => handler.set(key, Promise.resolve(entry(stream(key))));
    expect(await handler.getExpiration(["t", "soft"])).toBe(0);
    await put("k");
    pass(1);
    await handler.updateTags(["soft"]);
    expect(await handler.getExpiration(["t", "soft"])).toBe(now());
    expect(await handler.get("k", ["soft"])).toBeUndefined();
    expect((await handler.get("k", []))?.revalidate).toBe(900);
    await handler.updateTags(["t"], { expire: 10 });
    expect(await handler.getExpiration(["t"])).toBe(0);
    expect((await handler.get("k", []))?.revalidate).toBe(-1);
    pass(1);
    await put("new");
    pass(10);
    expect(await handler.get("k", [])).toBeUndefined();
    expect((await handler.get("new", []))?.revalidate).toBe(900);
    await handler.updateTags(["t"]);
    expect(await handler.get("new", [])).toBeUndefined();
  });

  test("an entry past revalidate is given, past expire it is not; expire 0 is not kept, less than 0 deletes", async () => {
    const handler = open();
    await handler.set("k", Promise.resolve(entry(stream("x"), { revalidate: 1, expire: 600 })));
    pass(599);
    expect(await text(await handler.get("k", []))).toBe("x");
    pass(2);
    expect(await handler.get("k", [])).toBeUndefined();
    await handler.set("k", Promise.resolve(entry(stream("x"), { expire: 0 })));
    expect(await handler.get("k", [])).toBeUndefined();
    await handler.set("k", Promise.resolve(entry(stream("x"))));
    await handler.set("k", Promise.resolve(entry(stream(""), { expire: -1 })));
    expect(await handler.get("k", [])).toBeUndefined();
  });
});
