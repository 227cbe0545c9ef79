/** What closing a memory gives back, and what the next one finds in it. */
import { spawnSync } from "node:child_process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Memory, openMemory, openMemorySync, simCrank } from "../../src/index.ts";
import { expectError } from "./helpers.ts";

const MIB = 2 ** 20;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const dram = (size: string | number) => ({ nodes: { dram: { kind: "dram", size } } }) as const;
const rss = () => process.memoryUsage.rss() / MIB;

/** Let the collector run until `gone`, or long enough. */
async function collectUntil(gone: () => boolean): Promise<boolean> {
  for (let i = 0; i < 20 && !gone(); i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return gone();
}

describe("a closed memory", () => {
  test("of 64 MiB, a hundred times over, leaves resident no more than two of them", () => {
    const start = rss();
    for (let i = 0; i < 100; i++) {
      const memory = openMemorySync({ ...dram("64MiB"), pretouch: "wait" });
      memory.cache({ maxSize: "8MiB" }).set("key", Buffer.alloc(1000));
      memory.map("1MiB").fill(1);
      memory[Symbol.dispose]();
    }
    expect(rss() - start).toBeLessThan(130);
  });

  test("of any size, or with pins that were let go, does not pile up either", async () => {
    const start = rss();
    let most = 0;
    for (let i = 0; i < 40; i++) {
      const memory = openMemorySync({ ...dram((40 + ((i * 37) % 50)) * MIB), pretouch: "wait" });
      if (i % 4 === 0) memory.map("1MiB").pin(0, 100).release();
      memory[Symbol.dispose]();
      most = Math.max(most, rss() - start);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBeLessThan(500);
  });

  test("of a size that is not kept for others gives its pages back at once, but none that a pin gave out", () => {
    const memory = openMemorySync({ ...dram("300MiB"), pretouch: "wait" });
    // What was there before may go at any time.
    const open = rss();
    memory[Symbol.dispose]();
    expect(open - rss()).toBeGreaterThan(200);
    const lender = openMemorySync({ ...dram("310MiB"), pretouch: "wait" });
    const region = lender.map("1MiB");
    region.fill(7);
    const pin = region.pin(0, 4096);
    const view = pin.bytes;
    pin.release();
    lender[Symbol.dispose]();
    expect(view.every((byte) => byte === 7)).toBe(true);
  });

  test("without koffi is collected a moment later, without anybody's help", () => {
    const program = `
      import { openMemorySync } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "300MiB" } }, pretouch: "wait" });
      memory[Symbol.dispose]();
      const start = Date.now();
      const look = setInterval(() => {
        if (process.memoryUsage.rss() > 200 * 2 ** 20 && Date.now() - start < 5000) return;
        console.log(process.memoryUsage.rss() > 200 * 2 ** 20 ? "still there" : "gone");
        clearInterval(look);
      }, 20);`;
    const hide = `import Module from "node:module";
      const load = Module._load;
      Module._load = (name, ...rest) => {
        if (name === "koffi") throw new Error("not installed");
        return load(name, ...rest);
      };`;
    const args = ["--input-type=module", "-e", hide + program];
    expect(spawnSync(process.execPath, args, { encoding: "utf8" })).toMatchObject({ stdout: "gone\n", status: 0 });
  });

  test("holds none of its bytes, and neither does what was made of it", async () => {
    const memory = openMemorySync(dram("16MiB"), { crank: simCrank() });
    const region = memory.map("1MiB");
    const unmapped = memory.map("1MiB");
    const closed = memory.cache({ name: "closed", maxSize: "1MiB" });
    const cache = memory.cache<string, string>({ maxSize: "4MiB" });
    const group = memory.group("tenant");
    cache.set("key", "value".repeat(2000));
    const array = region.array("float64");
    array.set(3, 4);
    const pins = [region.pin(0, 100), cache.pin("key")];
    for (const pin of pins) pin?.release();
    const node = memory.node("dram");
    const keys = cache.keys();
    keys.next();
    unmapped.unmap();
    closed.close();
    memory.check();
    const buffer = new WeakRef(memory.vm.segment.memory.buffer);
    memory[Symbol.dispose]();
    expect(await collectUntil(() => buffer.deref() === undefined)).toBe(true);
    expectError(() => array.get(3), "ECLOSED");
    expectError(() => region.readUint8(0), "ECLOSED");
    expectError(() => region.buffer, "ECLOSED");
    expectError(() => cache.get("key"), "ECLOSED");
    expectError(() => pins[0]?.bytes, "ECLOSED");
    expectError(() => group.vmstat(), "ECLOSED");
    expectError(() => node.vmstat(), "ECLOSED");
    expectError(() => memory.map("1MiB"), "ECLOSED");
    expect([unmapped, closed, keys].length).toBe(3);
  });

  test("is not taken over while somebody may hold a view of it", () => {
    const first = openMemorySync(dram("9MiB"), { crank: simCrank() });
    const region = first.map("1MiB");
    region.fill(7);
    const pin = region.pin(0, 4096);
    const view = pin.bytes;
    pin.release();
    first[Symbol.dispose]();
    const second = openMemorySync(dram("9MiB"), { crank: simCrank() });
    expect(second.vm.segment.memory.buffer).not.toBe(view.buffer);
    second[Symbol.dispose]();
  });

  test("that could not be opened whole gives its segment up too", () => {
    const options = { ...dram("11MiB"), minFree: "10MiB" } as const;
    expectError(() => openMemorySync(options), "EINVAL", "watermarks");
    const memory = openMemorySync(dram("11MiB"), { crank: simCrank() });
    expect(memory.vm.segment.secondHand).toBe(true);
    memory[Symbol.dispose]();
  });
});

/** Work that leaves bytes everywhere, and what it came to. */
function work(memory: Memory, seed: number): unknown {
  let state = seed | 1;
  const random = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  const region = memory.map("3MiB");
  const cache = memory.cache<string, number>({ maxSize: "1MiB" });
  for (let i = 0; i < 3000; i++) {
    if (random(2) === 0) region.writeUint8(random(region.size), 1 + random(255));
    else cache.set(random(500), "x".repeat(random(9000)));
  }
  memory.check();
  return [memory.vmstat(), cache.stats(), cache.size];
}

describe("a memory in a segment that was used before", () => {
  test("does what it would do in a new one, and shows nothing of the other's", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: 1, max: 2 ** 30 }), (first, second) => {
        const open = () => openMemorySync({ ...dram("12MiB"), pretouch: false }, { crank: simCrank() });
        const fresh = open();
        const before = work(fresh, second);
        fresh[Symbol.dispose]();
        const other = open();
        work(other, first);
        other[Symbol.dispose]();
        const reused = open();
        expect(reused.vm.segment.secondHand).toBe(true);
        const blank = reused.map("2MiB");
        for (let page = 0; page < blank.size; page += 4096) {
          // Whoever does not keep the promise to write the whole page sees zeros, too.
          const at = blank.translate(page, page % 8192 === 0 ? "read" : "overwrite");
          expect(reused.vm.segment.h8.subarray(at, at + 4096).every((byte) => byte === 0)).toBe(true);
        }
        reused[Symbol.dispose]();
        const again = open();
        expect(work(again, second)).toEqual(before);
        again[Symbol.dispose]();
      }),
      { numRuns: 10 },
    );
  });
});

describe("pretouch", () => {
  test("in the background keeps the event loop for less than 50 ms at a time, for 1 GiB", async () => {
    const cpu = () => process.cpuUsage().user + process.cpuUsage().system;
    let longest = 0;
    let start = cpu();
    const memory = await openMemory(dram("1GiB"));
    longest = cpu() - start;
    for (let i = 0; i < 10; i++) {
      start = cpu();
      await new Promise((resolve) => setImmediate(resolve));
      longest = Math.max(longest, cpu() - start);
    }
    expect(memory.vm.segment.touched).toBe(false);
    await memory.close();
    expect(longest / 1000).toBeLessThan(50);
  });

  test('"wait" has touched all when openMemory() is done; nothing is lost by it', async () => {
    const memory = await openMemory({ ...dram("24MiB"), pretouch: "wait" });
    expect(memory.vm.segment.touched).toBe(true);
    await memory.close();
    const background = openMemorySync(dram("40MiB"));
    const region = background.map("8MiB");
    region.fill(5);
    await background.pretouched();
    expect(background.vm.segment.touched).toBe(true);
    expect(region.read(0, region.size).every((byte) => byte === 5)).toBe(true);
    background.check();
    await background.close();
  });
});
