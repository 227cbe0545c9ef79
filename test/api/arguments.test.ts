/** Bad arguments of map(), cache(), group() and reclaim(): the error names the value and what is allowed. */
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  bind,
  type Cache,
  type Codec,
  type GroupOptions,
  interleave,
  type MapOptions,
  type Memory,
  type Policy,
  preferred,
  weightedInterleave,
} from "../../src/index.ts";
import { checkAndClose, expectError, PAGE, twoTiers } from "./helpers.ts";

const size = 'give bytes or a string such as "256MiB"';
const nodes = "there are: fast, slow";

/** Do something wrong to a memory that must be none the worse for it. */
function wrong(action: (memory: Memory) => unknown, code: string, ...says: string[]): void {
  const memory = twoTiers();
  expectError(() => action(memory), code, ...says);
  expect(memory.nodes().every((n) => n.residentPages === 0)).toBe(true);
  // Nothing was half made: the whole address space is still to be had.
  memory.map(64 * 768 * PAGE).unmap();
  checkAndClose(memory);
}

describe("map()", () => {
  test.each([0, -1, Number.NaN, "x", undefined, null, 1e300, {}])("of %s bytes", (bytes) => {
    wrong((m) => m.map(bytes as number), "EINVAL", `size is `, size);
  });
  test.each(["100GiB", 2 ** 44, 2 ** 44 + 65536, 64 * 768 * PAGE + 1])(
    "of %s bytes: more than the address space",
    (bytes) => {
      wrong((m) => m.map(bytes), "ENOMEM", "pages do not fit", "raise addressSpace");
    },
  );
  test.each<[unknown, ...string[]]>([
    [null, "options is null", "name, policy, group, folio, locked"],
    [5, "options is 5"],
    [{ polcy: 1 }, 'unknown key "polcy"', "name, policy, group, folio, locked"],
    [{ name: 5 }, "name is 5", "string"],
    [{ name: "" }, 'name is ""', "not empty"],
    [{ locked: "yes" }, 'locked is "yes"', "true or false"],
    [{ folio: "3KiB" }, 'folio is "3KiB"', "4 KiB to 2 MiB"],
    [{ folio: "12KiB" }, 'folio is "12KiB"', "power of two"],
    [{ folio: "4MiB" }, 'folio is "4MiB"', "4 KiB to 2 MiB"],
    [{ group: "g" }, 'group "g"', "make one with group()"],
    [{ group: {} }, "group {}", "make one with group()"],
    [{ policy: "bind" }, 'policy is "bind"', "bind(), preferred(), interleave()"],
    [{ policy: { mode: "local" } }, 'policy is {"mode":"local"}', "bind(), preferred(), interleave()"],
    [{ policy: { mode: "bind" } }, "policy is undefined", "a list of nodes: fast, slow"],
    [{ policy: bind() }, "policy names no node"],
    [{ policy: bind("fast", "z") }, '"z"', nodes],
    [{ policy: preferred("z") }, '"z"', nodes],
    [{ policy: interleave() }, "policy names no node"],
    [{ policy: interleave("z") }, '"z"', nodes],
    [{ policy: weightedInterleave({}) }, "policy names no node"],
    [{ policy: weightedInterleave({ z: 1 }) }, '"z"', nodes],
    [{ policy: weightedInterleave({ fast: 0 }) }, "weight of fast is 0", "1 to 255"],
    [{ policy: weightedInterleave({ fast: 256 }) }, "weight of fast is 256", "1 to 255"],
    [{ policy: weightedInterleave({ fast: 1.5 }) }, "weight of fast is 1.5", "whole numbers"],
  ])("with %j", (options, ...says) => {
    wrong((m) => m.map("64KiB", options as MapOptions), "EINVAL", ...says);
  });

  test("the 1025th region", () => {
    const memory = twoTiers();
    for (let i = 0; i < 1024; i++) memory.map(PAGE);
    expectError(() => memory.map(PAGE), "ENOMEM", "1024 regions and caches");
    checkAndClose(memory);
  });
});

describe("cache()", () => {
  test.each<[unknown, ...string[]]>([
    [null, "options is null", "name, maxSize"],
    [{ maxsize: 1 }, 'unknown key "maxsize"', "name, maxSize, heap, policy, group, codec"],
    [{ maxSize: 0 }, "maxSize is 0", size],
    [{ maxSize: "60KiB" }, 'maxSize is "60KiB"', "64 KiB"],
    [{ codec: "json" }, 'codec is "json"', "any, bytes, string"],
    [{ codec: {} }, "codec is {}", "encode() and decode()"],
    [{ codec: 5 }, "codec is 5"],
    [{ policy: bind("z") }, '"z"', nodes],
    [{ name: 5 }, "name is 5"],
  ])("with %j", (options, ...says) => {
    wrong((m) => m.cache(options as { name: string }), "EINVAL", ...says);
  });

  test("that finds no address space gives its group number back", () => {
    const memory = twoTiers({ addressSpace: "256KiB" });
    for (let i = 0; i < 100; i++) expectError(() => memory.cache(), "ENOMEM", "address space");
    memory.group("still free");
    checkAndClose(memory);
  });

  test("in the 64th group", () => {
    const memory = twoTiers({ addressSpace: "64MiB" });
    const groups = Array.from({ length: 63 }, (_, i) => memory.group(`g${i}`));
    for (const group of [undefined, groups[0]])
      expectError(
        () => memory.cache({ maxSize: "64KiB", group }),
        "ENOMEM",
        "64 groups",
        "each that has caches takes two",
      );
    expectError(() => memory.group("g"), "ENOMEM", "64 groups");
    groups[0]?.remove();
    const caches = Array.from({ length: 9 }, () => memory.cache({ maxSize: "64KiB", group: groups[1] }));
    expectError(() => groups[1]?.remove(), "EBUSY", "still has");
    expectError(() => memory.cache({ maxSize: "64KiB" }), "ENOMEM", "64 groups");
    for (const cache of caches) cache.close();
    groups[1]?.remove();
    memory.cache({ maxSize: "64KiB" });
    checkAndClose(memory);
  });

  test("of model nodes", () => {
    const memory = twoTiers({ nodes: { a: { kind: "model", size: "1MiB" } } });
    expectError(() => memory.cache(), "ENOTSUP", "model");
    checkAndClose(memory);
  });

  test("keys and values of the wrong type", () => {
    const memory = twoTiers();
    const any = memory.cache({ maxSize: "64KiB" });
    for (const key of [undefined, null, {}, Symbol("k")])
      expectError(() => any.set(key as string, 1), "EINVAL", "key is");
    expectError(() => any.set("k", Symbol("v")), "EINVAL", "the value is a symbol");
    const bytes = memory.cache<Uint8Array>({ codec: "bytes", maxSize: "64KiB" });
    for (const value of [null, "x", 5, [1]]) {
      expectError(() => bytes.set("k", value as unknown as Uint8Array), "EINVAL", "the value is", "Uint8Array");
    }
    const string = memory.cache<string>({ codec: "string", maxSize: "64KiB" });
    expectError(() => string.set("k", 5 as unknown as string), "EINVAL", "the value is number", "string");
    expect([any.size, bytes.size, string.size]).toEqual([0, 0, 0]);
    checkAndClose(memory);
  });

  test("is typed by its values", () => {
    expectTypeOf<Cache<string>["get"]>().returns.toEqualTypeOf<string | undefined>();
    expectTypeOf<Codec<Date>["encode"]>().parameter(0).toEqualTypeOf<Date>();
    expectTypeOf<ReturnType<typeof bind>>().toEqualTypeOf<Policy>();
  });
});

describe("group()", () => {
  test.each<[unknown, ...string[]]>([
    [null, "options is null", "mems, min, low, high, max"],
    [{ mem: 1 }, 'unknown key "mem"', "mems, min, low, high, max"],
    [{ min: "max" }, 'min is "max"', "0 for no protection"],
    [{ low: "max" }, 'low is "max"'],
    [{ max: 0 }, "max is 0", size],
    [{ max: -1 }, "max is -1", size],
    [{ high: "lots" }, 'high is "lots"', size],
    [{ max: 10n }, "max is 10"],
    [{ mems: [] }, "mems of g names no node"],
    [{ mems: ["z"] }, "mems of g", '"z"', nodes],
    [{ mems: "fast" }, 'mems of g is "fast"', "a list of nodes: fast, slow"],
  ])("with options %#", (options, ...says) => {
    wrong((m) => m.group("g", options as GroupOptions), "EINVAL", ...says);
  });
  test.each([5, undefined, ""])("named %s", (name) => {
    wrong((m) => m.group(name as string), "EINVAL", "name is", "string");
  });

  test("a bad change changes nothing", () => {
    const memory = twoTiers();
    const group = memory.group("g", { min: "64KiB", max: "512KiB" });
    const before = group.limits;
    expectError(() => group.set({ max: "256KiB", high: "lots" }), "EINVAL", 'high is "lots"');
    expectError(() => group.set({ max: "256KiB", mems: ["z"] }), "EINVAL", '"z"');
    expectError(() => group.set({ max: "256KiB", hihg: 1 } as GroupOptions), "EINVAL", '"hihg"');
    expect(group.limits).toEqual(before);
    expectError(() => memory.group("g"), "EINVAL", '"g" exists already');
    checkAndClose(memory);
  });

  test("mems and a bind policy that leave no node", () => {
    const memory = twoTiers();
    const group = memory.group("g", { mems: ["slow"] });
    expectError(() => memory.map("64KiB", { group, policy: bind("fast") }), "EINVAL", "bind(fast)", "mems");
    expectError(() => memory.cache({ group, policy: bind("fast") }), "EINVAL", "bind(fast)", "mems");
    const region = memory.map("64KiB", { group, policy: bind("slow") });
    region.fill(1);
    expectError(() => group.set({ mems: ["fast"] }), "EINVAL", '["fast"]', "without any node");
    expectError(() => region.setPolicy(bind("fast")), "EINVAL", "bind(fast)");
    expect(region.placeOf(0)).toMatchObject({ where: "node", node: 1 });
    checkAndClose(memory);
  });

  test("used after it was removed, or in another memory", () => {
    const memory = twoTiers();
    const other = twoTiers();
    const group = memory.group("g");
    expectError(() => other.map("64KiB", { group }), "EINVAL", '"g" is not a group of this memory');
    const region = memory.map("64KiB", { group });
    expectError(() => group.remove(), "EBUSY", '"g"');
    region.unmap();
    group.remove();
    for (const use of [
      () => group.remove(),
      () => group.set({}),
      () => group.usage,
      () => group.vmstat(),
      () => group.limits,
    ]) {
      expectError(use, "ECLOSED", '"g" was removed');
    }
    expectError(() => memory.map("64KiB", { group }), "EINVAL", '"g" is not a group of this memory');
    const again = memory.group("g");
    expect(again.usage).toBe(0);
    expectError(() => memory.map("64KiB", { group }), "EINVAL", '"g" is not a group of this memory');
    checkAndClose(memory);
    checkAndClose(other);
  });
});

describe("reclaim(), node() and the rest", () => {
  test.each<[unknown, unknown, ...string[]]>([
    [0, {}, "amount is 0", size],
    ["lots", {}, 'amount is "lots"', size],
    [undefined, {}, "amount is undefined", size],
    ["1MiB", null, "options is null"],
    ["1MiB", { modes: 1 }, 'unknown key "modes"', "nodes, group, mode"],
    ["1MiB", { mode: "some" }, 'mode is "some"', '"any", "demote" or "evict"'],
    ["1MiB", { mode: "toString" }, 'mode is "toString"', '"any", "demote" or "evict"'],
    ["1MiB", { nodes: [] }, "nodes names no node"],
    ["1MiB", { nodes: ["z"] }, '"z"', nodes],
    ["1MiB", { nodes: "fast" }, 'nodes is "fast"', "a list"],
    ["1MiB", { group: {} }, "group {}"],
  ])("reclaim(%j, %j)", (amount, request, ...says) => {
    wrong((m) => m.reclaim(amount as string, request as object), "EINVAL", ...says);
  });
  test("an absurd amount is as much as there is", () => {
    const memory = twoTiers();
    expect(memory.reclaim(1e15)).toEqual({ reclaimed: 0, demoted: 0, relocated: 0, evicted: 0 });
    checkAndClose(memory);
  });
  test("an unknown node", () => wrong((m) => m.node("z"), "EINVAL", '"z"', nodes));
});
