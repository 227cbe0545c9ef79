/**
 * A shared memory on the engine's JavaScript twin, one of whose threads dies at any store of what it does to caches and regions, and another
 * takes over (src/runtime/takeover.ts). LIEU_TEARS is how many deaths there are (10 by default; "all" is 600).
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import {
  type AttachedMemory,
  attachMemorySync,
  type Cache,
  type Memory,
  openMemorySync,
  type Region,
} from "../../src/index.ts";
import { MAX_VMAS, V_ACTIVE, vma } from "../../src/mm/layout.ts";
import { ld } from "../../src/mm/machine.ts";
import { isChanging, SEVERAL } from "../../src/runtime/changing.ts";
import { CHANGING } from "../../src/runtime/control.ts";
import { Kswapd } from "../../src/runtime/kswapd.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import { takeOver } from "../../src/runtime/takeover.ts";
import { controlOf, ST_ITEMS } from "../../src/store/layout.ts";
import { runSeed, type Source, seeded } from "../property/source.ts";
import { dies, storesOf } from "./tearing.ts";

vi.mock("../../src/mm/machine.ts", async (original) => {
  const { tearable } = await import("./tearing.ts");
  return tearable(await original());
});

const DEATHS = process.env.LIEU_TEARS === "all" ? 600 : Number(process.env.LIEU_TEARS ?? 10);
const PAGE = 4096;
const PAGES = 400;
const KEYS = 200;

/** All bytes of a value say of which key, and of which write, it is. */
const bytesFor = (key: number, n: number, length: number): Uint8Array =>
  new Uint8Array(new Uint32Array(length).fill((key << 20) | (n & 0xfffff)).buffer);
function isOf(key: number, value: Uint8Array): boolean {
  const words = new Uint32Array(Uint8Array.from(value).buffer);
  return words.every((word) => word === words[0]) && (words[0] as number) >>> 20 === key;
}

function numberOf(value: Uint8Array): number {
  return (new Uint32Array(Uint8Array.from(value).buffer)[0] as number) & 0xfffff;
}

/** What a cache may hold: of each key the number of the write that was last, if nothing has taken it away. */
class Known {
  readonly name: string;
  readonly last = new Int32Array(KEYS);

  constructor(name: string) {
    this.name = name;
  }
  /** Of key `key` there is `value`, or nothing. */
  check(key: number, value: Uint8Array | undefined): void {
    const last = this.last[key] as number;
    if (value === undefined) return;
    if (!isOf(key, value) || numberOf(value) !== last)
      throw new Error(`k${key} of ${this.name} has write ${numberOf(value)}, the last was ${last}`);
  }
}

/** The memory as a thread has it that may die. */
class Victim {
  readonly #memory: AttachedMemory;
  readonly #written: Int32Array;
  readonly #known: readonly Known[];
  readonly #a;
  readonly #b;
  readonly #region;
  /** If it is the one that reclaims beside all others. */
  readonly #kswapd: Kswapd | undefined;
  /** What it is at in a cache: which, the key or all of them, the write that was last before. */
  at: { readonly known: Known; readonly key?: number; readonly before?: number } | undefined;
  static n = 0;

  constructor(memory: AttachedMemory, written: Int32Array, known: readonly Known[], reclaims: boolean) {
    this.#memory = memory;
    this.#written = written;
    this.#known = known;
    this.#a = memory.cache<Uint8Array>("a", { codec: "bytes" });
    this.#b = memory.cache<Uint8Array>("b", { codec: "bytes", ttl: 50 });
    this.#region = memory.region("r");
    if (!reclaims) return;
    this.#kswapd = new Kswapd(memory.vm);
    this.#kswapd.begin();
  }
  /** Nobody has its number any more. */
  isDead(): void {
    this.#memory.vm.control.part(this.#memory.vm.slot);
  }
  /** Something. */
  act(random: Source): void {
    const which = random.below(2);
    const cache = [this.#a, this.#b][which] as Cache<Uint8Array>;
    const known = this.#known[which] as Known;
    const key = random.below(KEYS);
    const what = random.below(20);
    if (this.#kswapd !== undefined && random.below(2) === 0) {
      this.#kswapd.turn();
      return;
    }
    this.at = what < 15 ? { known, key, before: known.last[key] as number } : what === 15 ? { known } : undefined;
    if (what < 8) {
      const n = ++Victim.n & 0xfffff;
      // Before it: of what is not over, this or nothing is there.
      known.last[key] = n;
      cache.set(`k${key}`, bytesFor(key, n, 2 + random.below(random.below(4) === 0 ? 8000 : 200)));
    } else if (what < 13) known.check(key, cache.get(`k${key}`));
    else if (what < 15) {
      known.last[key] = 0;
      cache.delete(`k${key}`);
    } else if (what === 15 && random.below(40) === 0) {
      known.last.fill(0);
      cache.clear();
    } else if (what < 18) {
      const page = random.below(PAGES);
      const next = (this.#written[page] as number) + 1;
      // Before it: dead in the middle of it, some bytes may be the new ones.
      this.#written[page] = -next;
      this.#region.write(page * PAGE, new Uint8Array(new Int32Array(1024).fill(page * 1024 + next).buffer));
      this.#written[page] = next;
    } else
      this.#region.advise(["cold", "pageout", "willneed"][random.below(3)] as "cold", random.below(PAGES) * PAGE, PAGE);
    this.at = undefined;
  }
  close(): void {
    if (this.#kswapd !== undefined && this.#memory.vm.control.kswapdSlot !== 0) this.#kswapd.end();
    this.#memory[Symbol.dispose]();
  }
}

function mappingsOf(vm: SharedVm): number {
  vm.inspect();
  return Array.from({ length: MAX_VMAS }, (_, v) => vma(v, V_ACTIVE)).filter((state) => state !== 0).length;
}
/** What was made last by that name; those before it have ended with who made them. */
function lastNew(memory: Memory): Cache<Uint8Array> {
  return memory.caches().findLast(({ name }) => name === "new") as Cache<Uint8Array>;
}

test.each([
  ["classic", true, "2MiB", "8MiB", false],
  ["mglru", false, "2MiB", "8MiB", true],
  // Not enough for all: reclaim drops pages of caches.
  ["classic", false, "768KiB", "512KiB", true],
] as const)(
  "%s lists, a pool: %s, a slow node of %s, swap of %s, one that reclaims: %s: regions lose nothing, nor caches that he was not at, the others are empty, and all go on",
  {
    timeout: 3_600_000,
  },
  (lru, pool, slow, size, reclaims) => {
    const seed = runSeed();
    const random = seeded(seed);
    vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const folder = mkdtempSync(join(tmpdir(), "lieu-takeover-"));
    const memory = openMemorySync({
      nodes: { fast: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: slow, tier: 1 } },
      swap: [{ kind: "file", path: join(folder, "swap"), size }],
      ...(pool ? { zswap: { size: "256KiB" } } : {}),
      minFree: "32KiB",
      pretouch: false,
      shared: true,
      engine: "js",
      lru,
    });
    try {
      const vm = memory.vm as SharedVm;
      const region = memory.map(PAGES * PAGE, { name: "r" });
      const caches = ["a", "b"].map((name) =>
        memory.cache<Uint8Array>({ name, codec: "bytes", maxSize: "1MiB", heap: 0 }),
      );
      const known = caches.map(({ name }) => new Known(name));
      const { words } = vm.control;
      const fates = { kept: 0, emptied: 0, items: 0, itemsKept: 0 };
      const written = new Int32Array(PAGES);
      const before = mappingsOf(vm);
      let deaths = 0;
      for (let round = 0; deaths < DEATHS; round++) {
        const victim = new Victim(attachMemorySync(memory.descriptor()), written, known, reclaims && round % 2 === 0);
        try {
          for (let i = random.below(random.below(3) === 0 ? 600 : 60); i > 0; i--) victim.act(random);
          const making = random.below(8) === 0;
          const made: { region?: Region } = {};
          let torn: string[] = [];
          let changing = 0;
          let items: number[] = [];
          const died = dies(
            random.below(random.below(3) === 0 ? 200 : 4000),
            () => {
              if (making) {
                memory.cache({ name: "new", codec: "bytes", maxSize: "256KiB" }).close();
                made.region = memory.map("64KiB", { name: "other" });
                made.region.unmap();
              } else for (let i = 0; i < 30; i++) victim.act(random);
            },
            () => {
              changing = words[CHANGING] as number;
              vm.inspect();
              const stores = vm.control.registry().caches.filter(({ name }) => name !== "new");
              torn = stores.filter(({ meta }) => isChanging(vm.control, meta.start)).map(({ name }) => name);
              items = stores.map(({ meta }) => ld(controlOf(meta.start) + ST_ITEMS));
            },
          );
          if (died) {
            deaths++;
            vm.lock.enter();
            words[CHANGING] = changing;
            victim.isDead();
            // Who takes over may die of it.
            if (random.below(4) === 0) dies(random.below(8000), () => takeOver(vm));
            if (words[CHANGING] === SEVERAL) torn = known.map(({ name }) => name);
            takeOver(vm);
            expect(words[CHANGING]).toBe(0);
            vm.lock.leave();
          }
          expect(vm.isOpen).toBe(true);
          memory.check();
          if (died)
            for (const [i, cache] of caches.entries()) {
              if (torn.includes(cache.name)) {
                expect(cache.size).toBe(0);
                fates.emptied++;
              } else {
                fates.kept++;
                fates.items += items[i] as number;
                fates.itemsKept += cache.size;
              }
            }
          for (const [i, cache] of caches.entries()) {
            const { at } = victim;
            for (let key = 0; key < KEYS; key++) {
              const value = cache.get(`k${key}`);
              const last = known[i] as Known;
              // What was not over has been done, or has not.
              const maybe = died && at?.known === last && (at.key === undefined || at.key === key);
              if (maybe && value !== undefined) last.last[key] = numberOf(value);
              last.check(key, value);
              if (value === undefined) last.last[key] = 0;
            }
          }
          // What had got its name, and had not begun to go, is there: whole, if empty.
          const { caches: named, regions } = vm.control.registry();
          const cache = named.some(({ name }) => name === "new") ? lastNew(memory) : undefined;
          const other = regions.some(({ name }) => name === "other") ? made.region : undefined;
          expect(mappingsOf(vm)).toBe(before + (cache === undefined ? 0 : 2) + (other === undefined ? 0 : 1));
          expect([named.length, regions.length]).toEqual([cache === undefined ? 2 : 3, other === undefined ? 1 : 2]);
          expect(cache?.set("k", bytesFor(1, 1, 100)).get("k")?.length).toBe(cache === undefined ? undefined : 400);
          cache?.close();
          other?.unmap();
          expect(mappingsOf(vm)).toBe(before);
          for (let page = 0; page < PAGES; page++) {
            const n = written[page] as number;
            const words = new Int32Array(Uint8Array.from(region.read(page * PAGE, PAGE)).buffer);
            const old = Math.max(0, Math.abs(n) - 1);
            const may = [page * 1024 + Math.abs(n), old === 0 ? 0 : page * 1024 + old];
            const right = n >= 0 ? (n === 0 ? 0 : page * 1024 + n) : undefined;
            const wrong = words.findIndex((word) => (right === undefined ? !may.includes(word) : word !== right));
            if (wrong >= 0) throw new Error(`page ${page}, write ${n}: word ${wrong} is ${words[wrong]}`);
            if (n >= 0) continue;
            region.write(page * PAGE, new Uint8Array(new Int32Array(1024).fill(page * 1024 - n).buffer));
            written[page] = -n;
          }
        } catch (error) {
          throw new Error(`round ${round}, seed ${seed}: ${(error as Error).message}`, { cause: error });
        } finally {
          victim.close();
        }
      }
      expect(memory.vmstat().takeover).toBeGreaterThanOrEqual(deaths);
      if (deaths < 10) return;
      expect(fates.kept).toBeGreaterThan(0);
      expect(fates.emptied).toBeGreaterThan(0);
      // But for pages that the dead one had dropped.
      expect(fates.itemsKept).toBeGreaterThan(0.8 * fates.items);
      if (process.env.LIEU_TEARS !== undefined) console.info(fates);
    } finally {
      memory[Symbol.dispose]();
      rmSync(folder, { recursive: true });
    }
  },
);

test("whoever dies as it makes and closes a cache leaves it with its name, whole and empty, or nothing of it", () => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const nodes = { fast: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "2MiB", tier: 1 } } as const;
  using memory = openMemorySync({ nodes, minFree: "32KiB", pretouch: false, shared: true, engine: "js" });
  using other = attachMemorySync(memory.descriptor());
  const vm = memory.vm as SharedVm;
  memory.cache({ name: "a", codec: "bytes", maxSize: "1MiB" });
  const there = other.cache<Uint8Array>("a", { codec: "bytes", heap: 0 });
  // Hits that the store is told of as the cache is closed: a store of theirs is the first of that.
  const hit = () => there.set("k", bytesFor(1, 1, 10)).get("k");
  const make = () => memory.cache<Uint8Array>({ name: "new", codec: "bytes", maxSize: "256KiB" });
  hit();
  let made = make();
  made.close();
  hit();
  const before = mappingsOf(vm);
  const stores = storesOf(() => {
    made = make();
  });
  made.close();
  const kept: boolean[] = [];
  for (let n = stores - 2; n < stores + 8; n++) {
    hit();
    expect(dies(n, () => make().close())).toBe(true);
    vm.lock.enter();
    takeOver(vm);
    vm.lock.leave();
    memory.check();
    const named = vm.control.registry().caches.some(({ name }) => name === "new");
    kept.push(named);
    if (!named) continue;
    expect(lastNew(memory).get("k")).toBeUndefined();
    expect(
      lastNew(memory)
        .set("k", bytesFor(2, 1, 100))
        .get("k")?.length,
    ).toBe(400);
    lastNew(memory).close();
  }
  expect(new Set(kept)).toEqual(new Set([true, false]));
  expect(kept[0]).toBe(false);
  expect(mappingsOf(vm)).toBe(before);
});

test.each(["js", "wasm"] as const)(
  "of a cache that he was not at, whose pages he had dropped, only what was on those is lost; %s",
  (engine) => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    using memory = openMemorySync({
      nodes: { dram: { kind: "dram", size: "1MiB" } },
      pretouch: false,
      shared: true,
      engine,
    });
    const cache = memory.cache<Uint8Array>({ name: "a", codec: "bytes", maxSize: "768KiB", heap: 0 });
    memory.map("640KiB", { name: "r" });
    using other = attachMemorySync(memory.descriptor());
    const region = other.region("r");
    const lengthOf = (key: number) => (key % 10 === 0 ? 3000 : 100 + key);
    for (let key = 0; key < 300; key++) cache.set(`k${key}`, bytesFor(key, 1, lengthOf(key)));
    const { size } = cache;
    const vm = memory.vm as SharedVm;
    other.vm.lock.enter();
    for (let page = 0; page < 160; page++) region.writeInt32(page * PAGE, page);
    // He dies before he has told of it.
    other.vm.forgetDropped();
    takeOver(vm);
    other.vm.lock.leave();
    memory.check();
    expect(cache.size).toBeLessThan(size);
    expect(cache.size).toBeGreaterThan(0.1 * size);
    let found = 0;
    for (let key = 0; key < 300; key++) {
      const value = cache.get(`k${key}`);
      if (value === undefined) continue;
      found++;
      expect(value).toHaveLength(4 * lengthOf(key));
      expect(isOf(key, value)).toBe(true);
    }
    expect(found).toBe(cache.size);
    for (let key = 0; key < 300; key++) cache.set(`k${key}`, bytesFor(key, 2, lengthOf(key)));
    for (let page = 0; page < 160; page++) expect(region.readInt32(page * PAGE)).toBe(page);
    memory.check();
  },
);
