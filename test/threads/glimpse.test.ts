/** Gets of shared caches without the lock (src/store/glimpse.ts): what they give, what they leave to others, and what the store learns of them. */
import { expect, test, vi } from "vitest";
import { attachMemorySync, type Memory, openMemorySync } from "../../src/index.ts";
import { frameAddr, H_CLOCK, LANE_NOTES, pte } from "../../src/mm/layout.ts";
import { SharedLock } from "../../src/runtime/shared-lock.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import { DISTURBED, NO_GLIMPSE, SMALL } from "../../src/store/glimpse.ts";
import { ST_EVENTS } from "../../src/store/layout.ts";

const engines = ["js", "wasm"] as const;
const able = process.arch === "x64";

function open(engine: "js" | "wasm", more: object = {}) {
  const nodes = { fast: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } } as const;
  return openMemorySync({ nodes, shared: true, engine, seed: 1, ...more });
}
/** How often the lock is taken in `work`. */
function turnsOf(work: () => void): number {
  const enter = vi.spyOn(SharedLock.prototype, "enter");
  work();
  const n = enter.mock.calls.length;
  enter.mockRestore();
  return n;
}

test.runIf(able).each(engines)("%s: a get takes no lock, and gives what any other would", async (engine) => {
  using memory = open(engine);
  const cache = memory.cache<unknown>({ name: "c", maxSize: "1MiB", heap: 0 });
  const values: Record<string, unknown> = {
    ascii: "plain",
    wide: "größer 日本",
    lone: "\ud800",
    number: 5,
    object: { a: [1, "x", null] },
    bytes: Uint8Array.from({ length: 4000 }, (_, i) => i),
    map: new Map([[1, 2]]),
    empty: "",
  };
  for (const [key, value] of Object.entries(values)) cache.set(key, value);
  for (const [key, value] of Object.entries(values)) {
    const locked = cache.get(key, {});
    let free: unknown;
    expect(turnsOf(() => (free = cache.get(key)))).toBe(0);
    expect(free).toEqual(locked);
    expect(free instanceof Uint8Array ? Uint8Array.from(free) : free).toEqual(value);
  }
  const target = new Uint8Array(5000);
  expect(turnsOf(() => expect(cache.getInto("bytes", target, 7)).toBe(4000))).toBe(0);
  expect(target.subarray(7, 4007)).toEqual(values.bytes);
  expect(turnsOf(() => expect(cache.getInto("bytes", target.subarray(0, 10))).toBe(4000))).toBe(0);
  expect(() => cache.getInto("bytes", target, 6000)).toThrow("ERANGE");
  expect(turnsOf(() => expect(cache.has("bytes")).toBe(true))).toBe(0);
  expect(cache.has("none")).toBe(false);
  // A value that lies across two pages, which of so many some do.
  for (let i = 0; i < 40; i++) cache.set(`across${i}`, "x".repeat(1000));
  expect(turnsOf(() => expect(cache.get("across7")).toBe("x".repeat(1000)))).toBe(0);
  for (let i = 0; i < 40; i++) expect(turnsOf(() => cache.get(`across${i}`))).toBe(0);
  // These take it.
  cache.set("large", "x".repeat(5000));
  expect(cache.get("large")).toBe("x".repeat(5000));
  expect(cache.get("nothing")).toBeUndefined();
  expect(turnsOf(() => cache.get("ascii", {}))).toBeGreaterThan(0);
  memory.check();
});

test.runIf(able).each(engines)(
  "%s: what has been replaced, deleted, expired or closed is not given",
  async (engine) => {
    using memory = open(engine);
    using other = attachMemorySync(memory.descriptor());
    const cache = memory.cache<string>({ name: "c", maxSize: "1MiB", heap: 0 });
    const there = other.cache<string>("c", { heap: 0 });
    cache.set("k", "one");
    expect(there.get("k")).toBe("one");
    cache.set("k", "two");
    expect(there.get("k")).toBe("two");
    cache.delete("k");
    expect(there.get("k")).toBeUndefined();
    cache.set("k", "soon over", { ttl: 3000 });
    // The handle here has not met a time to live yet.
    expect(there.get("k")).toBe("soon over");
    expect(there.get("k")).toBe("soon over");
    await new Promise((resolve) => setTimeout(resolve, 3050));
    expect(there.get("k")).toBeUndefined();
    cache.set("k", "x");
    expect(there.get("k")).toBe("x");
    cache.clear();
    expect(there.get("k")).toBeUndefined();
    cache.set("k", "x");
    expect(there.get("k")).toBe("x");
    cache.close();
    expect(() => there.get("k")).toThrow("ECLOSED");
    const again = memory.cache<string>({ name: "c", maxSize: "1MiB", heap: 0 });
    again.set("k", "another cache's");
    expect(() => there.get("k")).toThrow("ECLOSED");
  },
);

test.runIf(able).each(engines)("%s: hits are counted, at once, by whoever asks", (engine) => {
  using memory = open(engine);
  using other = attachMemorySync(memory.descriptor());
  const cache = memory.cache<string>({ name: "c", maxSize: "1MiB", heap: 0 });
  const there = other.cache<string>("c", { heap: 0 });
  cache.set("k", "v");
  for (const n of [1, 63, 64, LANE_NOTES - 1, LANE_NOTES, 1000]) {
    const before = cache.stats().hits;
    for (let i = 0; i < n; i++) expect(there.get("k")).toBe("v");
    expect(cache.stats().hits - before).toBe(n);
    for (let i = 0; i < n; i++) expect(cache.get("k")).toBe("v");
    expect(there.stats().hits - before).toBe(2 * n);
  }
  memory.check();
});

test.runIf(able).each(engines)("%s: in a small cache what another thread got last is the last to go", (engine) => {
  using memory = open(engine);
  using other = attachMemorySync(memory.descriptor());
  const cache = memory.cache<number>({ name: "c", maxSize: "1MiB", max: 100, heap: 0 });
  const there = other.cache<number>("c", { heap: 0 });
  let kept = 0;
  for (let i = 0; i < 500; i++) {
    cache.set(`k${i}`, i);
    for (let hot = 0; hot < 10; hot++) {
      if (there.get(`hot${hot}`) !== undefined) kept++;
      else there.set(`hot${hot}`, hot);
    }
  }
  expect(kept).toBeGreaterThan(0.9 * 5000);
});

test.each(engines)("%s: somebody who has the lock disturbs a search, and who took it in between, too", (engine) => {
  using memory = open(engine);
  using other = attachMemorySync(memory.descriptor());
  const cache = memory.cache<string>({ name: "c", maxSize: "1MiB", heap: 0 });
  cache.set("k", "v");
  const vm = memory.vm as SharedVm;
  const { lane, storeCalls } = other.vm;
  if (lane.address === 0) return;
  const h8 = Buffer.from(vm.segment.memory.buffer);
  h8.write("k\0\0\0", lane.key, "latin1");
  const { meta } = (cache as unknown as { items: { meta: number } }).items;
  const search = (): number => storeCalls.storeGlimpse(meta, 1, lane.address, 0);
  expect(search()).toBe(1);
  expect(h8.toString("latin1", lane.value, lane.value + 1)).toBe("v");
  vm.locked(() => expect(search()).toBe(DISTURBED));
  expect(search()).toBe(1);
  h8.write("x\0\0\0", lane.key, "latin1");
  expect(search()).toBe(NO_GLIMPSE);
});

/** Have the memory's thread read its clock at `early`, and others go on with `late` before it searches, or before it takes the lock. */
function overtaken<R>(memory: Memory, before: "find" | "enter", late: number, work: () => R): R {
  const vm = memory.vm as SharedVm;
  const { crank } = vm;
  const times = [crank.now()];
  Object.defineProperty(vm, "crank", {
    configurable: true,
    value: { now: () => times.shift() ?? late, stepsPerTurn: crank.stepsPerTurn },
  });
  const { lock } = vm;
  const { enter } = lock;
  const goOn = () => {
    vm.segment.hf[H_CLOCK >>> 3] = late;
  };
  if (before === "find") goOn();
  else {
    lock.enter = () => {
      enter.call(lock);
      // As though another had had it just before.
      if (times.length === 0) goOn();
    };
  }
  try {
    return work();
  } finally {
    lock.enter = enter;
    Object.defineProperty(vm, "crank", { configurable: true, value: crank });
    // The clock has not fallen, or there would be others for whom entries are there again.
    expect(vm.segment.hf[H_CLOCK >>> 3]).toBeGreaterThanOrEqual(late);
    expect(times).toEqual([]);
  }
}

test.runIf(able).each(engines)(
  "%s: what another was told has expired is not given, whenever this thread has read its clock",
  (engine) => {
    using memory = open(engine);
    const cache = memory.cache<string>({ name: "c", codec: "string", heap: 0 });
    const value = "v".repeat(5000);
    const fill = () => {
      cache.set("k", "v", { ttl: 1000 });
      // Not to be had without the lock.
      cache.set("large", value, { ttl: 1000 });
      return (memory.vm as SharedVm).crank.now() + 2000;
    };
    const cases: [read: () => unknown, there: unknown, over: unknown, inTheMiddle: unknown][] = [
      [() => cache.get("large"), value, undefined, undefined],
      [() => cache.has("large"), true, false, false],
      [() => cache.getInto("large", new Uint8Array(5000)), 5000, -1, -1],
      // It goes on as the second of them takes the lock.
      [
        () => cache.getMany(["k", "large", "k"]),
        ["v", value, "v"],
        [undefined, undefined, undefined],
        ["v", undefined, undefined],
      ],
    ];
    for (const [read, there, over, inTheMiddle] of cases) {
      fill();
      expect(read()).toEqual(there);
      expect(overtaken(memory, "find", fill(), read)).toEqual(over);
      expect(overtaken(memory, "enter", fill(), read)).toEqual(inTheMiddle);
    }
    const late = fill();
    expect(turnsOf(() => expect(cache.get("k")).toBe("v"))).toBe(0);
    expect(overtaken(memory, "find", late, () => cache.get("k"))).toBeUndefined();
    memory.check();
  },
);

test.runIf(able).each(engines)("%s: a get that is timed is told of with the tier that served it", (engine) => {
  using memory = open(engine);
  const cache = memory.cache<string>({ name: "c", codec: "string", heap: 0 });
  cache.set("k", "v");
  const tiers: string[] = [];
  const end = memory.sampleGets(({ tier }) => tiers.push(tier));
  for (let i = 0; i < 500; i++) cache.get(i % 3 === 0 ? "none" : "k");
  end();
  expect(tiers.length).toBeGreaterThan(2);
  expect(new Set(tiers)).toEqual(new Set(["fast", "miss"]));
  expect(tiers[0]).toBe("miss");
});

test.runIf(able).each(engines)(
  "%s: hits that are not learned from are counted; those of a small cache all are",
  (engine) => {
    using memory = open(engine);
    const value = Buffer.alloc(40, 1);
    const fill = (name: string, entries: number) => {
      const cache = memory.cache<Uint8Array>({ name, codec: "bytes", maxSize: "1MiB", heap: 0 });
      for (let i = 0; i < entries; i++) cache.set(`k${i}`, value);
      const before = cache.stats().hits;
      for (let i = 0; i < 500; i++) cache.get(`k${i}`);
      expect(cache.stats().hits - before).toBe(500);
      // Events in the tables: what was learned.
      const c = controlOf(memory.vm, cache as unknown as { host: { meta: { start: number } } });
      memory.check();
      return memory.vm.segment.h32[(c + ST_EVENTS) >>> 2] as number;
    };
    expect(fill("many", SMALL + 200)).toBe(125);
    expect(fill("few", 600)).toBe(500);
  },
);
function controlOf(vm: Memory["vm"], { host }: { host: { meta: { start: number } } }): number {
  vm.inspect();
  return frameAddr(pte(host.meta.start) >>> 6);
}
