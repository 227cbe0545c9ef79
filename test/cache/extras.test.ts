/** Tags, many keys at once, memo() and onInsert: what random operations (many-ops.ts) do not come upon by chance. */
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { Tags } from "../../src/cache/tags.ts";
import { checkTags, hashTag, tagNames, withTrailer } from "../../src/cache/trailer.ts";
import { type Cache, type CacheOptions, type Memory, openMemorySync, simCrank } from "../../src/index.ts";

const crank = simCrank();
let memory: Memory | undefined;
afterEach(() => {
  memory?.check();
  memory?.[Symbol.dispose]();
  memory = undefined;
});
function open<V = unknown>(options: CacheOptions<V> = {}): Cache<V> {
  memory = openMemorySync(
    { nodes: { dram: { kind: "dram", size: "4MiB" } }, pretouch: false, addressSpace: "64MiB" },
    { crank },
  );
  return memory.cache<V>(options);
}

describe("tags", () => {
  test("invalidating one takes all that have it, in every way of asking, and no others", () => {
    const cache = open<string>({ allowStale: true });
    cache
      .set("a", "1", { tags: ["x", "y"] })
      .set("b", "2", { tags: ["y"] })
      .set("c", "3");
    cache.invalidateTag("x");
    expect([cache.has("a"), cache.peek("a"), cache.getRemainingTTL("a"), cache.info("a")]).toEqual([
      false,
      undefined,
      0,
      undefined,
    ]);
    expect([[...cache.keys()].sort(), cache.dump().length, cache.size]).toEqual([["b", "c"], 2, 3]);
    expect([cache.getInto("a", new Uint8Array(9)), cache.pin("a"), cache.get("a"), cache.size]).toEqual([
      -1,
      undefined,
      undefined,
      2,
    ]);
    expect([cache.get("b"), cache.get("c"), cache.stats().hits, cache.stats().misses]).toEqual(["2", "3", 2, 3]);
    cache.invalidateTag("nobody has it");
    expect(cache.get("b")).toBe("2");
  });

  test("what is set after it is valid, whether it was there before or not", () => {
    const cache = open<string>();
    cache.invalidateTag("x");
    cache.set("a", "1", { tags: ["x"] });
    expect(cache.get("a")).toBe("1");
    cache.invalidateTag("x");
    cache.set("a", "2", { tags: ["x"] });
    expect(cache.get("a")).toBe("2");
    cache.invalidateTag("x");
    cache.set("a", "3");
    cache.invalidateTag("x");
    expect(cache.get("a")).toBe("3");
  });

  test("values of every kind and size come back without a trace of their tags", () => {
    const cache = open<unknown>();
    const values = [
      "",
      "ascii",
      "é€",
      "\ud800",
      Buffer.alloc(0),
      Buffer.alloc(4096, 1),
      { a: [1] },
      -0,
      new Map([[1, 2]]),
    ];
    for (const n of [1, 4000, 4079, 4080, 4081, 4096, 8176, 8192, 20_000, 100_000])
      values.push(Buffer.alloc(n, n & 255));
    for (const value of values) {
      cache.set("k", value, { tags: ["x", "ключ", "\ud800"] });
      expect(cache.get("k")).toEqual(value);
      expect(cache.info("k")?.tags).toEqual(["x", "ключ", "\ud800"]);
      if (!(value instanceof Uint8Array)) continue;
      const target = new Uint8Array(value.length + 1).fill(7);
      expect([cache.getInto("k", target), target.at(-1), cache.info("k")?.size]).toEqual([
        value.length,
        7,
        value.length,
      ]);
      expect(Buffer.compare(target.subarray(0, -1), value)).toBe(0);
      const pin = cache.pin("k");
      expect(Buffer.compare(pin?.bytes as Uint8Array, value)).toBe(0);
      pin?.release();
    }
    cache.invalidateTag("ключ");
    expect(cache.get("k")).toBeUndefined();
  });

  test("maxEntrySize is of the value alone", () => {
    const cache = open<string>({ maxEntrySize: 10 });
    cache.set("a", "x".repeat(10), { tags: ["a long name for a tag"] }).set("b", "x".repeat(11), { tags: ["t"] });
    expect([cache.has("a"), cache.has("b")]).toEqual([true, false]);
  });

  test("dump() and load() keep them", () => {
    const cache = open<string>({ ttl: 1000 });
    cache
      .set("a", "1", { tags: ["x"] })
      .set("b", "2", { tags: ["y", "x"] })
      .set("c", "3")
      .set("gone", "", { tags: ["z"] });
    cache.invalidateTag("z");
    const dump = cache.dump();
    expect(new Map(dump).get("b")).toMatchObject({ value: "2", tags: ["y", "x"], ttl: 1000 });
    expect("tags" in (new Map(dump).get("c") as object)).toBe(false);
    cache.load(dump);
    expect([...cache.keys()].sort()).toEqual(["a", "b", "c"]);
    cache.invalidateTag("y");
    expect([...cache.keys()].sort()).toEqual(["a", "c"]);
    expect(() => cache.load([["k", { value: "v", tags: [1 as unknown as string] }]])).toThrow(/EINVAL.*tag/);
    expect(cache.size).toBe(3);
  });

  test("dispose() hears of them as of expired ones; purgeStale() reclaims them", () => {
    const gone: unknown[] = [];
    const cache = open<string>({ dispose: (...what) => gone.push(what) });
    for (const key of ["a", "b", "c", "d"]) cache.set(key, key, { tags: ["t"] });
    cache.set("other", "o");
    cache.invalidateTag("t");
    cache.get("a");
    cache.set("b", "new");
    cache.delete("c");
    expect(cache.purgeStale()).toBe(true);
    expect(gone).toEqual(["a", "b", "c", "d"].map((key) => [key, key, "expire"]));
    expect([cache.size, cache.purgeStale()]).toEqual([2, false]);
  });

  test("a load that was under way when its tag was invalidated brings nothing to the cache", async () => {
    const ready: (() => void)[] = [];
    const cache = open<string>({
      fetchMethod: (key, _, { options }) => {
        if (key === "own") options.tags = ["t"];
        return new Promise((resolve) => ready.push(() => resolve(key)));
      },
    });
    const waiting = [cache.fetch("given", { tags: ["t"] }), cache.fetch("own"), cache.fetch("none")];
    await turn();
    cache.invalidateTag("t");
    for (const go of ready) go();
    expect(await Promise.all(waiting)).toEqual(["given", "own", "none"]);
    expect([...cache.keys()]).toEqual(["none"]);
    const again = cache.fetch("given", { tags: ["t"] });
    await turn();
    ready.at(-1)?.();
    expect([await again, cache.get("given")]).toEqual(["given", "given"]);
  });

  test("invalidating costs the same whatever there is, and what is remembered is bounded", () => {
    const tags = new Tags(3);
    for (const tag of ["a", "b", "a", "c", "d", "e"]) tags.invalidate(tag);
    const of = (epoch: number, ...names: string[]) => {
      const bytes = withTrailer(Buffer.from("v"), 0, names, epoch);
      const tail = (into: Uint8Array, n: number) => {
        into.set(bytes.subarray(bytes.length - n));
        return true;
      };
      return tags.invalid({ tagged: true, tail } as never);
    };
    // a was invalidated 3rd and forgotten; so was b, 2nd; the floor is at 3.
    expect([of(3, "a"), of(3, "b"), of(4, "c"), of(3, "c"), of(5, "d"), of(4, "d"), of(6, "e")]).toEqual([
      ...[false, false, false, true, false, true, false],
    ]);
    expect([of(2, "a"), of(2, "never invalidated"), of(3, "never invalidated")]).toEqual([true, true, false]);
    tags.clear();
    expect(of(6, "e")).toBe(false);
  });

  test("hashes of tags that are alike differ", () => {
    const names = new Set<string>();
    for (let i = 0; i < 100_000; i++)
      names
        .add(`user:${i}`)
        .add(`user:${i}:`)
        .add(String.fromCharCode(i & 0xffff, i >> 8));
    expect(new Set([...names].map(hashTag)).size).toBe(names.size);
    expect([...names].every((name) => Number.isSafeInteger(hashTag(name)))).toBe(true);
  });

  test("bad ones are refused before anything changes", () => {
    const cache = open<string>();
    cache.set("a", "1");
    const bad: unknown[] = [
      "x",
      [""],
      [1],
      ["x".repeat(1025)],
      Array.from({ length: 257 }, (_, i) => `${i}`),
      {},
      null,
    ];
    for (const tags of bad) expect(() => cache.set("a", "2", { tags: tags as string[] })).toThrow(/^EINVAL: (a )?tag/);
    for (const tag of ["", 1, null, undefined])
      expect(() => cache.invalidateTag(tag as string)).toThrow(/EINVAL: a tag/);
    expect([cache.get("a"), cache.stats().sets]).toEqual(["1", 1]);
    expect(checkTags(["b", "a", "b"])).toEqual(["b", "a"]);
    expect(tagNames(withTrailer(new Uint8Array(3), 1, ["b", "a"], 7))).toEqual(["b", "a"]);
    cache.close();
    expect(() => cache.invalidateTag("x")).toThrow(/ECLOSED/);
  });
});

describe("many keys at once", () => {
  test("getMany() gives values in the order of the keys", () => {
    const cache = open<number>();
    cache.setMany(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    expect(cache.getMany(["b", "x", "a", "b"])).toEqual([2, undefined, 1, 2]);
    expect(cache.getMany(new Set<string>())).toEqual([]);
    expect(() => cache.getMany("ab" as never)).toThrow(/EINVAL: getMany/);
    expect(() => cache.getMany(["a", {} as string])).toThrow(/EINVAL: the key/);
    expect(cache.stats().hits).toBe(3);
  });

  test("setMany() takes options for all and for one; undefined deletes", () => {
    const cache = open<number>({ ttl: 1000 });
    cache.set("gone", 0);
    cache.setMany(
      [
        ["a", 1],
        ["b", 2, { ttl: 5000 }],
        ["gone", undefined],
      ],
      { ttl: 50, tags: ["t"] },
    );
    expect([cache.info("a"), cache.info("b")]).toMatchObject([{ ttl: 50, tags: ["t"] }, { ttl: 5000 }]);
    expect([cache.info("b")?.tags, cache.has("gone")]).toEqual([undefined, false]);
  });

  test("setMany() stores all or nothing", () => {
    const cache = open<unknown>();
    cache.set("a", 1);
    const bad: unknown[] = [["b"], [{}, 1], ["c", () => 1], ["d", 1, { ttl: -1 }], "e"].slice(1);
    for (const entry of bad) expect(() => cache.setMany([["a", 2], entry as [string, unknown]])).toThrow(/EINVAL/);
    expect([cache.get("a"), cache.size, cache.stats().sets]).toEqual([1, 1, 1]);
  });

  test("deleteMany() counts those that were there", () => {
    const cache = open<number>();
    cache.setMany([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    expect([cache.deleteMany(["a", "x", "c", "a"]), cache.size]).toEqual([2, 1]);
    expect(() => cache.deleteMany(["b", Symbol("k") as never])).toThrow(/EINVAL/);
    expect(cache.size).toBe(1);
  });
});

describe("memo()", () => {
  test("makes a value once, and again when it has expired or is to be", () => {
    const calls: unknown[] = [];
    const cache = open<string>({
      memoMethod: (key, stale, { options, context }) => {
        calls.push([key, stale, context]);
        options.ttl = 100;
        return `${key}${calls.length}`;
      },
    });
    expect([cache.memo("k"), cache.memo("k"), cache.get("k")]).toEqual(["k1", "k1", "k1"]);
    expect([cache.memo("k", { forceRefresh: true, context: 7 }), cache.getRemainingTTL("k")]).toEqual(["k2", 100]);
    crank.advance(101);
    expect(cache.memo("k")).toBe("k3");
    expect(calls).toEqual([
      ["k", undefined, undefined],
      ["k", "k1", 7],
      ["k", undefined, undefined],
    ]);
  });

  test("needs a memoMethod; what that throws goes to the caller and changes nothing", () => {
    expect(() => open().memo("k")).toThrow(/EINVAL.*memoMethod/);
    memory?.[Symbol.dispose]();
    const cache = open({
      memoMethod: () => {
        throw new Error("no");
      },
    });
    expect(() => cache.memo("k")).toThrow("no");
    expect(cache.size).toBe(0);
  });

  test("a tag that is invalidated while the value is made counts", () => {
    const cache: Cache<string> = open<string>({
      memoMethod: (key) => {
        cache.invalidateTag("t");
        return key;
      },
    });
    expect([cache.memo("k", { tags: ["t"] }), cache.has("k")]).toEqual(["k", false]);
  });
});

describe("onInsert", () => {
  test("hears of what was stored, whoever stored it, once it is there", async () => {
    const heard: unknown[] = [];
    const cache: Cache<string> = open<string>({
      maxEntrySize: 10,
      onInsert: (value, key, reason) => heard.push([value, key, reason, cache.get(key)]),
      fetchMethod: async (key) => key,
      memoMethod: (key) => key,
    });
    cache
      .set("a", "1")
      .set("a", "2")
      .set("big", "x".repeat(11))
      .setMany([["b", "3"]]);
    await cache.fetch("f");
    cache.memo("m");
    expect(heard).toEqual([
      ["1", "a", "add", "1"],
      ["2", "a", "replace", "2"],
      ["3", "b", "add", "3"],
      ["f", "f", "add", "f"],
      ["m", "m", "add", "m"],
    ]);
    heard.length = 0;
    cache.load(cache.dump());
    expect(heard.length).toBe(4);
  });
});
