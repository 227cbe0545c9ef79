/** Nodes that shrink and grow, by request and under pressure, and what that does to the process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { libcIfThere } from "../../src/host/libc.ts";
import { type Memory, type MemoryOptions, openMemorySync, simCrank } from "../../src/index.ts";
import { requireThat } from "../support/requires.ts";
import { expectError } from "./helpers.ts";

const MIB = 2 ** 20;
const rss = () => process.memoryUsage.rss() / MIB;
const folder = mkdtempSync(join(tmpdir(), "lieu-resize-"));
let memory: Memory | undefined;
afterEach(() => {
  memory?.check();
  memory?.[Symbol.dispose]();
  memory = undefined;
});
const open = (options: Partial<MemoryOptions> = {}, crank?: ReturnType<typeof simCrank>): Memory => {
  memory = openMemorySync(
    {
      nodes: { dram: { kind: "dram", size: "8MiB" }, slow: { kind: "dram", size: "8MiB", tier: 1 } },
      swap: [{ kind: "file", path: join(folder, "swap"), size: "32MiB" }],
      ...options,
    },
    { ...(crank !== undefined && { crank }) },
  );
  return memory;
};
const withKoffi = requireThat(libcIfThere() !== undefined, "needs Linux and the package koffi: npm install koffi");

withKoffi("resize()", () => {
  test("takes a node's coldest pages to where there is room, gives bytes back, and loses nothing", () => {
    const m = open({
      nodes: { dram: { kind: "dram", size: "128MiB" }, slow: { kind: "dram", size: "64MiB", tier: 1 } },
      pretouch: "wait",
    });
    const region = m.map("60MiB");
    for (let at = 0; at < region.size; at += 4096) region.writeFloat64(at, at);
    const node = () => m.node("dram");
    m.map("20MiB").fill(1);
    const [before, demoted] = [rss(), m.vmstat().pgdemote_direct + m.vmstat().pgdemote_kswapd];
    expect(node().resize("16MiB")).toBe(16 * MIB);
    expect(node().size).toBe(16 * MIB);
    expect(node().residentPages).toBeLessThanOrEqual(4096);
    expect(m.vmstat().pgdemote_direct + m.vmstat().pgdemote_kswapd).toBeGreaterThan(demoted);
    expect(before - rss()).toBeGreaterThan(90);
    for (let at = 0; at < region.size; at += 4096) expect(region.readFloat64(at)).toBe(at);
    expect(node().resize("128MiB")).toBe(128 * MIB);
    expect(node().size).toBe(128 * MIB);
    m.map("30MiB").fill(2);
    for (let at = 0; at < region.size; at += 4096) expect(region.readFloat64(at)).toBe(at);
  });

  test("with no room for what is there: ENOMEM, and all is as it was", () => {
    const m = open({ nodes: { dram: { kind: "dram", size: "8MiB" } }, swap: [] });
    const region = m.map("6MiB");
    region.fill(7);
    const free = m.node("dram").free;
    expectError(() => m.node("dram").resize("4MiB"), "ENOMEM", "resize() of node dram");
    expect(m.node("dram")).toMatchObject({ size: 8 * MIB, free });
    expect(region.readUint8(6 * MIB - 1)).toBe(7);
    // A cache makes room by dropping.
    region.unmap();
    const cache = m.cache<Uint8Array>({ codec: "bytes" });
    for (let i = 0; i < 8000; i++) cache.set(`${i}`, Buffer.alloc(1000, i));
    m.node("dram").resize("4MiB");
    let there = 0;
    for (let i = 0; i < 8000; i++) {
      const value = cache.get(`${i}`);
      if (value !== undefined) expect([there++, value[500]]).toEqual([there - 1, i & 255]);
    }
    expect(there).toBeGreaterThan(500);
  });

  test("bad sizes, pinned pages, a closed memory", () => {
    const m = open({ nodes: { dram: { kind: "dram", size: "8MiB" } } });
    const node = m.node("dram");
    expectError(() => node.resize("9MiB"), "EINVAL", "8 MiB that it was opened with");
    expectError(() => node.resize("16KiB"), "EINVAL");
    expectError(() => node.resize("much" as never), "EINVAL");
    const pin = m.map("7MiB").pin(0, 7 * MIB);
    expectError(() => node.resize("4MiB"), "ENOMEM");
    pin.release();
    node.resize("4MiB");
    m[Symbol.dispose]();
    expectError(() => node.resize("8MiB"), "ECLOSED");
    memory = undefined;
  });

  test("any sizes in any order, between reads and writes, lose no byte", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("dram", "slow"), fc.integer({ min: 2, max: 8 }), fc.nat(3000)), {
          maxLength: 12,
        }),
        (steps) => {
          const m = open({}, simCrank());
          const region = m.map("12MiB");
          const model = new Map<number, number>();
          for (const [name, mib, page] of steps) {
            m.node(name).resize(mib * MIB);
            for (let i = 0; i < 300; i++) {
              const at = ((page + i * 7) % 3072) * 4096;
              region.writeInt32(at, at + mib);
              model.set(at, at + mib);
            }
            m.check();
            expect(m.node(name).size).toBe(mib * MIB);
          }
          for (const [at, value] of model) expect(region.readInt32(at)).toBe(value);
          m[Symbol.dispose]();
          memory = undefined;
        },
      ),
      { numRuns: 15 },
    );
  });
});

withKoffi("the pool of compressed pages", () => {
  const record = (i: number) =>
    JSON.stringify({ id: i, name: `user ${i}`, mail: `user${i}@example.org`, at: i * 7919 });
  const fillText = (region: ReturnType<Memory["map"]>): void => {
    for (let page = 0; page < region.size / 4096; page++) {
      let text = "";
      for (let i = 0; text.length < 4000; i++) text += record(page * 100 + i);
      region.write(page * 4096, Buffer.from(text.slice(0, 4000)));
    }
  };
  const poolOf = (m: Memory) =>
    m.swapDevices().find(({ kind }) => kind === "zswap") as ReturnType<Memory["swapDevices"]>[number];

  test.each([1, 2])("gives its oldest pages to the file and its bytes to the system, in %d shards", (shards) => {
    const m = open({
      nodes: { dram: { kind: "dram", size: "8MiB" } },
      zswap: { size: "32MiB" },
      swap: [{ kind: "file", path: join(folder, "pool"), size: "64MiB" }],
      shards,
    });
    const region = m.map("60MiB");
    fillText(region);
    const before = m.vmstat();
    expect(before.nr_zspages * 4096).toBeGreaterThan(10 * MIB);
    expect(before.zswpwb).toBe(0);
    const resident = rss();
    const pool = poolOf(m);
    expect(pool.resize?.("4MiB")).toBe(4 * MIB);
    const after = m.vmstat();
    expect(after.nr_zspages * 4096).toBeLessThan(5 * MIB);
    const { size, used, stored } = poolOf(m);
    expect([size, used]).toEqual([4 * MIB, after.nr_zspages * 4096]);
    expect(stored).toBe(after.nr_zswapped * 4096);
    expect(stored).toBeGreaterThan(2 * used);
    expect(after.zswpwb).toBeGreaterThan(500);
    expect(resident - rss()).toBeGreaterThan(5);
    m.check();
    const text = (page: number) => Buffer.from(region.read(page * 4096, 30)).toString("latin1");
    for (let page = 0; page < region.size / 4096; page++) expect(text(page)).toBe(record(page * 100).slice(0, 30));
    expect(m.vmstat().nr_zspages * 4096).toBeLessThan(5 * MIB);
    expect(pool.resize?.("32MiB")).toBe(32 * MIB);
    fillText(region);
    expect(m.vmstat().nr_zspages * 4096).toBeGreaterThan(8 * MIB);
  });

  test("says what it has, and is closed with its memory", async () => {
    const m = open({ nodes: { dram: { kind: "dram", size: "1MiB" } }, zswap: { size: "1MiB" }, swap: [] });
    const pool = poolOf(m);
    expect(pool.size).toBe(MIB);
    pool.resize?.("300001");
    expect(poolOf(m).size).toBe(73 * 4096);
    await m.close();
    // Another memory has the segment now.
    const next = open({ nodes: { dram: { kind: "dram", size: "1MiB" } }, zswap: { size: "1MiB" }, swap: [] });
    expectError(() => pool.resize?.("64KiB"), "ECLOSED");
    expect(poolOf(next).size).toBe(MIB);
  });

  test("with no room for what is in it: ENOMEM, and it has its old size; bad sizes: EINVAL", () => {
    const m = open({ nodes: { dram: { kind: "dram", size: "1MiB" } }, zswap: { size: "4MiB" }, swap: [] });
    const region = m.map("6MiB");
    fillText(region);
    const pool = poolOf(m);
    const before = m.vmstat();
    expectError(() => pool.resize?.("64KiB"), "ENOMEM", "no room elsewhere");
    m.check();
    for (const size of ["4KiB", "5MiB"]) expectError(() => pool.resize?.(size), "EINVAL", "out of range");
    expect(m.vmstat().nr_zswapped).toBe(before.nr_zswapped);
    for (let page = 0; page < region.size / 4096; page++) expect(region.readUint8(page * 4096)).toBe(0x7b);
  });
});

withKoffi("pressure", () => {
  const cgroup = join(folder, "cgroup");
  const say = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cgroup, `memory.${name}`), `${text}\n`);
  };
  const settle = async (done: () => boolean) => {
    for (let i = 0; i < 3000 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    return done();
  };

  test("near the limit the lowest tier shrinks first, nodes keep a quarter, and grow once there is room", async () => {
    mkdirSync(cgroup, { recursive: true });
    say({
      current: `${500 * MIB}`,
      max: `${1000 * MIB}`,
      high: "max",
      stat: "inactive_file 0\nactive_file 0",
      pressure: "",
    });
    const m = open({ pressure: { interval: 10, cgroup } });
    const region = m.map("14MiB");
    for (let at = 0; at < region.size; at += 4096) region.writeFloat64(at, at);
    const sizes = () => [m.node("dram").size / MIB, m.node("slow").size / MIB];
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sizes()).toEqual([8, 8]);
    // Two MiB too little: 5 % of the limit are to be left.
    say({ current: `${952 * MIB}` });
    expect(await settle(() => sizes()[1] === 2)).toBe(true);
    expect(await settle(() => sizes()[0] === 2)).toBe(true);
    // Page cache is room.
    say({ stat: `inactive_file ${400 * MIB}\nactive_file ${100 * MIB}` });
    expect(await settle(() => sizes().join() === "8,8")).toBe(true);
    // The machine has none, whatever the limit says.
    say({ pressure: "some avg10=0.00 avg60=0.00 avg300=0.00 total=900000000" });
    expect(await settle(() => (sizes()[1] as number) < 8)).toBe(true);
    for (let at = 0; at < region.size; at += 4096) expect(region.readFloat64(at)).toBe(at);
  });

  test.each([true, false])("the pool of compressed pages gives and gets back too; a file below: %s", async (file) => {
    mkdirSync(cgroup, { recursive: true });
    const calm = { current: `${500 * MIB}`, max: `${1000 * MIB}`, high: "max", pressure: "" };
    say({ ...calm, stat: "inactive_file 0\nactive_file 0" });
    const m = open({
      nodes: { dram: { kind: "dram", size: "8MiB" } },
      zswap: { size: "16MiB" },
      swap: file ? [{ kind: "file", path: join(folder, "pressed"), size: "64MiB" }] : [],
      pressure: { interval: 10, cgroup },
    });
    const region = m.map(file ? "48MiB" : "20MiB");
    // A third of each page does not compress.
    const bytesOf = (page: number): Buffer => {
      const bytes = Buffer.from(`page ${page} of a text that compresses, `.repeat(120).slice(0, 4000));
      for (let i = 0; i < 350; i++) bytes.writeInt32LE(Math.imul(page * 4099 + i, 0x9e3779b1), i * 4);
      return bytes;
    };
    const pages = Array.from({ length: region.size / 4096 }, (_, page) => page);
    const write = () => {
      for (const page of pages) region.write(page * 4096, bytesOf(page));
    };
    const wrong = () => pages.filter((page) => Buffer.compare(region.read(page * 4096, 4000), bytesOf(page)) !== 0);
    const pool = () => (m.vmstat().nr_zspages * 4096) / MIB;
    write();
    const before = pool();
    expect(before).toBeGreaterThan(file ? 8 : 2);
    say({ current: `${960 * MIB}` });
    // To a quarter; with nothing below, what it does not need, and nothing is lost.
    if (file) expect(await settle(() => pool() <= 4.3)).toBe(true);
    else await new Promise((resolve) => setTimeout(resolve, 300));
    if (file) expect(m.vmstat().zswpwb).toBeGreaterThan(500);
    m.check();
    expect(wrong()).toEqual([]);
    if (file) expect(pool()).toBeLessThan(5);
    say({ ...calm, current: `${100 * MIB}` });
    expect(await settle(() => m.node("dram").size === 8 * MIB)).toBe(true);
    const grown = await settle(() => {
      write();
      return !file || pool() > before * 0.8;
    });
    expect(grown).toBe(true);
    m.check();
    expect(wrong()).toEqual([]);
  });

  test("without a cgroup of version 2: ENOTSUP, and nothing stays open; bad options: EINVAL", () => {
    expectError(() => open({ pressure: { cgroup: join(folder, "none") } }), "ENOTSUP", "cgroup of version 2");
    expectError(() => open({ pressure: { interval: 1 } }), "EINVAL", "pressure.interval");
    expectError(() => open({ pressure: 7 as never }), "EINVAL", "pressure");
    open();
    rmSync(folder, { recursive: true, force: true });
  });
});

describe("without koffi", () => {
  test("a model node has no bytes to give back", () => {
    const m = open({ nodes: { a: { kind: "model", size: "8MiB" } }, swap: [] });
    expectError(() => m.node("a").resize("4MiB"), "ENOTSUP");
  });
});
