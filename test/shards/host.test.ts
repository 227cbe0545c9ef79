/** Memories of several shards and the system: pages touched ahead, nodes that shrink and grow, also under pressure. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { libcIfThere } from "../../src/host/libc.ts";
import { LieuError, type Memory, type MemoryOptions, openMemory, openMemorySync } from "../../src/index.ts";
import type { SwapInfo } from "../../src/memory/requests.ts";
import { joinDevices } from "../../src/memory/shard-nodes.ts";
import { resizable } from "../../src/memory/swap-info.ts";
import { TouchAll } from "../../src/memory/touch-all.ts";
import { expectError, MIB, PAGE } from "../api/helpers.ts";
import { requireThat } from "../support/requires.ts";

const folder = mkdtempSync(join(tmpdir(), "lieu-shards-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let memory: Memory | undefined;
afterEach(() => {
  memory?.check();
  memory?.[Symbol.dispose]();
  memory = undefined;
});
const nodes = { dram: { kind: "dram", size: "12MiB" }, slow: { kind: "dram", size: "12MiB", tier: 1 } } as const;
function open(options: Partial<MemoryOptions> = {}): Memory {
  const swap = [{ kind: "file" as const, path: join(folder, "swap"), size: "48MiB" }];
  memory = openMemorySync({ nodes, swap, shards: 3, pretouch: false, ...options });
  return memory;
}
const withKoffi = requireThat(libcIfThere() !== undefined, "needs Linux and the package koffi: npm install koffi");

withKoffi("nodes over three shards", () => {
  test("shrink and grow by the same in each, and lose nothing", () => {
    const m = open();
    const region = m.map("20MiB");
    for (let at = 0; at < region.size; at += PAGE) region.writeFloat64(at, at);
    expect(m.node("dram").resize("6MiB")).toBe(6 * MIB);
    expect([m.node("dram").size, m.node("slow").size]).toEqual([6 * MIB, 12 * MIB]);
    for (let at = 0; at < region.size; at += PAGE) expect(region.readFloat64(at)).toBe(at);
    m.node("dram").resize("12MiB");
    expect(m.node("dram").size).toBe(12 * MIB);
    expectError(() => m.node("dram").resize("13MiB"), "EINVAL", "12 MiB");
    expectError(() => m.node("dram").resize("64KiB"), "EINVAL");
    expectError(() => m.node("dram").resize("a lot"), "EINVAL", "a lot");
    expect(m.node("dram").size).toBe(12 * MIB);
  });

  test("that cannot all shrink do not at all", () => {
    const m = open({ swap: [] });
    const region = m.map("20MiB");
    region.fill(3);
    expectError(() => m.node("dram").resize("4MiB"), "ENOMEM");
    expect(m.nodes().map(({ size }) => size)).toEqual([12 * MIB, 12 * MIB]);
    expect(region.read(0, region.size).every((byte) => byte === 3)).toBe(true);
  });

  test("and their pools: what one shard cannot do is taken back in the others, to the size that they had", () => {
    const sizes = [MIB, MIB];
    const pools = sizes.map((_, i) => {
      const info = { name: "zswap", kind: "zswap", used: 0, stored: 0, failed: false };
      return () =>
        resizable({ ...info, size: sizes[i] as number }, (size) => {
          if (i === 1 && Number(size) < MIB / 2) throw new LieuError("ENOMEM", "no room elsewhere");
          if (Number(size) < 65536) throw new LieuError("EINVAL", "give 64 KiB");
          sizes[i] = Number(size);
          return Number(size);
        });
    });
    const whole = [MIB / PAGE, MIB / PAGE];
    const [pool] = joinDevices(() => pools.map((look) => [look()]), whole) as [SwapInfo];
    expect(pool.size).toBe(2 * MIB);
    expect(pool.resize?.("1.5MiB")).toBe(1.5 * MIB);
    expectError(() => pool.resize?.("512KiB"), "ENOMEM", "no room");
    expect(sizes).toEqual([0.75 * MIB, 0.75 * MIB]);
    expectError(() => pool.resize?.("70000"), "EINVAL", '"70000" is out of range: what each of 2 shards');
    expectError(() => pool.resize?.("3MiB"), "EINVAL", '"3MiB" is out of range: it was opened with 2 MiB');
    expect(sizes).toEqual([0.75 * MIB, 0.75 * MIB]);
  });

  test("give memory back under pressure, and take it again", async () => {
    const cgroup = join(folder, "cgroup");
    mkdirSync(cgroup);
    const say = (files: Record<string, string>): void => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(cgroup, `memory.${name}`), `${text}\n`);
    };
    const stat = "inactive_file 0\nactive_file 0";
    say({ current: `${500 * MIB}`, max: `${1000 * MIB}`, high: "max", stat, pressure: "" });
    const m = open({ pressure: { interval: 10, cgroup } });
    const region = m.map("20MiB");
    for (let at = 0; at < region.size; at += PAGE) region.writeFloat64(at, at);
    const settles = async (wanted: string): Promise<void> => {
      const sizes = () => m.nodes().map(({ size }) => size / MIB);
      for (let i = 0; i < 1000 && sizes().join() !== wanted; i++) await new Promise((done) => setTimeout(done, 10));
      expect(sizes().join()).toBe(wanted);
    };
    await settles("12,12");
    say({ current: `${952 * MIB}` });
    await settles("3,3");
    say({ current: `${500 * MIB}` });
    await settles("12,12");
    for (let at = 0; at < region.size; at += PAGE) expect(region.readFloat64(at)).toBe(at);
  });

  test("whose pressure cannot be watched leave nothing open", () => {
    expectError(() => open({ pressure: { cgroup: join(folder, "none") } }), "ENOTSUP", "cgroup of version 2");
    open();
  });
});

test("the pages of all shards are touched, one after the other, or until it is stopped", async () => {
  const plain = () => openMemorySync({ nodes: { dram: { kind: "dram", size: "5MiB" } }, pretouch: false });
  const shards = [plain(), plain(), plain()];
  const touched: number[] = [];
  const all = new TouchAll(shards, (i) => touched.push(i));
  await all.all();
  expect(touched).toEqual([0, 1, 2]);
  expect(shards.map(({ vm }) => vm.segment.touched)).toEqual([true, true, true]);
  const stopped = new TouchAll(shards, () => undefined);
  stopped.stop();
  await stopped.all();
  for (const shard of shards) shard[Symbol.dispose]();
  for (const wait of [openMemory({ nodes, shards: 3, pretouch: "wait" }), open({ pretouch: "wait" })]) {
    const m = await wait;
    const region = m.map("14MiB");
    region.fill(5);
    expect(region.read(0, region.size).every((byte) => byte === 5)).toBe(true);
    if (m !== memory) m[Symbol.dispose]();
  }
});

test("a shard that cannot be opened closes those that were", () => {
  writeFileSync(join(folder, "taken.2"), "somebody's");
  const swap = [{ kind: "file" as const, path: join(folder, "taken"), size: "3MiB" }];
  expectError(() => open({ swap }), "EINVAL", "taken.2");
  rmSync(join(folder, "taken.2"));
  open({ swap });
});
