/** The public types: what is inferred from what. `tsc` checks them; the tests only hold the calls. */
import { afterAll, describe, expectTypeOf, test } from "vitest";
import {
  type Cache,
  type CacheKey,
  type Codec,
  type FetchMethod,
  type MemoryOptions,
  openMemorySync,
  type Signal,
} from "../../src/index.ts";
import type { memoryShape } from "../../src/memory/options.ts";
import type { Checked } from "../../src/memory/schema.ts";

type User = { name: string };
const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "4MiB" } } });
afterAll(() => memory[Symbol.dispose]());
const small = { maxSize: "64KiB" } as const;

describe("a cache's types", () => {
  test("keys are strings unless another kind is said", () => {
    expectTypeOf(memory.cache(small)).toEqualTypeOf<Cache<unknown, string>>();
    expectTypeOf(memory.cache<User>(small)).toEqualTypeOf<Cache<User, string>>();
    expectTypeOf(memory.cache<User, number>(small).get).parameter(0).toEqualTypeOf<number>();
    expectTypeOf(memory.cache<User, CacheKey>(small).keys()).toEqualTypeOf<IterableIterator<CacheKey>>();
    expectTypeOf(memory.cache<User, string | number>(small).dump()[0]).exclude<undefined>().toHaveProperty(0);
  });

  test("the fetchMethod gets keys of that type, and says what values are", () => {
    const users = memory.cache<User, string>({
      ...small,
      fetchMethod: async (id, stale, { signal }) => {
        expectTypeOf(id).toEqualTypeOf<string>();
        expectTypeOf(stale).toEqualTypeOf<User | undefined>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        return { name: id };
      },
    });
    expectTypeOf(users.fetch).returns.resolves.toEqualTypeOf<User | undefined>();
    const numbered = memory.cache({ ...small, fetchMethod: async (id: number) => ({ square: id * id }) });
    expectTypeOf(numbered).toEqualTypeOf<Cache<{ square: number }, number>>();
    expectTypeOf<FetchMethod<User>>().parameter(0).toEqualTypeOf<string>();
    expectTypeOf<Signal>().toEqualTypeOf<AbortSignal>();
  });

  test("the codec fixes the values", () => {
    expectTypeOf(memory.cache({ ...small, codec: "string" })).toEqualTypeOf<Cache<string, string>>();
    expectTypeOf(memory.cache({ ...small, codec: "bytes" })).toEqualTypeOf<Cache<Uint8Array, string>>();
    expectTypeOf(memory.cache<Buffer, number>({ ...small, codec: "bytes" })).toEqualTypeOf<Cache<Buffer, number>>();
    const dates: Codec<Date> = { encode: () => new Uint8Array(0), decode: () => new Date() };
    expectTypeOf(memory.cache({ ...small, codec: dates })).toEqualTypeOf<Cache<Date, string>>();
  });
});

test("the options of openMemory are what their schema takes, optional ones and undefined included", () => {
  type Shape = typeof memoryShape;
  type OfSchema = { [K in keyof Shape]: Checked<Shape[K]> };
  expectTypeOf<keyof MemoryOptions>().toEqualTypeOf<keyof Shape>();
  expectTypeOf<OfSchema>().toExtend<MemoryOptions>();
  expectTypeOf<Exclude<MemoryOptions["nodes"], "host">>().toEqualTypeOf<Readonly<OfSchema["nodes"]>>();
  expectTypeOf<MemoryOptions["preset"]>().toEqualTypeOf<OfSchema["preset"]>();
});
