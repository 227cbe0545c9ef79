import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  expectPage,
  fillPage,
  pageAddrs,
  pattern,
  sharedPages,
  swapDeviceContract,
} from "../../test/contract/swap-device.ts";
import { PAGE_SIZE } from "./device.ts";
import { type FaultPlan, type FaultyDevice, injectFaults } from "./faulty.ts";
import { openFileDevice } from "./file.ts";
import { openNullDevice } from "./null.ts";

const directory = mkdtempSync(join(tmpdir(), "lieu-faulty-"));
afterAll(() => rmSync(directory, { recursive: true }));

let nrFiles = 0;
const openFile = (slots: number) =>
  openFileDevice({ path: join(directory, `swap-${nrFiles++}`), size: slots * PAGE_SIZE });
const opened: FaultyDevice[] = [];
afterEach(() => {
  for (const device of opened.splice(0)) device.close();
});
function faulty(plan: FaultPlan): FaultyDevice {
  const device = injectFaults(openFile(16), plan);
  opened.push(device);
  return device;
}

swapDeviceContract("file, with a plan of no faults,", (slots) => injectFaults(openFile(slots), {}));
swapDeviceContract("file, with faults switched off,", (slots) =>
  injectFaults(openFile(slots), { enabled: false, write: { error: 1 }, read: { error: 1 } }),
);
swapDeviceContract("null, slow,", (slots) =>
  injectFaults(openNullDevice({ size: slots * PAGE_SIZE }), {
    write: { slow: 0.5 },
    read: { slow: 0.5 },
    wait: () => {},
  }),
);

const memory = sharedPages(8);
const page7 = memory.subarray(7 * PAGE_SIZE);
const code = (wanted: string) => expect.objectContaining({ name: "LieuError", code: wanted });
const write = (device: FaultyDevice, slot: number, ...pages: number[]): void => {
  for (const page of pages) fillPage(memory, page, page);
  device.write(slot, pages.length, memory, pageAddrs(...pages));
};
const read = (device: FaultyDevice, slot: number): Uint8Array => {
  device.read(slot, memory, 7 * PAGE_SIZE);
  return page7;
};
function flippedBits(bytes: Uint8Array, seed: number): number {
  return pattern(seed).reduce((sum, byte, i) => {
    let bits = 0;
    for (let x = byte ^ bytes[i]!; x !== 0; x &= x - 1) bits++;
    return sum + bits;
  }, 0);
}

describe("each fault", () => {
  test("error: nothing is written or read; EIO", () => {
    const device = faulty({
      schedule: [
        { op: "write", nth: 2, fault: "error" },
        { op: "read", nth: 1, fault: "error" },
      ],
    });
    write(device, 0, 1);
    expect(() => write(device, 0, 2)).toThrow(code("EIO"));
    page7.fill(9);
    expect(() => read(device, 0)).toThrow(code("EIO"));
    expect(page7.every((byte) => byte === 9)).toBe(true);
    expect(flippedBits(read(device, 0), 1)).toBe(0);
  });

  test("full: nothing is written; ENOSPC", () => {
    const device = faulty({ schedule: [{ op: "write", nth: 2, fault: "full" }] });
    write(device, 0, 1);
    expect(() => write(device, 0, 2)).toThrow(code("ENOSPC"));
    expect(flippedBits(read(device, 0), 1)).toBe(0);
  });

  test("flip on a write: one bit of one page of the batch, and the caller's memory stays right", () => {
    const device = faulty({ schedule: [{ op: "write", nth: 1, fault: "flip" }] });
    write(device, 4, 0, 1, 2, 3);
    for (const page of [0, 1, 2, 3]) expectPage(memory, page, page);
    const bits = [0, 1, 2, 3].map((seed) => flippedBits(read(device, 4 + seed), seed));
    expect(bits.toSorted()).toEqual([0, 0, 0, 1]);
  });

  test("flip on a read: one bit this time, none the next", () => {
    const device = faulty({ schedule: [{ op: "read", nth: 1, fault: "flip" }] });
    write(device, 0, 5);
    expect(flippedBits(read(device, 0), 5)).toBe(1);
    expect(flippedBits(read(device, 0), 5)).toBe(0);
  });

  test("shortWrite: a beginning of the batch is written, then EIO", () => {
    const reached = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const device = faulty({ seed, schedule: [{ op: "write", nth: 2, fault: "shortWrite" }] });
      fillPage(memory, 6, 60);
      device.write(0, 4, memory, pageAddrs(6, 6, 6, 6));
      expect(() => write(device, 0, 0, 1, 2, 3)).toThrow(code("EIO"));
      const states = [0, 1, 2, 3].map((slot) => {
        const bytes = read(device, slot);
        return flippedBits(bytes, slot) === 0 ? "new" : flippedBits(bytes, 60) === 0 ? "old" : "torn";
      });
      expect(states.join(" ")).toMatch(/^(new )*(new|torn)( old)*$/);
      expect(states).not.toEqual(["new", "new", "new", "new"]);
      reached.add(states.indexOf("torn"));
      device.close();
    }
    expect(reached.size).toBeGreaterThan(2);
  });

  test("shortWrite on a device without bytes: some of the pages", () => {
    const device = openNullDevice({ size: 16 * PAGE_SIZE });
    const short = injectFaults(device, { seed: 3, write: { shortWrite: 1 } });
    for (let i = 0; i < 50; i++) expect(() => short.write(0, 8, memory, pageAddrs(0))).toThrow(code("EIO"));
    expect(device.counts.pagesWritten).toBeGreaterThan(100);
    expect(device.counts.pagesWritten).toBeLessThan(350);
  });

  test("slow: it blocks for the delay, then does what it should", () => {
    const device = faulty({ delay: 30, schedule: [{ op: "write", nth: 1, fault: "slow" }] });
    const start = performance.now();
    write(device, 0, 1);
    expect(performance.now() - start).toBeGreaterThan(25);
    expect(flippedBits(read(device, 0), 1)).toBe(0);
  });

  test("slow: the wait can be a simulation's", () => {
    const waits: number[] = [];
    const device = faulty({ delay: 5, read: { slow: 1 }, wait: (ms) => waits.push(ms) });
    write(device, 0, 1);
    read(device, 0);
    read(device, 0);
    expect(waits).toEqual([5, 5]);
  });
});

describe("the plan", () => {
  /** What becomes of many operations: one letter each. */
  const run = (plan: FaultPlan, operations = 400): string => {
    const device = injectFaults(openNullDevice({ size: PAGE_SIZE }), { wait: () => {}, ...plan });
    let outcomes = "";
    for (let i = 0; i < operations; i++) {
      try {
        if (i % 2 === 0) device.write(0, 1, memory, pageAddrs(0));
        else device.read(0, memory, 0);
        outcomes += ".";
      } catch (error) {
        outcomes += (error as { code: string }).code === "ENOSPC" ? "F" : "E";
      }
    }
    return outcomes;
  };
  const rates = { write: { error: 0.1, full: 0.2 }, read: { error: 0.1 } };

  test("gives the same faults for the same seed, others for another", () => {
    expect(run({ ...rates, seed: 7 })).toBe(run({ ...rates, seed: 7 }));
    expect(run({ ...rates, seed: 8 })).not.toBe(run({ ...rates, seed: 7 }));
  });

  test("keeps to its probabilities", () => {
    const outcomes = run(rates, 20_000);
    const share = (outcome: string, of: number) => (outcomes.split(outcome).length - 1) / of;
    expect(share("F", 10_000)).toBeCloseTo(0.2, 1);
    expect(share("E", 20_000)).toBeCloseTo(0.1, 1);
    expect(run({ write: { error: 1 }, read: { error: 0 } }, 6)).toBe("E.E.E.");
  });

  test("a scheduled fault leaves the drawn ones where they were", () => {
    const drawn = [...run(rates)];
    const both = [...run({ ...rates, schedule: [{ op: "write", nth: 4, times: 2, fault: "full" }] })];
    drawn[6] = "F";
    drawn[8] = "F";
    expect(both).toEqual(drawn);
  });

  test("the schedule counts reads and writes apart, and a device may be gone for good", () => {
    const schedule = [
      { op: "read", nth: 2, fault: "error" },
      { op: "write", nth: 4, times: Infinity, fault: "full" },
      { op: "write", nth: 5, fault: "error" },
    ] as const;
    expect(run({ schedule }, 12)).toBe("...E..F.F.F.");
  });

  test("can be switched off and on; off, it stands still", () => {
    const device = faulty({ enabled: false, schedule: [{ op: "write", nth: 2, fault: "full" }] });
    for (let i = 0; i < 5; i++) write(device, 0, 1);
    device.faults.enabled = true;
    write(device, 0, 1);
    device.faults.enabled = false;
    write(device, 0, 1);
    device.faults.enabled = true;
    expect(() => write(device, 0, 1)).toThrow(code("ENOSPC"));
    write(device, 0, 1);
    expect(device.faults).toMatchObject({
      seen: { read: 0, write: 3 },
      injected: { error: 0, full: 1, shortWrite: 0, flip: 0, slow: 0 },
    });
  });

  test("a closed device says that it is closed, whatever the plan", () => {
    const device = faulty({ write: { full: 1 }, read: { error: 1 } });
    device.close();
    expect(() => write(device, 0, 1)).toThrow(code("ECLOSED"));
    expect(() => read(device, 0)).toThrow(code("ECLOSED"));
  });

  test.each<[string, unknown]>([
    ["which is no probability", { write: { error: 1.5 } }],
    ["which is no probability", { read: { slow: -0.1 } }],
    ["which is no probability", { read: { slow: Number.NaN } }],
    ["sum to 1.2", { write: { error: 0.6, full: 0.6 } }],
    ['unknown read fault "full"', { read: { full: 0.1 } }],
    ['unknown write fault "explode"', { schedule: [{ op: "write", nth: 1, fault: "explode" }] }],
    ['unknown operation "free"', { schedule: [{ op: "free", nth: 1, fault: "error" }] }],
    ["counted from 1", { schedule: [{ op: "write", nth: 0, fault: "error" }] }],
    ["at least 1", { schedule: [{ op: "write", nth: 1, times: 0, fault: "error" }] }],
    ["delay is -1", { delay: -1 }],
    ["seed is 0.5", { seed: 0.5 }],
    ["keeps no bytes", { read: { flip: 0.5 } }],
  ])("is checked: %s", (message, plan) => {
    const device = openNullDevice({ size: PAGE_SIZE });
    expect(() => injectFaults(device, plan as FaultPlan)).toThrow(code("EINVAL"));
    expect(() => injectFaults(device, plan as FaultPlan)).toThrow(message);
  });
});
