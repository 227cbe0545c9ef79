/** Runs random operations on a world, and says how to see a failure again. */
import type { MemoryOptions } from "../../src/index.ts";
import * as caches from "./cache-ops.ts";
import type { Config } from "./configs.ts";
import * as memory from "./memory-ops.ts";
import * as regions from "./region-ops.ts";
import { type Source, seeded } from "./source.ts";
import { World } from "./world.ts";

type Op = (w: World) => void;

/** Every operation and how often it is done. */
const WEIGHTS: readonly (readonly [Op, number])[] = [
  [regions.read, 160],
  [regions.write, 160],
  [regions.fill, 10],
  [regions.number, 100],
  [regions.array, 50],
  [regions.map, 12],
  [regions.unmap, 8],
  [regions.pin, 30],
  [regions.writePin, 20],
  [regions.unpin, 30],
  [regions.advise, 25],
  [regions.setPolicy, 8],
  [regions.place, 20],
  [regions.verify, 1],
  [caches.get, 130],
  [caches.set, 110],
  [caches.has, 20],
  [caches.peek, 20],
  [caches.remove, 20],
  [caches.clear, 1],
  [caches.open, 6],
  [caches.close, 2],
  [memory.group, 4],
  [memory.setGroup, 8],
  [memory.removeGroup, 3],
  [memory.reclaim, 8],
  [memory.tick, 25],
  [memory.faults, 3],
  [memory.stale, 5],
];
const OPS: readonly Op[] = WEIGHTS.flatMap(([op, weight]) => Array<Op>(weight).fill(op));

/** One random operation. */
export function step(w: World): void {
  (OPS[w.source.below(OPS.length)] as Op)(w);
}

/** What a run came to. */
export interface Run {
  readonly ops: number;
  readonly digest: number;
}

/** How a run differs from the plain one. */
export interface Ways {
  readonly change?: Partial<MemoryOptions>;
  /** Operations from lists of numbers rather than from the seed. */
  readonly lists?: readonly (readonly number[])[];
  /** Called after each operation. */
  readonly after?: (w: World, op: number) => void;
}

/**
 * Do `ops` random operations, with the invariant walk now and then and at the end, and give everything back.
 *
 * @throws Error that names seed, configuration, operation and the last operations
 */
export function drive(config: Config, seed: number, ops: number, ways: Ways = {}): Run {
  const w = new World(config, seed, seeded(seed), ways.change);
  const walks = seeded(seed ^ 0x9e3779b9);
  let op = 0;
  let untilWalk = 50;
  try {
    for (; op < ops; op++) {
      step(w);
      ways.after?.(w, op);
      if (--untilWalk > 0) continue;
      untilWalk = 50 + walks.below(150);
      w.check();
    }
    w.check();
    w.say("finish");
    w.finish();
    return { ops, digest: w.digest };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const again = `LIEU_SEED=${seed} LIEU_OPS=${Math.ceil(ops / (config.share ?? 1))}`;
    const what = `${config.name}: ${message}\n  at operation ${op}; again with ${again}; the last ones were`;
    throw new Error(`${what}\n    ${w.lastSaid.join("\n    ")}`, { cause: error });
  } finally {
    w.cleanUp();
  }
}

/** Do the operations that `lists` stand for, one each: what fast-check shrinks. */
export function replay(
  config: Config,
  lists: readonly (readonly number[])[],
  listed: (l: readonly number[]) => Source,
): void {
  const w = new World(config, 1, listed([]));
  try {
    for (const list of lists) {
      w.source = listed(list);
      step(w);
      w.check();
    }
    w.finish();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${config.name}: ${message}\n    ${w.lastSaid.join("\n    ")}`, { cause: error });
  } finally {
    w.cleanUp();
  }
}
