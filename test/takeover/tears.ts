/**
 * A segment that is torn at each store in turn of what somebody was at, and rebuilt (src/mm/rebuild.ts): all of its structures hold, no region has
 * lost or changed a byte, and it goes on. LIEU_TEARS is how many stores of an operation are tried, if there are more (8 by default), or "all".
 *
 * The operation is done once. Before a store, all that there is is copied to another engine's segment, of another copy of the modules as another thread has one,
 * and made whole there. With "all" that is done before each store; but where nothing has changed that it read the last time, as where an
 * operation writes to what nobody believes, it would do the same again to the last step, and is not done.
 */
import { describe, expect, test, vi } from "vitest";
import { runSeed, seeded } from "../property/source.ts";
import type { LruDesign, Pages, TestEngine } from "../support/engine.ts";
import { makeScene, OPERATIONS, type Scene } from "./scenes.ts";
import { between, dies, storesOf, watched } from "./tearing.ts";

const EVERY = process.env.LIEU_TEARS === "all";
const TEARS = EVERY ? Number.POSITIVE_INFINITY : Number(process.env.LIEU_TEARS ?? 8);
const PAGE = 4096;

/** Has `to`, a scene as `from` was made, be what that is now, whenever it is called. */
function copier(from: Scene, to: Scene): () => void {
  const written = to.engine.devices.map((device, dev) =>
    overlay(from.engine.devices[dev], device, isPool(to.engine, dev)),
  );
  const pages = (scene: Scene) => [...scene.regions, ...scene.caches];
  return () => {
    to.engine.vm.segment.h8.set(from.engine.vm.segment.h8);
    for (const slots of written) slots.clear();
    to.engine.clock.advance(from.engine.clock.now() - to.engine.clock.now());
    const versions = pages(from);
    pages(to).forEach(({ version }, i) => void version.set((versions[i] as Pages).version));
  };
}
/** Have `device` hold what `below` does, but for what is written to it. Returns what that was, to be cleared. */
function overlay(
  below: TestEngine["devices"][0] | undefined,
  device: TestEngine["devices"][0],
  pool: boolean,
): Map<number, Uint8Array> {
  const written = new Map<number, Uint8Array>();
  if (pool || below === undefined) return written;
  Object.assign(device, {
    write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array) {
      for (let i = 0; i < nr; i++) {
        const at = addrs[i] as number;
        written.set(slot + i, memory.slice(at, at + PAGE));
      }
    },
    read(slot: number, memory: Uint8Array, addr: number) {
      const kept = written.get(slot);
      if (kept === undefined) below.read(slot, memory, addr);
      else memory.set(kept, addr);
    },
  });
  return written;
}
function isPool(engine: TestEngine, dev: number): boolean {
  return (engine.vm.shape.zpages ?? 0) > 0 && dev === 0;
}

/** All is as it was. `seen`: what was read of the segment for that. */
function verify({ engine, regions, caches }: Scene, seen: (at: number, bytes: number) => void = () => undefined): void {
  for (const pages of regions) readAll(pages, false, seen);
  for (const pages of caches) readAll(pages, true, seen);
  // What the engine's host looks at, and every entry.
  seen(0, PAGE);
  seen(engine.vm.pageTable * 4, engine.vm.shape.vpns * 4);
}
function readAll(pages: Pages, mayBeLost: boolean, seen: (at: number, bytes: number) => void): void {
  const { segment } = pages.engine.vm;
  for (let page = 0; page < pages.count; page++) {
    if (pages.place(page) === -1) {
      if (!mayBeLost && pages.version[page] !== 0) throw new Error(`page ${page} is lost`);
      continue;
    }
    const r = pages.read(page);
    if (r !== 0) throw new Error(`page ${page}: error ${r}`);
    seen(segment.data + pages.frame(page) * PAGE, PAGE);
  }
}

/** Stores to die at: some, the first and last ones with them. */
function storesToTry(all: number, random: (n: number) => number): Set<number> {
  if (all <= TEARS) return new Set(Array.from({ length: all }, (_, i) => i));
  const some = Array.from({ length: TEARS - 4 }, () => random(all));
  return new Set([0, 1, ...some, all - 2, all - 1]);
}

/** Tests of one design of the lists; how many compressed pages there may be. */
export async function describeTears(lru: LruDesign, pools: readonly number[]): Promise<void> {
  vi.resetModules();
  const other: typeof import("./scenes.ts") = await import("./scenes.ts");
  const seed = runSeed();
  describe.each(TEARS > 8 ? pools : pools.slice(0, 1))(`${lru} lists, a pool of %i compressed pages`, (pool) => {
    test.each(Object.keys(OPERATIONS))(`%s, seed ${seed}`, { timeout: 3_600_000 }, (name) => {
      const random = seeded(seed);
      const counted = makeScene(lru, pool);
      const operation = OPERATIONS[name] as (scene: Scene) => void;
      const all = storesOf(() => operation(counted));
      counted.engine.check();
      const wanted = EVERY ? undefined : storesToTry(all, (n) => random.below(n));
      const scene = makeScene(lru, pool);
      const fork = other.makeScene(lru, pool);
      const again = other.OPERATIONS[name] as (scene: Scene) => void;
      const copy = copier(scene, fork);
      let deaths = 0;
      between(
        () => operation(scene),
        (at) => {
          if (wanted?.has(at) === false) return;
          deaths++;
          copy();
          const { calls } = fork.engine;
          try {
            watched((seen) => {
              // Who makes it whole may die of it, too.
              if (random.below(3) === 0) dies(random.below(4000), () => calls.rebuild(0));
              calls.rebuild(0);
              fork.engine.check();
              verify(fork, seen);
              fork.engine.check();
            });
            if (random.below(4) > 0) return;
            again(fork);
            fork.engine.check();
            verify(fork);
          } catch (error) {
            throw new Error(`${name}, dead after store ${at} of ${all}: ${(error as Error).message}`, { cause: error });
          }
        },
        !EVERY,
      );
      scene.engine.check();
      expect(deaths).toBe(wanted?.size ?? deaths);
      expect(deaths).toBeGreaterThan(0);
      if (EVERY) console.info(`${name}: ${all} stores, made whole ${deaths} times`);
    });
  });
}
