/**
 * What the thread that reclaims does, driven from here turn by turn, so that anything can be done between the queueing of pages, their
 * writing and its end: nothing is lost, nothing is wrong, and every invariant holds at each of these points.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bind, type Cache, type Memory, type Region } from "../../src/index.ts";
import { H_HEADROOM_WANTED, wantedAddr } from "../../src/mm/layout.ts";
import { ld } from "../../src/mm/machine.ts";
import { Kswapd } from "../../src/runtime/kswapd.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import { endKswapd } from "../../src/runtime/takeover.ts";
import { controlOf, SEG_CLOSED, SG_CURSOR, SG_STATE, ST_CARRIED, ST_FRESH_SEG, seg } from "../../src/store/layout.ts";
import { PAGE, sharedMemory } from "./helpers.ts";

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lieu-kswapd-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function open(options: Parameters<typeof sharedMemory>[0] = {}): { memory: Memory; kswapd: Kswapd; vm: SharedVm } {
  const memory = sharedMemory({
    nodes: { fast: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
    swap: [{ kind: "file", path: join(folder, `swap${files++}`), size: "16MiB" }],
    ...options,
  });
  const vm = memory.vm as SharedVm;
  const kswapd = new Kswapd(vm);
  kswapd.begin();
  return { memory, kswapd, vm };
}
/** Turns until there is nothing to do. */
function settle(kswapd: Kswapd): void {
  for (let i = 0; i < 10_000 && kswapd.turn() <= 0; i++);
}

const fill = (n: number, length = 3000): Uint8Array => new Uint8Array(length).fill(n);

test("pages go to the file beside the program, and come back", async () => {
  const { memory, kswapd } = open();
  const region = memory.map("4MiB");
  for (let page = 0; page < 1024; page++) {
    region.writeInt32(page * PAGE, page);
    if (page % 4 === 0) settle(kswapd);
  }
  settle(kswapd);
  expect(memory.vmstat().pswpout).toBeGreaterThan(400);
  // Nobody else had to reclaim but what came too fast.
  expect(memory.vmstat().pgsteal_kswapd).toBeGreaterThan(memory.vmstat().pgsteal_direct);
  for (let page = 0; page < 1024; page++) expect(region.readInt32(page * PAGE)).toBe(page);
  memory.check();
  await memory.close();
});

test("a page that is written to, freed or pinned while it is written out stays as it is", async () => {
  const { memory, kswapd } = open({ nodes: { fast: { kind: "dram", size: "1MiB" } } });
  const region = memory.map("4MiB");
  let page = 0;
  let writes: ReturnType<Kswapd["submit"]> = [];
  while (writes.length < 3) {
    region.writeInt32(page++ * PAGE, 7);
    writes = kswapd.submit();
    if (writes.length >= 3) break;
    kswapd.write(writes);
    kswapd.complete(writes);
  }
  memory.check();
  const pages = writes.map(({ vpn }) => vpn - (writes[0]?.vpn as number));
  const base = writes[0]?.vpn as number;
  const first = (i: number) => ((pages[i] as number) + base - startOf(memory, region)) * PAGE;
  kswapd.write(writes);
  region.writeInt32(first(0) + 4, 99);
  const pin = region.pin(first(1), 8);
  memory.check();
  kswapd.complete(writes);
  memory.check();
  expect(region.placeOf(first(0)).where).toBe("node");
  expect(region.placeOf(first(1)).where).toBe("node");
  expect(region.readInt32(first(0) + 4)).toBe(99);
  pin.release();
  // What was only read, or not touched at all.
  if (writes.length > 2) expect(region.placeOf(first(2)).where).toBe("swap");
  expect(region.readInt32(first(2))).toBe(7);
  memory.check();
  await memory.close();
});
function startOf({ vm }: Memory, { name }: Region): number {
  const { regions } = (vm as SharedVm).control.registry();
  return regions.find((region) => region.name === name)?.mapping.start as number;
}

test("a region can be unmapped, a policy changed and the memory closed while pages are under way", async () => {
  for (const what of ["unmap", "policy", "close", "abandon"] as const) {
    const { memory, kswapd, vm } = open();
    const region = memory.map("4MiB");
    const other = memory.map("64KiB");
    other.fill(3);
    let writes: ReturnType<Kswapd["submit"]> = [];
    for (let page = 0; writes.length === 0; page++) {
      region.writeInt32(page * PAGE, page);
      writes = kswapd.submit();
    }
    if (what === "unmap") region.unmap();
    if (what === "policy") region.setPolicy(bind("fast"));
    if (what === "abandon") vm.locked(() => endKswapd(vm));
    if (what === "close") {
      await memory.close();
      kswapd.write(writes);
      expect(() => kswapd.complete(writes)).toThrow(expect.objectContaining({ code: "ECLOSED" }));
      continue;
    }
    memory.check();
    kswapd.write(writes);
    kswapd.complete(writes);
    memory.check();
    expect(other.readUint8(100)).toBe(3);
    if (what !== "unmap") expect(region.readInt32(0)).toBe(0);
    await memory.close();
  }
});

/** From now on somebody waits for the lock whenever kswapd has it, and does something whenever it lets him. */
function beBusy(vm: SharedVm, something: () => void = () => undefined): void {
  const wanted = wantedAddr() >>> 2;
  vm.lock.giveWay = () => {
    something();
    vm.segment.h32[wanted] = 1;
  };
}

test.each([false, true])(
  "room is made ahead of a cache, which then need not make any; others wait: %s",
  async (busy) => {
    const { memory, kswapd, vm } = open({ nodes: { fast: { kind: "dram", size: "4MiB" } } });
    if (busy) beBusy(vm);
    const cache = memory.cache({ name: "c", codec: "bytes", maxSize: "12MiB" });
    let writes = 0;
    for (let i = 0; i < 6000; i++) {
      cache.set(`k${i}`, fill(i & 255, 1000));
      // It does less in a turn where others wait.
      for (let turns = busy ? 4 : 1; turns > 0; turns--) {
        const w = kswapd.submit();
        writes += w.length;
        kswapd.write(w);
        kswapd.complete(w);
      }
    }
    memory.check();
    const { pswpout } = memory.vmstat();
    expect(writes).toBeGreaterThan(200);
    // All but none of it went this way.
    expect(pswpout).toBeLessThanOrEqual(writes * 1.1);
    let hits = 0;
    for (let i = 0; i < 6000; i++) {
      const value = cache.get(`k${i}`);
      if (value === undefined) continue;
      hits++;
      expect(value.every((byte) => byte === (i & 255))).toBe(true);
    }
    expect(hits).toBeGreaterThan(5000);
    memory.check();
    await memory.close();
  },
);

test("who waits does not wait for a whole segment to be sorted, and it is gone on with", async () => {
  const { memory, kswapd, vm } = open({
    nodes: { fast: { kind: "dram", size: "4MiB" }, slow: { kind: "dram", size: "8MiB", tier: 1 } },
  });
  beBusy(vm);
  const cache = memory.cache({ name: "c", codec: "bytes", maxSize: "24MiB" });
  const meta = vm.control.storeOf(vm.control.registry().caches[0]?.data.id as number);
  const carried = () => vm.storeCalls.storeCount(meta, ST_CARRIED);
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    const key = i % 3 === 0 ? i % 97 : i % 9000;
    if (cache.get(`k${key}`) === undefined || i % 2 === 0) cache.set(`k${key}`, fill(i & 255, 900 + (i % 3)));
    const before = carried();
    const writes = kswapd.submit();
    most = Math.max(most, carried() - before);
    kswapd.write(writes);
    kswapd.complete(writes);
  }
  // Four items a page; two pages before it looks whether somebody waits, of each of two pieces at most.
  expect(most).toBeLessThan(24);
  expect(carried()).toBeGreaterThan(1000);
  memory.check();
  await memory.close();
});

test("whatever is begun where somebody waits is gone on with, before another segment is", async () => {
  const { memory, kswapd, vm } = open({ nodes: { fast: { kind: "dram", size: "4MiB" } } });
  beBusy(vm);
  const cache = memory.cache({ name: "c", codec: "bytes", maxSize: "24MiB", heap: 0 });
  const meta = vm.control.storeOf(vm.control.registry().caches[0]?.data.id as number);
  const begun = () => {
    vm.inspect();
    const c = controlOf(meta);
    let n = 0;
    for (let s = 0; s < ld(c + ST_FRESH_SEG); s++)
      if (seg(c, s, SG_STATE) === SEG_CLOSED && seg(c, s, SG_CURSOR) > 0) n++;
    return n;
  };
  let most = 0;
  for (let i = 0; i < 12_000; i++) {
    // Nothing dies of age: what is deleted and set anew leaves holes.
    cache.set(`k${i % 9000}`, fill(i & 255, 900));
    if (i % 3 === 0) cache.delete(`k${Math.imul(i, 7919) % Math.min(i + 1, 9000)}`);
    const writes = kswapd.submit();
    kswapd.write(writes);
    kswapd.complete(writes);
    if (i % 20 === 0) most = Math.max(most, begun());
  }
  // One of each kind of work.
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(3);
  memory.check();
  await memory.close();
});

type Op = readonly [what: number, key: number, size: number];

/** One node, of which a few segments are kept free ahead. */
function openLarger(): ReturnType<typeof open> {
  const swap = [{ kind: "file", path: join(folder, `swap${files++}`), size: "64MiB" }] as const;
  return open({ nodes: { fast: { kind: "dram", size: "16MiB" } }, swap });
}
/** Sets until the cache's thread has queued something for the device; returns how many there were. */
function setUntilQueued({ vm }: { vm: SharedVm }, cache: Cache<Uint8Array>, from: number): number {
  for (let i = from; i < from + 20_000; i++) {
    cache.set(`k${i}`, fill(i));
    if (vm.storeCalls.nrWriteback() > 0) return i + 1;
  }
  throw new Error("nothing was queued");
}

test("a program that is at work all the time makes room itself, ahead and in pieces, and the thread writes what it queues", async () => {
  const opened = openLarger();
  const { memory, kswapd, vm } = opened;
  let quiet = false;
  Object.defineProperty(vm.lock, "isQuiet", { get: () => quiet });
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", heap: 0, maxSize: "40MiB" });
  const at = setUntilQueued(opened, cache, 0);
  // It has waited for no device.
  expect(memory.vmstat().pswpout).toBe(0);
  const writes = kswapd.submit();
  expect(writes.length).toBeGreaterThan(0);
  // While they are written nobody adds to them.
  for (let i = at; i < at + 8; i++) cache.set(`k${i}`, fill(i));
  expect(vm.storeCalls.nrWriteback()).toBe(writes.length);
  kswapd.write(writes);
  kswapd.complete(writes);
  expect(memory.vmstat().pswpout).toBeGreaterThan(0);
  memory.check();
  const next = setUntilQueued(opened, cache, at + 8);
  for (let i = 0; i < next; i++) expect(cache.get(`k${i}`)?.[0]).toBe(i & 255);
  // More room is not for the thread to make as long as that goes on; what else there is to do is.
  for (let i = 0; i < 100 && kswapd.turn() >= 0; i++);
  expect(vm.segment.h32[H_HEADROOM_WANTED >>> 2]).not.toBe(0);
  const before = memory.vmstat();
  expect(kswapd.turn()).toBe(-1);
  expect(memory.vmstat()).toEqual(before);
  quiet = true;
  settle(kswapd);
  expect(memory.vmstat()).not.toEqual(before);
  memory.check();
  await memory.close();
});

test("an operation lets go of the lock, whatever becomes of what it does for others", async () => {
  const opened = openLarger();
  const { memory, vm } = opened;
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", heap: 0, maxSize: "40MiB" });
  const { help } = vm.helping;
  vm.helping.help = () => {
    throw new Error("a fault");
  };
  expect(() => setUntilQueued(opened, cache, 0)).toThrow("a fault");
  expect(vm.lock.depth).toBe(0);
  vm.helping.help = help;
  setUntilQueued(opened, cache, 0);
  memory.check();
  await memory.close();
});

test("writes that were called off are not taken for others that were queued since", async () => {
  const opened = openLarger();
  const { memory, kswapd, vm } = opened;
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", heap: 0, maxSize: "40MiB" });
  let at = setUntilQueued(opened, cache, 0);
  const writes = kswapd.submit();
  vm.locked(() => endKswapd(vm));
  expect(vm.storeCalls.nrWriteback()).toBe(0);
  expect(kswapd.begin()).toBe(true);
  while (vm.storeCalls.nrWriteback() !== writes.length) {
    if (vm.storeCalls.nrWriteback() > writes.length) vm.storeCalls.abandonWriteback();
    at = setUntilQueued(opened, cache, at);
  }
  kswapd.write(writes);
  kswapd.complete(writes);
  expect(vm.storeCalls.nrWriteback()).toBe(writes.length);
  memory.check();
  settle(kswapd);
  for (let i = 0; i < at; i++) {
    const value = cache.get(`k${i}`);
    if (value !== undefined) expect(value.every((byte) => byte === (i & 255))).toBe(true);
  }
  memory.check();
  await memory.close();
});

test("whatever happens between queueing, writing and its end, contents and invariants hold", {
  timeout: 120_000,
}, () => {
  const op = fc.tuple(fc.nat(13), fc.nat(400), fc.integer({ min: 1, max: 9000 }));
  fc.assert(
    fc.property(
      fc.array(op, { minLength: 200, maxLength: 600 }),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      (ops: Op[], zswap, gens, busy) => {
        const { memory, kswapd, vm } = open({
          ...(zswap ? { zswap: { size: "256KiB" as const } } : {}),
          ...(gens ? { lru: "mglru" as const } : {}),
        });
        const region = memory.map("3MiB");
        const cache: Cache<Uint8Array> = memory.cache<Uint8Array>({ name: "c", codec: "bytes", maxSize: "3MiB" });
        const words = new Int32Array(768);
        const values = new Map<string, number>();
        let writes: ReturnType<Kswapd["submit"]> = [];
        let stage = 0;
        let n = 0;
        if (busy) {
          let i = 0;
          // What is on its way meanwhile is changed, freed and moved.
          beBusy(vm, () => {
            const page = (i++ * 31) % 768;
            words[page] = -i;
            region.writeInt32(page * PAGE + 8, -i);
            if (i % 3 === 0) cache.set(`k${i % 400}`, fill(i & 255, 700));
            if (i % 3 === 0) values.set(`k${i % 400}`, i & 255);
          });
        }
        for (const [what, key, size] of ops) {
          n++;
          const page = (key * 7 + size) % 768;
          if (what < 4) {
            words[page] = n;
            region.writeInt32(page * PAGE + 8, n);
          } else if (what < 6) {
            if (region.readInt32(page * PAGE + 8) !== words[page]) throw new Error(`page ${page} after ${n}`);
          } else if (what < 9) {
            cache.set(`k${key}`, fill(n & 255, size));
            values.set(`k${key}`, n & 255);
          } else if (what === 9) {
            const got = cache.get(`k${key}`);
            if (got?.some((byte) => byte !== values.get(`k${key}`))) throw new Error(`k${key} after ${n}`);
          } else if (what === 10 && size % 4 === 0) {
            cache.delete(`k${key}`);
            values.delete(`k${key}`);
          } else if (what === 10) region.advise(size % 2 === 0 ? "pageout" : "cold", page * PAGE, PAGE);
          // Each stage a turn of its own, with other operations in between.
          else if (stage === 0) {
            writes = kswapd.submit();
            if (writes.length > 0) stage = 1;
          } else if (stage === 1) {
            kswapd.write(writes);
            stage = 2;
          } else {
            kswapd.complete(writes);
            stage = 0;
          }
          if (n % 50 === 0) memory.check();
        }
        memory.check();
        if (stage !== 0) vm.locked(() => endKswapd(vm));
        memory.check();
        for (let page = 0; page < 768; page++) {
          if (region.readInt32(page * PAGE + 8) !== words[page]) throw new Error(`page ${page} at the end`);
        }
        for (const [key, byte] of values) {
          const got = cache.get(key);
          if (got?.some((there) => there !== byte)) throw new Error(`${key} at the end`);
        }
        memory.check();
        memory[Symbol.dispose]();
      },
    ),
    { numRuns: 30 },
  );
});
