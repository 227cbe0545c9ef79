/** What every kind of node must do, whatever its bytes lie on: a memory with one of the kind below DRAM, driven through the API. */
import { describe, expect, test } from "vitest";
import { type Memory, type NodeOptions, openMemorySync, preferred } from "../../src/index.ts";

const PAGE = 4096;

/** Declare the contract's tests. `options` gives those of a node of 4 MiB, another for each test. */
export function nodeContract(kind: string, options: () => NodeOptions): void {
  describe(`a node of kind "${kind}"`, () => {
    const withMemory = (action: (memory: Memory) => void): void => {
      const memory = openMemorySync({
        nodes: { dram: { kind: "dram", size: "1MiB" }, low: { tier: 1, ...options() } },
      });
      try {
        action(memory);
        memory.check();
      } finally {
        memory[Symbol.dispose]();
      }
    };

    test("says what it is", () => {
      withMemory((memory) => {
        const node = memory.node("low");
        expect(node).toMatchObject({ kind, size: 4 * 2 ** 20, residentPages: 0 });
        expect(node.tier).toBeGreaterThan(0);
      });
    });

    test("reads as zeros at first, also where an earlier memory has been", () => {
      for (let round = 0; round < 2; round++) {
        withMemory((memory) => {
          const region = memory.map("3MiB", { policy: preferred("low") });
          for (let at = 0; at < region.size; at += PAGE) expect(region.readFloat64(at + 8)).toBe(0);
          region.fill(0xff);
        });
      }
    });

    test("keeps every byte over demotion, reads in place, promotion and migration by policy", () => {
      withMemory((memory) => {
        const region = memory.map("4MiB");
        for (let at = 0; at < region.size; at += 8) region.writeFloat64(at, at);
        expect(memory.node("low").residentPages).toBeGreaterThan(500);
        for (let round = 0; round < 3; round++) {
          for (let at = 0; at < region.size; at += 8) {
            if (region.readFloat64(at) !== at) expect([at, region.readFloat64(at)]).toEqual([at, at]);
          }
          memory.reclaim("512KiB", { nodes: ["dram"], mode: "demote" });
          memory.tick();
        }
        expect(memory.vmstat().pgdemote_proactive).toBeGreaterThan(0);
      });
    });

    test("is written to and pinned in place", () => {
      withMemory((memory) => {
        const region = memory.map("1MiB", { policy: preferred("low") });
        region.write(PAGE + 5, Buffer.from("in place"));
        expect(region.placeOf(PAGE)).toMatchObject({ where: "node" });
        const pin = region.pin(PAGE, PAGE);
        expect([pin.zeroCopy, Buffer.from(pin.bytes.subarray(5, 13)).toString()]).toEqual([true, "in place"]);
        pin.release();
      });
    });

    test("holds a cache's cold entries", () => {
      withMemory((memory) => {
        const cache = memory.cache<Uint8Array>({ codec: "bytes" });
        for (let i = 0; i < 3000; i++) cache.set(`${i}`, Buffer.alloc(1000, i));
        let wrong = 0;
        let there = 0;
        for (let i = 0; i < 3000; i++) {
          const value = cache.get(`${i}`);
          if (value === undefined) continue;
          there++;
          if (!value.every((byte) => byte === (i & 255))) wrong++;
        }
        expect([wrong, there > 2000, (cache.stats().hitsByTier.low ?? 0) > 0]).toEqual([0, true, true]);
      });
    });
  });
}
