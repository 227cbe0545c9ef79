/**
 * A segment that is torn at each store in turn of what somebody was at, and rebuilt (src/mm/rebuild.ts): all of its structures hold, no region has
 * lost or changed a byte, and it goes on. LIEU_TEARS is how many stores of an operation are tried, if there are more (8 by default).
 */

import { describe, expect, test, vi } from "vitest";
import { runSeed, seeded } from "../property/source.ts";
import type { Pages, TestEngine } from "../support/engine.ts";
import { makeScene, OPERATIONS, type Scene } from "./scenes.ts";
import { dies, storesOf } from "./tearing.ts";

vi.mock("../../src/mm/machine.ts", async (original) => {
  const { tearable } = await import("./tearing.ts");
  return tearable(await original());
});

const TEARS = Number(process.env.LIEU_TEARS ?? 8);
const PAGE = 4096;

/** A copy of all of a scene's state, and what brings it back. */
function snapshot({ engine, regions, caches }: Scene): () => void {
  const { h8 } = engine.vm.segment;
  const bytes = h8.slice();
  const kept = engine.devices.map((device, dev) => {
    const held = new Uint8Array(device.keepsBytes && !isPool(engine, dev) ? device.slots * PAGE : 0);
    for (let slot = 0; slot * PAGE < held.length; slot++) device.read(slot, held, slot * PAGE);
    return held;
  });
  const now = engine.clock.now();
  const versions = [...regions, ...caches].map((pages) => pages.version.slice());
  return () => {
    h8.set(bytes);
    engine.devices.forEach((device, dev) => {
      const held = kept[dev] as Uint8Array;
      const nr = held.length / PAGE;
      if (nr > 0)
        device.write(
          0,
          nr,
          held,
          Uint32Array.from({ length: nr }, (_, slot) => slot * PAGE),
        );
    });
    engine.clock.advance(now - engine.clock.now());
    [...regions, ...caches].forEach((pages, i) => void pages.version.set(versions[i] as Int32Array));
  };
}
function isPool(engine: TestEngine, dev: number): boolean {
  return (engine.vm.shape.zpages ?? 0) > 0 && dev === 0;
}

/** All is as it was. */
function verify({ regions, caches }: Scene): void {
  for (const pages of regions) readAll(pages, false);
  for (const pages of caches) readAll(pages, true);
}
function readAll(pages: Pages, mayBeLost: boolean): void {
  for (let page = 0; page < pages.count; page++) {
    if (pages.place(page) === -1) {
      if (!mayBeLost && pages.version[page] !== 0) throw new Error(`page ${page} is lost`);
      continue;
    }
    const r = pages.read(page);
    if (r !== 0) throw new Error(`page ${page}: error ${r}`);
  }
}

/** Stores to die at: all of them, or some, the first and last ones with them. */
function storesToTry(all: number, random: (n: number) => number): number[] {
  if (all <= TEARS) return Array.from({ length: all }, (_, i) => i);
  const some = Array.from({ length: TEARS - 4 }, () => random(all));
  return [...new Set([0, 1, ...some, all - 2, all - 1])];
}

const ALL = [
  ["classic", 16],
  ["mglru", 64],
  ["mglru", 0],
  ["classic", 0],
] as const;
const seed = runSeed();

describe.each(TEARS > 8 ? ALL : ALL.slice(0, 2))("%s lists, a pool of %i compressed pages", (lru, pool) => {
  test.each(Object.entries(OPERATIONS))(`%s, seed ${seed}`, { timeout: 3_600_000 }, (name, operation) => {
    const random = seeded(seed);
    const scene = makeScene(lru, pool);
    const restore = snapshot(scene);
    const all = storesOf(() => operation(scene));
    scene.engine.check();
    restore();
    let deaths = 0;
    for (const at of storesToTry(all, (n) => random.below(n))) {
      try {
        if (dies(at, () => operation(scene))) deaths++;
        // Who makes it whole may die of it, too.
        const { calls } = scene.engine;
        if (random.below(3) === 0) dies(random.below(4000), () => calls.rebuild(0));
        calls.rebuild(0);
        scene.engine.check();
        verify(scene);
        scene.engine.check();
        if (random.below(4) > 0) continue;
        operation(scene);
        scene.engine.check();
        verify(scene);
      } catch (error) {
        throw new Error(`${name}, dead after store ${at} of ${all}: ${(error as Error).message}`, { cause: error });
      } finally {
        restore();
      }
    }
    expect(deaths).toBeGreaterThan(0);
  });
});
