/** A memory with caches under random operations (ops.ts), beside their models; and how a failure is told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CacheKey, type Memory, type MemoryOptions, openMemorySync, type Region } from "../../src/index.ts";
import { FAULTS } from "../property/configs.ts";
import { pick, type Source, seeded } from "../property/source.ts";
import { memoryDevice, StrictDevice } from "../property/strict-device.ts";
import { type Config, cacheShape } from "./configs.ts";
import { keyPool, Pool } from "./data.ts";
import { agree, CacheModel, Clock } from "./model.ts";
import { type Op, opsOf } from "./ops.ts";

const PAGE = 4096;

/** See the file's head. */
export class World {
  readonly config: Config;
  readonly memory: Memory;
  readonly crank: Clock;
  readonly devices: StrictDevice[] = [];
  readonly caches: CacheModel[];
  readonly regions: Region[] = [];
  readonly keys: readonly CacheKey[];
  readonly pool: Pool;
  /** Wall-clock time may be used: runs are not compared. */
  readonly wallClock: boolean;
  source: Source;
  /** Which key of those that are set in turn was the last. */
  turn = 0;
  /** What the results so far come to, to compare two runs. */
  digest = 0;
  readonly #log: string[] = [];
  #says = 0;
  readonly #folder: string | undefined;

  constructor(config: Config, seed: number, source: Source, change: Partial<MemoryOptions> = {}, wallClock = true) {
    this.config = config;
    this.crank = new Clock(pick(seeded(seed ^ 0x51ed270b), [0, 1, 7]));
    this.source = source;
    this.wallClock = wallClock;
    this.pool = new Pool(seed);
    this.keys = keyPool(seed, config.keys);
    this.#folder = config.swap.length === 0 ? undefined : mkdtempSync(join(tmpdir(), "lieu-cache-"));
    const swap = config.swap.map(({ pages }, i) => {
      return { kind: "file" as const, path: join(this.#folder as string, `swap${i}`), size: pages * PAGE };
    });
    let opened = 0;
    this.memory = openMemorySync(
      { pretouch: false, addressSpace: "1GiB", ...config.options, swap, seed, ...change },
      {
        crank: this.crank,
        wrapDevice: (device) => {
          const at = opened++ % config.swap.length;
          if (config.swap[at]?.file !== true) device.close();
          const inner = config.swap[at]?.file === true ? device : memoryDevice(device.slots);
          const strict = new StrictDevice(inner, { ...FAULTS, enabled: false, seed: (seed % 1e6) + at });
          this.devices.push(strict);
          return strict;
        },
      },
    );
    this.caches = Array.from({ length: config.caches ?? 1 }, (_, i) => {
      const shape = cacheShape(config, seed + i);
      const small = shape.pages === 0 && (config.caches ?? 1) > 1 ? { ...shape, pages: 40 } : shape;
      return new CacheModel(this.memory, `c${i}`, small, this.crank, config.roomy === true);
    });
  }

  below(n: number): number {
    return this.source.below(n);
  }
  /** Say what is about to be done. The last of these are shown when something fails. */
  say(what: string): void {
    this.#log[this.#says++ % 24] = what;
  }
  get lastSaid(): string[] {
    const from = Math.max(0, this.#says - 24);
    return Array.from({ length: this.#says - from }, (_, i) => this.#log[(from + i) % 24] as string);
  }
  note(result: number): void {
    this.digest = Math.imul(this.digest ^ result, 0x01000193) | 0;
  }

  /** The walk over everything, and what can be said from outside. */
  check(): void {
    this.memory.check();
    for (const model of this.caches) {
      model.check();
      model.checkPins();
    }
    for (const { violations } of this.devices) agree(violations.length === 0, () => violations.join("; "));
  }
  /** Give everything back and check that nothing is left anywhere. */
  finish(): void {
    for (const model of this.caches) model.during(() => model.walk(), undefined, "still");
    this.check();
    for (const device of this.devices) device.faulty = false;
    for (const region of this.regions.splice(0)) region.unmap();
    for (const model of this.caches) for (const { pin } of model.pins.splice(0)) pin.release();
    this.check();
    for (const { cache } of this.caches.splice(0)) cache.close();
    this.check();
    for (const node of this.memory.nodes()) {
      agree(node.free === node.size, () => `node ${node.name} has ${node.residentPages} pages in use at the end`);
    }
    for (const device of this.devices) agree(device.kept === 0, () => `a device keeps ${device.kept} pages at the end`);
    this.memory[Symbol.dispose]();
  }
  /** Remove what is on disk, however the run ended. */
  cleanUp(): void {
    for (const device of this.devices) device.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** How a run differs from the plain one. */
export interface Ways {
  readonly change?: Partial<MemoryOptions>;
  readonly wallClock?: boolean;
  readonly after?: (w: World, op: number) => void;
  /** Operations from one walk over everything to the next, about. */
  readonly walkEvery?: number;
}

/** Do `ops` random operations. @throws Error that names seed, configuration, operation and the last operations */
export function drive(config: Config, seed: number, ops: number, ways: Ways = {}): { ops: number; digest: number } {
  const w = new World(config, seed, seeded(seed), ways.change, ways.wallClock);
  const walks = seeded(seed ^ 0x9e3779b9);
  const all = opsOf(config);
  const every = ways.walkEvery ?? 200;
  let op = 0;
  let untilWalk = every;
  return telling(
    w,
    () => `at operation ${op}; again with LIEU_SEED=${seed} LIEU_CACHE_OPS=${ops}`,
    () => {
      for (; op < ops; op++) {
        pick<Op>(w.source, all)(w);
        w.crank.pass();
        for (const model of w.caches) model.check();
        ways.after?.(w, op);
        if (--untilWalk > 0) continue;
        untilWalk = 1 + walks.below(2 * every);
        w.check();
      }
      w.say("finish");
      w.finish();
      return { ops, digest: w.digest };
    },
  );
}

/** Do the operations that `lists` stand for, one each: what fast-check shrinks. */
export function replay(
  config: Config,
  seed: number,
  lists: readonly (readonly number[])[],
  listed: (l: readonly number[]) => Source,
): void {
  const w = new World(config, seed, listed([]));
  const all = opsOf(config);
  telling(
    w,
    () => `in a list of ${lists.length}`,
    () => {
      for (const list of lists) {
        w.source = listed(list);
        pick<Op>(w.source, all)(w);
        w.crank.pass();
        w.check();
      }
      w.finish();
    },
  );
}

function telling<T>(w: World, where: () => string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const shapes = w.caches.map((model) => JSON.stringify(model.shape)).join("\n  ");
    const said = w.lastSaid.join("\n    ");
    throw new Error(`${w.config.name}: ${message}\n  ${where()}\n  ${shapes}\n    ${said}`, { cause: error });
  } finally {
    w.cleanUp();
  }
}
