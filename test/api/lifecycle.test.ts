/** Regions, pins, caches and memories after their end, and access outside of them: an error, never another's bytes. */
import { describe, expect, test } from "vitest";
import { bind, LieuError, type Memory, openMemory, type Region, simCrank } from "../../src/index.ts";
import { inShards } from "../support/shards.ts";
import { checkAndClose, expectError, PAGE, pageOf, twoTiers } from "./helpers.ts";

/** Every use of a region that is not unmapping it. */
const USES: Record<string, (r: Region) => unknown> = {
  readUint8: (r) => r.readUint8(0),
  writeUint8: (r) => r.writeUint8(0, 1),
  readInt32: (r) => r.readInt32(0),
  "readInt32 across pages": (r) => r.readInt32(PAGE - 2),
  writeInt32: (r) => r.writeInt32(0, 1),
  readFloat64: (r) => r.readFloat64(0),
  writeFloat64: (r) => r.writeFloat64(0, 1),
  read: (r) => r.read(0, 10),
  "read of nothing": (r) => r.read(0, 0),
  readInto: (r) => r.readInto(0, new Uint8Array(10)),
  write: (r) => r.write(0, new Uint8Array(10)),
  fill: (r) => r.fill(1),
  translate: (r) => r.translate(0),
  array: (r) => r.array("uint8"),
  pin: (r) => r.pin(0, 10),
  advise: (r) => r.advise("cold"),
  setPolicy: (r) => r.setPolicy(bind("slow")),
  placeOf: (r) => r.placeOf(0),
};

describe("a region that was unmapped", () => {
  test.each(Object.entries(USES))("%s", (_, use) => {
    const memory = twoTiers();
    const region = memory.map("64KiB", { name: "first" });
    region.write(0, pageOf(1));
    region.unmap();
    // Its pages are another's now, present and ready to be hit.
    const next = memory.map("64KiB");
    next.fill(7);
    expectError(() => use(region), "ECLOSED", 'region "first" was unmapped');
    expect(next.read(0, next.size).every((byte) => byte === 7)).toBe(true);
    checkAndClose(memory);
  });

  test("cannot be unmapped again, but disposed of", () => {
    const memory = twoTiers();
    const region = memory.map("64KiB");
    region.unmap();
    expectError(() => region.unmap(), "ECLOSED", "was unmapped");
    region[Symbol.dispose]();
    checkAndClose(memory);
  });

  test("takes its arrays with it", () => {
    const memory = twoTiers();
    const region = memory.map("64KiB");
    const array = region.array("int32");
    array.set(0, 5);
    region.unmap();
    memory.map("64KiB").fill(7);
    expectError(() => array.get(0), "ECLOSED", "was unmapped");
    expectError(() => array.set(0, 1), "ECLOSED", "was unmapped");
    checkAndClose(memory);
  });
});

describe("a memory that was closed", () => {
  test.each(Object.entries(USES))("%s of its regions", async (_, use) => {
    const memory = twoTiers();
    const region = memory.map("64KiB");
    region.fill(7);
    await memory.close();
    expectError(() => use(region), "ECLOSED", "the memory was closed");
    expectError(() => region.unmap(), "ECLOSED", "the memory was closed");
    region[Symbol.dispose]();
  });

  test("nothing else of it works", async () => {
    const memory = twoTiers();
    const group = memory.group("g");
    const cache = memory.cache({ maxSize: "64KiB" });
    cache.set("k", 1);
    const node = memory.node("fast");
    await memory.close();
    const uses: (() => unknown)[] = [
      () => memory.map("4KiB"),
      () => memory.cache(),
      () => memory.group("h"),
      () => memory.reclaim("4KiB"),
      () => memory.vmstat(),
      () => memory.node("fast"),
      () => memory.nodes(),
      () => memory.tick(),
      () => memory.check(),
      () => group.set({ max: "64KiB" }),
      () => group.usage,
      () => group.limits,
      () => group.vmstat(),
      () => group.remove(),
      () => cache.get("k"),
      () => cache.peek("k"),
      () => cache.has("k"),
      () => cache.set("k", 1),
      () => cache.delete("k"),
      () => cache.clear(),
      () => [...cache.keys()],
      () => cache.close(),
      () => node.vmstat(),
    ];
    for (const use of uses) expectError(use, "ECLOSED", "the memory was closed");
    cache[Symbol.dispose]();
  });

  test("can be closed again", async () => {
    const memory = twoTiers();
    await memory.close();
    await memory.close();
    memory[Symbol.dispose]();
    await memory[Symbol.asyncDispose]();
  });

  test("is closed by await using, its timer too", async () => {
    let kept: Memory;
    {
      await using memory = await openMemory({ nodes: { a: { kind: "dram", size: "1MiB" } } });
      kept = memory;
    }
    expectError(() => kept.check(), "ECLOSED");
  });
});

describe("pins", () => {
  test("hold off unmapping and closing; afterwards all works on", async () => {
    const memory = twoTiers();
    const region = memory.map("64KiB", { name: "held" });
    region.write(0, pageOf(1));
    const pins = [region.pin(0, 10), region.pin(5, 2 * PAGE, { write: true })];
    expect(region.pins).toBe(2);
    expectError(() => region.unmap(), "EBUSY", '"held" has 2 pins', "release them");
    await expect(memory.close()).rejects.toThrow(
      new LieuError("EBUSY", "2 pins are still held; release them before closing the memory"),
    );
    expect(Buffer.compare(region.read(0, PAGE), pageOf(1))).toBe(0);
    memory.check();
    for (const pin of pins) pin.release();
    expect(region.pins).toBe(0);
    region.unmap();
    checkAndClose(memory);
  });

  test("are released once; disposing again is fine", () => {
    const memory = twoTiers();
    const region = memory.map("64KiB");
    const pin = region.pin(0, 10);
    expect(pin.released).toBe(false);
    pin.release();
    expect(pin.released).toBe(true);
    expectError(() => pin.release(), "ECLOSED", "the pin was released");
    pin[Symbol.dispose]();
    expect(region.pins).toBe(0);
    checkAndClose(memory);
  });

  test("hold off a policy that would move their page; it stays in force after", () => {
    const memory = twoTiers();
    const region = memory.map("64KiB", { policy: bind("fast") });
    region.fill(1);
    {
      using _ = region.pin(2 * PAGE, 1);
      expectError(() => region.setPolicy(bind("slow")), "EBUSY", "held by a pin");
      memory.check();
      region.setPolicy(bind("fast", "slow"));
    }
    region.setPolicy(bind("slow"));
    expect([0, 2, 15].map((page) => region.placeOf(page * PAGE))).toMatchObject([
      { node: 1 },
      { node: 1 },
      { node: 1 },
    ]);
    expect(region.read(0, region.size).every((byte) => byte === 1)).toBe(true);
    checkAndClose(memory);
  });

  test("hold off mems that would move their page; nothing is changed then", () => {
    const memory = twoTiers();
    const group = memory.group("g");
    const region = memory.map("64KiB", { group });
    region.fill(1);
    using pin = region.pin(0, 1);
    expectError(() => group.set({ mems: ["slow"], max: "512KiB" }), "EBUSY", "held by a pin");
    expect(group.limits.max).toBe(Number.POSITIVE_INFINITY);
    memory.check();
    pin.release();
    group.set({ mems: ["slow"] });
    expect(region.placeOf(0)).toMatchObject({ where: "node", node: 1 });
    checkAndClose(memory);
  });

  test.skipIf(inShards)("that fail hold nothing", () => {
    const memory = twoTiers();
    const region = memory.map("4MiB");
    // More than there is memory for: the pages that were pinned on the way are let go.
    expectError(() => region.pin(0, region.size), "ENOMEM", "no room for page");
    expect(region.pins).toBe(0);
    region.unmap();
    expect(memory.nodes().every((n) => n.residentPages === 0)).toBe(true);
    checkAndClose(memory);
  });
});

describe("out of range", () => {
  const at = (region: Region): Record<string, () => unknown> => ({
    "readUint8(-1)": () => region.readUint8(-1),
    "readUint8(size)": () => region.readUint8(65536),
    "readUint8(NaN)": () => region.readUint8(Number.NaN),
    "readUint8(2 ** 32)": () => region.readUint8(2 ** 32),
    "readUint8(2 ** 32 + 1)": () => region.readUint8(2 ** 32 + 1),
    "readUint8(1e300)": () => region.readUint8(1e300),
    "writeUint8(-1)": () => region.writeUint8(-1, 1),
    "writeUint8(size)": () => region.writeUint8(65536, 1),
    "readInt32(size - 3)": () => region.readInt32(65533),
    "writeInt32(size - 3)": () => region.writeInt32(65533, 1),
    "readInt32(-4)": () => region.readInt32(-4),
    "readFloat64(size - 7)": () => region.readFloat64(65529),
    "writeFloat64(size - 7)": () => region.writeFloat64(65529, 1),
    "read(0, size + 1)": () => region.read(0, 65537),
    "read(size + 1, 0)": () => region.read(65537, 0),
    "read(0, -1)": () => region.read(0, -1),
    "read(0.5, 1)": () => region.read(0.5, 1),
    "readInto over the end": () => region.readInto(65530, new Uint8Array(10)),
    "write over the end": () => region.write(65530, new Uint8Array(10)),
    "fill over the end": () => region.fill(1, 0, 65537),
    "fill from -1": () => region.fill(1, -1, 5),
    "pin over the end": () => region.pin(65000, 1000),
    "pin from -1": () => region.pin(-1, 5),
    "advise over the end": () => region.advise("cold", 0, 65537),
    "placeOf(size)": () => region.placeOf(65536),
    "translate(size)": () => region.translate(65536),
    "an array over the end": () => region.array("int32", 0, 16385),
    "an array behind the end": () => region.array("int32", 65540),
    "element -1": () => region.array("int32").get(-1),
    "element length": () => region.array("int32").get(16384),
    "element 0.5": () => region.array("int32").get(0.5),
    "set of element length": () => region.array("int32").set(16384, 1),
  });
  test.each([false, true])("with its pages present: %s", (present) => {
    const memory = twoTiers();
    const region = memory.map("64KiB");
    if (present) region.fill(9);
    for (const action of Object.values(at(region))) expectError(action, "ERANGE");
    expect(memory.node("fast").residentPages).toBe(present ? 16 : 0);
    checkAndClose(memory);
  });

  test("names the range and the size", () => {
    const memory = twoTiers();
    const region = memory.map("64KiB", { name: "r" });
    expectError(() => region.read(60000, 10000), "ERANGE", "60000", "70000", '"r"', "65536");
    checkAndClose(memory);
  });

  test("other bad arguments", () => {
    const memory = twoTiers();
    const region = memory.map("64KiB");
    expectError(() => region.write(0, "abc" as unknown as Uint8Array), "EINVAL", '"abc"', "Uint8Array");
    expectError(() => region.write(0, new Uint16Array(4) as unknown as Uint8Array), "EINVAL", "Uint8Array");
    expectError(() => region.readInto(0, [] as unknown as Uint8Array), "EINVAL", "Uint8Array");
    expectError(() => region.fill("a" as unknown as number), "EINVAL", '"a"', "whole number");
    expectError(() => region.pin(0, 0), "EINVAL", "1 or more");
    expectError(() => region.array("int64" as "int32"), "EINVAL", '"int64"', "uint8, int8");
    expectError(() => region.array("int32", 2), "EINVAL", "offset 2", "multiple of 4");
    expectError(() => region.advise("free" as "cold"), "EINVAL", '"free"', '"cold", "pageout" or "willneed"');
    expectError(() => region.setPolicy({} as never), "EINVAL", "policy is {}");
    checkAndClose(memory);
  });

  test("a region of model nodes has places, but nothing to read or write", () => {
    const memory = twoTiers({ nodes: { a: { kind: "model", size: "1MiB" } } }, { crank: simCrank() });
    const region = memory.map("64KiB", { name: "m" });
    region.translate(0, "write");
    const reads = Object.entries(USES).filter(
      ([name]) => !["translate", "advise", "placeOf", "setPolicy"].includes(name),
    );
    for (const [, use] of reads) expectError(() => use(region), "ENOTSUP", '"m"', "model");
    expectError(() => region.buffer, "ENOTSUP");
    expect(region.placeOf(0)).toMatchObject({ where: "node", node: 0 });
    checkAndClose(memory);
  });
});
