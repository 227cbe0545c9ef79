/** What a user of lieu writes in TypeScript, with nothing imported but lieu: compiled by declarations.test.ts, not run. */
import {
  bind,
  type Cache,
  type CacheKey,
  type CacheOptions,
  type Codec,
  type FetchMethod,
  isLieuError,
  type MemoryOptions,
  openMemory,
  type Signal,
} from "lieu";

interface User {
  id: string;
  name: string;
}
declare const db: {
  user(id: string, signal?: Signal): Promise<User>;
  order(id: number): Promise<{ total: number }>;
};
declare function is<T>(value: T): void;

const options: MemoryOptions = {
  nodes: { dram: { kind: "dram", size: "64MiB" }, slow: { kind: "dram", size: 2 ** 28, tier: 1 } },
  swap: [{ kind: "file", path: "users.swap", size: "1GiB" }],
  promotion: { hotThreshold: 200 },
  preset: undefined,
};
const frozen = { nodes: { dram: { kind: "dram", size: "64MiB" } }, balance: [["a", "b"]] } as const;
await using memory = await openMemory(options);
await openMemory(frozen);

// Keys and values said, and what is inferred from the methods.
const users = memory.cache<User, string>({ fetchMethod: async (id) => db.user(id) });
const byDefault = memory.cache<User>({ ttl: 1000, fetchMethod: (id, _stale, { signal }) => db.user(id, signal) });
const inferred = memory.cache({ fetchMethod: async (id) => db.user(id) });
const numbered = memory.cache({ fetchMethod: async (id: number) => db.order(id) });
is<User | undefined>(await users.fetch("42", { signal: new AbortController().signal }));
is<User | undefined>(byDefault.get("42", { allowStale: true }));
is<User | undefined>(await inferred.fetch("42"));
is<{ total: number } | undefined>(await numbered.fetch(42));
for (const [key, value] of numbered) is<[number, { total: number }]>([key, value]);
users.load(users.dump());
// @ts-expect-error the keys are strings
users.get(42);
// @ts-expect-error the keys are numbers
numbered.has("42");
// @ts-expect-error the values are users
users.set("42", 42);

// The codec fixes the values.
const pages = memory.cache({ codec: "string", dispose: (page, url, reason) => is<string[]>([page, url, reason]) });
const files = memory.cache({ codec: "bytes", policy: bind("slow"), maxSize: "32MiB" });
const blobs = memory.cache<Uint8Array, Uint8Array>({ codec: "bytes" });
is<string | undefined>(pages.get("/"));
is<Uint8Array | undefined>(files.get("a"));
blobs.set(Uint8Array.of(1), new Uint8Array(8));
// @ts-expect-error the values are strings
pages.set("/", 1);
// @ts-expect-error the values are bytes
files.set("a", "b");
// @ts-expect-error users are no strings
memory.cache<User>({ codec: "string" });
// @ts-expect-error there is no such codec
memory.cache({ codec: "json" });

// Codecs and options of the user's own.
const dates: Codec<Date> = {
  encode: (date) => Uint8Array.of(date.getFullYear() - 1970),
  decode: (bytes) => new Date((bytes[0] ?? 0) + 1970, 0),
};
is<Date | undefined>(memory.cache({ codec: dates }).get("x"));
const load: FetchMethod<User, number, { tenant: string }> = async (id, stale, { context }) => {
  return stale ?? { id: `${id}`, name: context?.tenant ?? "" };
};
const tenants: CacheOptions<User, number, { tenant: string }> = { fetchMethod: load, max: 100 };
await memory.cache(tenants).fetch(1, { context: { tenant: "a" } });
const any: Cache<unknown, CacheKey> = memory.cache<unknown, CacheKey>();
any.set(1, 2).set("1", 2).set(Uint8Array.of(1), 2);
// @ts-expect-error no such option
memory.cache({ maxsize: "1MiB" });
// @ts-expect-error a model node has no path
await openMemory({ nodes: { m: { kind: "model", size: "1MiB", path: "x" } } });

using region = memory.map("1MiB", { name: "table" });
using pin = region.pin(0, 4096);
is<Uint8Array>(pin.bytes);
is<number>(memory.vmstat().pgdemote_kswapd);
try {
  memory.group("tenant", { max: "1MiB" }).remove();
} catch (error) {
  if (isLieuError(error, "EBUSY")) is<"EBUSY" | string>(error.code);
}
