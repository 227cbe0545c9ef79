/** Swap devices that go wrong under a memory: a region's bytes are right or an EIO, a cache's are right or a miss. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Cache,
  type FaultPlan,
  type FaultyDevice,
  injectFaults,
  type Memory,
  type Region,
} from "../../src/index.ts";
import { checkAndClose, expectError, PAGE, pageOf, swapPath, twoTiers } from "./helpers.ts";

const PAGES = 16;

/** A memory with a swap file, and a region of which every page is in it. */
function swappedOut(): { memory: Memory; region: Region; path: string } {
  const path = swapPath();
  const memory = twoTiers({ swap: [{ kind: "file", path, size: "4MiB", keep: true }] });
  const region = memory.map(PAGES * PAGE, { name: "r" });
  for (let i = 0; i < PAGES; i++) region.write(i * PAGE, pageOf(i));
  expect(region.advise("pageout")).toBe(PAGES);
  for (let i = 0; i < PAGES; i++) expect(region.placeOf(i * PAGE)).toEqual({ where: "swap", device: 0 });
  return { memory, region, path };
}

/** A cache of which every page is in the swap file, with a page's bytes for each key. */
function cachedOut(): { memory: Memory; cache: Cache<Uint8Array, number>; path: string } {
  const path = swapPath();
  const memory = twoTiers({ swap: [{ kind: "file", path, size: "4MiB", keep: true }] });
  const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "256KiB" });
  for (let i = 0; i < PAGES; i++) cache.set(i, pageOf(i));
  expect(memory.reclaim("1MiB", { mode: "evict" }).evicted).toBeGreaterThanOrEqual(PAGES * PAGE);
  expect(memory.vmstat().nr_swapped).toBeGreaterThanOrEqual(PAGES);
  return { memory, cache, path };
}

/** Where in the file page `n` is. */
function placeInFile(path: string, n: number): number {
  const at = readFileSync(path).indexOf(pageOf(n));
  expect(at).toBeGreaterThan(0);
  return at;
}

function flipBit(path: string, at: number): void {
  const fd = openSync(path, "r+");
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ 16;
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}

const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

describe("a swap file that is bit-flipped under a region", () => {
  test("is an EIO that names the page, again and again, until the bytes are right again", () => {
    const { memory, region, path } = swappedOut();
    const at = placeInFile(path, 5);
    flipBit(path, at + 1234);
    const resident = memory.nodes().map((n) => n.residentPages);
    for (let tries = 0; tries < 3; tries++) {
      expectError(() => region.readUint8(5 * PAGE), "EIO", 'page 5 of region "r"', "checksum");
      memory.check();
    }
    expect(memory.nodes().map((n) => n.residentPages)).toEqual(resident);
    expect(memory.vmstat().swap_read_error).toBe(3);
    // The other pages are none the worse.
    expect(equal(region.read(4 * PAGE, PAGE), pageOf(4))).toBe(true);
    flipBit(path, at + 1234);
    expect(equal(region.read(5 * PAGE, PAGE), pageOf(5))).toBe(true);
    checkAndClose(memory);
  });

  test("a page that is written whole is well again; one that is written in part is not touched", () => {
    const { memory, region, path } = swappedOut();
    flipBit(path, placeInFile(path, 5));
    expectError(() => region.writeUint8(5 * PAGE + 9, 1), "EIO", "page 5");
    expectError(() => region.write(5 * PAGE + 9, new Uint8Array(9)), "EIO", "page 5");
    region.write(5 * PAGE, pageOf(99));
    expect(equal(region.read(5 * PAGE, PAGE), pageOf(99))).toBe(true);
    checkAndClose(memory);
  });

  test("a write over several pages stops before it; a pin holds nothing", () => {
    const { memory, region, path } = swappedOut();
    flipBit(path, placeInFile(path, 5));
    const bytes = new Uint8Array(2 * PAGE + 100).fill(7);
    expectError(() => region.write(3 * PAGE, bytes), "EIO", "page 5");
    expect(region.read(3 * PAGE, 2 * PAGE).every((byte) => byte === 7)).toBe(true);
    expectError(() => region.pin(3 * PAGE, 3 * PAGE), "EIO", "page 5");
    expect(region.pins).toBe(0);
    expectError(() => region.advise("willneed"), "EIO", "page 5");
    region.unmap();
    expect(memory.vmstat().nr_swapped).toBe(0);
    checkAndClose(memory);
  });
});

describe("a swap file that is truncated under a region", () => {
  test("is an EIO that says so; what is written anew is well", () => {
    const { memory, region, path } = swappedOut();
    truncateSync(path, PAGE + 100);
    for (let i = 0; i < PAGES; i++)
      expectError(() => region.readUint8(i * PAGE), "EIO", `page ${i}`, path, "the file ends");
    for (let i = 0; i < PAGES; i++) region.write(i * PAGE, pageOf(50 + i));
    expect(region.advise("pageout")).toBe(PAGES);
    for (let i = 0; i < PAGES; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(50 + i))).toBe(true);
    checkAndClose(memory);
  });

  test("and made long again, is an EIO for what was lost", () => {
    const { memory, region, path } = swappedOut();
    const whole = readFileSync(path);
    truncateSync(path, PAGE);
    truncateSync(path, whole.length);
    expectError(() => region.readUint8(0), "EIO", "checksum");
    writeFileSync(path, whole, { flag: "r+" });
    for (let i = 0; i < PAGES; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
    checkAndClose(memory);
  });
});

describe("a swap file that goes wrong under a cache", () => {
  test("bit-flipped: a miss, and the entry is gone", () => {
    const { memory, cache, path } = cachedOut();
    const at = placeInFile(path, 5);
    flipBit(path, at);
    expect(cache.get(5)).toBeUndefined();
    flipBit(path, at);
    expect(cache.get(5)).toBeUndefined();
    expect(cache.has(5)).toBe(false);
    expect(equal(cache.get(4) as Uint8Array, pageOf(4))).toBe(true);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 2, lost: 1 });
    cache.set(5, pageOf(6));
    expect(equal(cache.get(5) as Uint8Array, pageOf(6))).toBe(true);
    checkAndClose(memory);
  });

  test("truncated: all misses; what is set anew is there", () => {
    const { memory, cache, path } = cachedOut();
    truncateSync(path, PAGE);
    for (let i = 0; i < PAGES; i++) expect(cache.get(i)).toBeUndefined();
    expect(cache.stats()).toMatchObject({ hits: 0, misses: PAGES, lost: PAGES });
    for (let i = 0; i < PAGES; i++) cache.set(i, pageOf(50 + i));
    for (let i = 0; i < PAGES; i++) expect(equal(cache.get(i) as Uint8Array, pageOf(50 + i))).toBe(true);
    checkAndClose(memory);
  });
});

describe("a path that cannot be a swap file", () => {
  const open = (path: string) => twoTiers({ swap: [{ kind: "file", path, size: "1MiB" }] });
  test("in no directory", () => {
    const path = join(swapPath(), "swap");
    expectError(() => open(path), "ENOENT", path, `create the directory ${dirname(path)}`);
  });
  test("a directory", () => {
    const path = swapPath();
    mkdirSync(path);
    expectError(() => open(path), "EACCES", path, "is a directory");
  });
  test("under a file", () => {
    const path = swapPath();
    writeFileSync(path, "mine");
    expectError(() => open(join(path, "swap")), "ENOENT", path);
  });
  test("somebody's file, which stays as it is", () => {
    const path = swapPath();
    writeFileSync(path, "mine");
    expectError(() => open(path), "EINVAL", path, "not a lieu swap file");
    expect(readFileSync(path, "utf8")).toBe("mine");
  });
  test("another memory's; it is free again once that is closed", () => {
    const path = swapPath();
    const memory = open(path);
    expectError(() => open(path), "EBUSY", path, "in use");
    checkAndClose(memory);
    expect(existsSync(path)).toBe(false);
    checkAndClose(open(path));
  });
});

describe("a swap device that fails or fills up", () => {
  function failing(plan: FaultPlan): { memory: Memory; device: FaultyDevice } {
    let device: FaultyDevice | undefined;
    const wrapDevice = (d: Parameters<typeof injectFaults>[0]) => {
      device = injectFaults(d, plan);
      return device;
    };
    const swap = [{ kind: "file" as const, path: swapPath(), size: "4MiB" }];
    const memory = twoTiers({ swap }, { wrapDevice });
    return { memory, device: device as FaultyDevice };
  }
  test.each([["full"], ["error"], ["shortWrite"]] as const)(
    "%s: nothing is lost, ENOMEM once there is no room, and well again after",
    (fault) => {
      const { memory, device } = failing({ write: { [fault]: 1 } });
      const region = memory.map("4MiB");
      let written = 0;
      const write = () => {
        for (; written < 1024; written++) region.write(written * PAGE, pageOf(written));
      };
      expectError(write, "ENOMEM", "no room for page");
      expect(written).toBeGreaterThan(500);
      expect(memory.vmstat()).toMatchObject({ nr_swapped: 0, pswpout: 0 });
      expect(memory.vmstat().swap_write_error).toBeGreaterThan(0);
      memory.check();
      for (let i = 0; i < written; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
      device.faults.enabled = false;
      write();
      expect(written).toBe(1024);
      for (let i = 0; i < written; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
      checkAndClose(memory);
    },
  );

  test("gone for good, while pages are in it: EIO for these, all else goes on", () => {
    const { memory, device } = failing({ enabled: false, read: { error: 1 }, write: { error: 1 } });
    const region = memory.map("64KiB");
    for (let i = 0; i < PAGES; i++) region.write(i * PAGE, pageOf(i));
    region.advise("pageout", 0, 4 * PAGE);
    device.faults.enabled = true;
    for (let i = 0; i < 4; i++) expectError(() => region.readUint8(i * PAGE), "EIO", `page ${i}`, "injected fault");
    for (let i = 4; i < PAGES; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
    expect(region.advise("pageout")).toBe(0);
    device.faults.enabled = false;
    for (let i = 0; i < PAGES; i++) expect(equal(region.read(i * PAGE, PAGE), pageOf(i))).toBe(true);
    checkAndClose(memory);
  });
});
