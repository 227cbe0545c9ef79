/**
 * Engines in the middle of their lives, and operations on them that somebody may die in (tear.test.ts). What regions hold must be what it
 * was, at whatever store he did.
 */

import * as layout from "../../src/mm/layout.ts";
import { MPOL_BIND, MPOL_DEFAULT } from "../../src/mm/mempolicy.ts";
import { WRITE_DONE, WRITE_STALE } from "../../src/mm/written.ts";
import { bootEngine, type EngineSpec, type LruDesign, type Pages, type TestEngine } from "../support/engine.ts";

export interface Scene {
  readonly engine: TestEngine;
  /** Lossless: all of it is as it was. */
  readonly regions: readonly Pages[];
  /** May be lost, but not wrong. */
  readonly caches: readonly Pages[];
  readonly big: Pages;
  readonly small: Pages;
  readonly cache: Pages;
  readonly group: number;
}

const MARKS = [2, 4, 6, 8] as const;
const FAST = 1;
const SLOW = 2;
const BOTH = FAST | SLOW;

/** Two nodes that are about full, a swap device, and a pool of so many compressed pages: one of 64 has a dictionary. */
export function makeScene(lru: LruDesign, pool: number): Scene {
  const spec: EngineSpec = {
    engine: "js",
    lru,
    nodes: [
      { pages: 96, watermarks: MARKS },
      { pages: 128, tier: 1, watermarks: MARKS },
    ],
    swap: 192,
    pins: 64,
    vpns: 4096,
    ...(pool > 0 ? { zpages: pool } : {}),
  };
  const engine = bootEngine(spec);
  const group = engine.group(BOTH);
  // Compressible, and every eighth page of one word.
  const words = (page: number, version: number, i: number): number =>
    page % 8 === 0
      ? page * 7 + version
      : i % 4 === 0
        ? Math.imul(page * 1024 + i, 0x9e3779b1) ^ version
        : page + version;
  const big = engine.map(128, { order: 4, words });
  const small = engine.map(96, { memcg: group, words });
  const cache = engine.map(48, { file: true, words });
  const locked = engine.map(4, { locked: true, words });
  locked.fill();
  big.fill(0, 64);
  cache.fill(0, 32);
  small.fill();
  engine.calls.hintScan();
  engine.settle();
  big.pageout(60, 62);
  // Thread 1 holds some, one of them twice; another holds that, too.
  for (const page of [3, 4, 4, 9]) {
    small.read(page);
    engine.calls.pinPageFor(small.start + page, 1);
  }
  engine.calls.pinPageFor(small.start + 4, 2);
  engine.check();
  return { engine, regions: [big, small, locked], caches: [cache], big, small, cache, group };
}

/** What somebody is at when he dies. An error that the engine returns is as good as a success. */
export const OPERATIONS: Readonly<Record<string, (scene: Scene) => void>> = {
  "a first touch": ({ big }) => void big.access(100, 0),
  "first touches": ({ big }) => {
    for (let page = 64; page < 128; page++) big.access(page, 0);
  },
  "a touch of what is in swap": ({ small, big }) => {
    for (const pages of [small, big]) {
      const swapped = Array.from({ length: pages.count }, (_, i) => i).filter((page) => pages.place(page) < -1);
      for (const page of swapped.slice(0, 4)) pages.access(page, 1);
    }
  },
  "pages of caches": ({ cache }) => {
    for (let page = 32; page < 48; page++) cache.write(page);
  },
  demotion: ({ engine }) => void engine.reclaim(24, FAST, 1),
  "reclaim of any kind": ({ engine }) => void engine.reclaim(40, BOTH),
  "swapping out": ({ engine }) => void engine.reclaim(40, BOTH, 2),
  "a limit": ({ engine, group }) => {
    engine.calls.setLimit(group, layout.C_MAX, 40);
    engine.calls.enforceLimits(group);
  },
  kswapd: ({ engine }) => {
    for (const nid of [1, 0]) {
      engine.calls.wakeKswapd(nid, 0);
      engine.calls.kswapdStep(nid);
    }
  },
  "a pageout of a part of a large folio": ({ big }) => void big.pageout(3, 9),
  "cold pages": ({ big, small }) => {
    big.chill(0, 40);
    small.chill(10, 20);
  },
  promotion: ({ engine, big, small }) => {
    engine.clock.advance(5000);
    engine.calls.hintScan();
    for (let round = 0; round < 3; round++) {
      for (let page = 0; page < 48; page++)
        if (small.place(page) === 1) engine.vm.fault(small.id, small.start + page, 0, 0);
      for (let page = 0; page < 48; page++) if (big.place(page) === 1) engine.vm.fault(big.id, big.start + page, 0, 0);
    }
  },
  "a new mapping": ({ engine }) => {
    const id = engine.calls.createVma(40, 4, 0, 0, 0, 0);
    engine.calls.setPolicy(id, MPOL_BIND, SLOW);
  },
  "a mapping that is given back": ({ cache }) => void cache.unmap(),
  "a new group": ({ engine, group }) => {
    const made = engine.group(FAST, group);
    engine.calls.destroyMemcg(made);
  },
  "a policy": ({ engine, big }) => void engine.calls.changePolicy(big.id, MPOL_BIND, SLOW),
  "a policy, and the other way": ({ engine, small }) => {
    for (const frame of [1, 2]) engine.calls.unpinAllFor(frame);
    engine.calls.changePolicy(small.id, MPOL_BIND, FAST);
    engine.calls.changePolicy(small.id, MPOL_BIND, SLOW);
    engine.calls.changePolicy(small.id, MPOL_DEFAULT, 0);
  },
  "a group's nodes": ({ engine, group }) => {
    for (const frame of [1, 2]) engine.calls.unpinAllFor(frame);
    engine.calls.changeMems(group, FAST);
    engine.calls.changeMems(group, SLOW);
  },
  pins: ({ engine, small }) => {
    const frames: number[] = [];
    for (const page of [3, 4, 5]) {
      small.read(page);
      for (const who of [2, 3]) frames.push(engine.calls.pinPageFor(small.start + page, who));
    }
    frames.forEach((frame, i) => {
      if (i !== 1) engine.calls.unpinFrameFor(frame, 2 + (i % 2));
    });
    for (const who of [3, 1]) engine.calls.unpinAllFor(who);
  },
  "compaction of the pool": ({ engine, small }) => {
    small.pageout(20, 90);
    for (let page = 21; page < 90; page += 3) small.access(page, 0);
    engine.calls.zsCompact(4);
  },
  "a pool that shrinks and grows": ({ engine, small }) => {
    small.pageout(20, 60);
    if ((engine.vm.shape.zpages ?? 0) === 0) return;
    engine.calls.zswapHold(3);
    small.pageout(60, 90);
    engine.calls.zswapRelease(2);
  },
  "writes that are made later": ({ engine, small }) => {
    engine.vm.segment.h32[layout.H_WRITES_LATER >>> 2] = 1;
    small.pageout(40, 90);
    engine.vm.segment.h32[layout.H_WRITES_LATER >>> 2] = 0;
    for (let i = engine.calls.nrWriteback() - 1; i >= 0; i--) {
      // As the thread that writes does it: a copy, to the device, whole.
      engine.calls.lookAtWriteback(i);
      engine.vm.inspect();
      const { h32, h8 } = engine.vm.segment;
      const at = (h32[layout.scratch() >>> 2] as number) >>> 0;
      const [dev, slot] = [1, 2].map((k) => h32[(layout.scratch() >>> 2) + k] as number) as [number, number];
      if (at !== 0) engine.devices[dev]?.write(slot, 1, h8, Uint32Array.of(at));
      engine.calls.endWriteback(at !== 0 && i % 3 !== 0 ? WRITE_DONE : WRITE_STALE);
    }
  },
};
