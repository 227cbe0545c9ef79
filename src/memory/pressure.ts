/**
 * Memory given back before the system takes it: looks at the cgroup a few times a second, shrinks nodes while there is too little
 * room or processes wait for memory, and grows them again once that is over.
 *
 * What is to be had is found by asking for it: what the pool of compressed pages does not need, then pages of the lowest tier of ordinary memory,
 * where what is coldest lies (the pool, if there is a device below it), then of the tiers above. A step is as large as what is missing, within a slice of the event loop's time; growing
 * goes in small steps, after a while without pressure, so that it does not swing.
 */
import { Cgroup, type CgroupState } from "../host/cgroup.ts";
import { libc } from "../host/libc.ts";
import { startTimer } from "../runtime/inline.ts";
import { POOL } from "./balloon.ts";

const PAGE = 4096;
const MIB = 2 ** 20;

/** Checked options; see {@link PressureOptions}. */
export interface PressureConfig {
  readonly interval: number;
  /** Bytes; undefined: a twentieth of the limit. */
  readonly reserve: number | undefined;
  readonly cgroup: string | undefined;
}

/** A node that may give memory back. */
export interface Shrinkable {
  readonly nid: number;
  readonly pages: number;
}

/** What shrinks and grows nodes (balloon.ts). */
export interface Inflatable {
  least(nid: number): number;
  held(nid: number): number;
  shrink(nid: number, pages: number): number;
  grow(nid: number, pages: number): void;
  /** Give back what the pool of compressed pages does not need. Returns its pages. */
  trim(): number;
}

/** Waiting for memory a tenth of the time is pressure. */
const STALL_SHARE = 0.1;
/** What a look may take from the nodes at most. */
const MOST_PAGES = (16 * MIB) / PAGE;
/** Looks without pressure before nodes grow. */
const CALM = 8;
/** A node keeps a quarter of its size. */
const KEEP = 4;

/** See the file's head. */
export class PressureWatch {
  readonly #balloons: Inflatable;
  readonly #nodes: readonly Shrinkable[];
  readonly #config: PressureConfig;
  readonly #cgroup: Cgroup;
  readonly #stop: () => void;
  #stalled: number;
  #calm = 0;

  /**
   * `nodes`: of ordinary memory, the slowest first.
   *
   * @throws {@link LieuError} ENOTSUP without koffi or a cgroup of version 2
   */
  constructor(balloons: Inflatable, nodes: readonly Shrinkable[], config: PressureConfig) {
    libc("pressure");
    this.#balloons = balloons;
    this.#nodes = nodes;
    this.#config = config;
    this.#cgroup = new Cgroup(config.cgroup);
    this.#stalled = this.#cgroup.read().stalled;
    this.#stop = startTimer(() => this.look(), config.interval);
  }

  stop(): void {
    this.#stop();
  }

  /** Look once, and do what is to be done. Returns the pages that nodes gave (less than 0: got). */
  look(): number {
    const state = this.#cgroup.read();
    const missing = this.#missing(state);
    if (missing > 0) {
      this.#calm = 0;
      return this.#shrink(Math.min(MOST_PAGES, missing));
    }
    const reserve = this.#reserve(state.limit);
    if (++this.#calm < CALM || state.room < 2 * reserve) return 0;
    // Half of what is over, so that others who grow find room.
    const spare = state.room === Number.POSITIVE_INFINITY ? MOST_PAGES : (state.room - 2 * reserve) / 2 / PAGE;
    return -this.#grow(Math.floor(Math.min(MOST_PAGES / 4, spare)));
  }

  #reserve(limit: number): number {
    return this.#config.reserve ?? (limit === Number.POSITIVE_INFINITY ? 0 : limit / 20);
  }
  /** Pages that should be given back. */
  #missing({ limit, room, stalled }: CgroupState): number {
    const waited = (stalled - this.#stalled) / 1000 / this.#config.interval;
    this.#stalled = stalled;
    const below = Math.ceil((this.#reserve(limit) - room) / PAGE);
    if (below > 0) return below;
    // Somebody waits though there is room by the numbers: the machine has none.
    return waited > STALL_SHARE ? MOST_PAGES / 4 : 0;
  }
  #shrink(pages: number): number {
    let taken = this.#balloons.trim();
    for (const { nid, pages: whole } of this.#nodes) {
      const keep = Math.max(this.#balloons.least(nid), Math.ceil(whole / KEEP));
      const most = whole - keep - this.#balloons.held(nid);
      if (most > 0 && taken < pages) taken += this.#balloons.shrink(nid, Math.min(most, pages - taken));
    }
    return taken;
  }
  #grow(pages: number): number {
    let given = 0;
    for (const { nid } of [...this.#nodes].reverse()) {
      const n = Math.min(this.#balloons.held(nid), pages - given);
      this.#balloons.grow(nid, n);
      given += Math.max(0, n);
    }
    return given;
  }
}

/** What a configuration wants to be watched; undefined if nothing. Closes the engine again if that cannot be. */
export function watchPressure(
  vm: { close(): void },
  balloons: Inflatable,
  { pressure, nodes, zpages, swap }: Watched,
): PressureWatch | undefined {
  if (pressure === undefined) return undefined;
  const ordinary = nodes.map(({ pages, backing }, nid) => ({ nid, pages, kind: backing.kind }));
  const shrinkable: Shrinkable[] = ordinary.filter(({ kind }) => kind === "dram" || kind === "numa").reverse();
  // What is in the pool is colder still, if it has somewhere to go; else nodes can do with less, as the pool takes what they give.
  const pool = { nid: POOL, pages: zpages };
  if (zpages > 0 && swap.length > 1) shrinkable.unshift(pool);
  else if (zpages > 0) shrinkable.push(pool);
  try {
    return new PressureWatch(balloons, shrinkable, pressure);
  } catch (error) {
    vm.close();
    throw error;
  }
}
interface Watched {
  readonly pressure: PressureConfig | undefined;
  readonly nodes: readonly NodeLike[];
  /** Pages of the pool of compressed ones, which is the first of the swap devices. */
  readonly zpages: number;
  readonly swap: readonly unknown[];
}
interface NodeLike {
  readonly pages: number;
  readonly backing: { readonly kind: string };
}
