/**
 * The map of pages: where they are and how long they have been idle. A memory may have tens of millions of them and a picture has
 * some thousands of points, so a sample is read: at most 16 pages of each of 160 rows, at the same addresses each time, so that
 * what changes in the picture changed in the memory. One of them, taken by chance once and for all, stands for the row: so colours
 * take the room in the picture that their pages take in the memory. It touches nothing: the page table and the frames' flags are read as they are.
 */

import { folioHead, PG_ACTIVE } from "../mm/folio.ts";
import { knowsLastUse, lastUse, lruClock } from "../mm/last-use.ts";
import { flags, H_NR_VMAS, hdr, pte, V_ACTIVE, V_PAGES, V_START, vma } from "../mm/layout.ts";
import { flagsGen, genIsActive, lruGenEnabled } from "../mm/lru-gen.ts";
import { folioLruvec } from "../mm/lruvec.ts";
import { PTE_ACCESSED, PTE_PRESENT, PTE_SHIFT, PTE_SWAP } from "../mm/page-table.ts";
import type { Vm } from "../runtime/vm.ts";
import { AGE_LEVELS, MAP_ROWS, type PageMap } from "./wire.ts";

const SAMPLES_A_ROW = 16;
/** Ages of pages that are known to be in use, on an active list and on an inactive one where no last use is noted. */
const ACTIVE_LEVEL = 5;
const INACTIVE_LEVEL = 10;
const NOWHERE = 0;
const FIRST_NODE = 1;
const FIRST_DEVICE = 17;
const PLACES = ".ABCDEFGHIJKLMNOPabcdefgh";

/** A map, and the pages of each node by level of age that follow from the same sample. */
export interface SampledPages {
  readonly map: PageMap;
  readonly idle: readonly (readonly number[])[];
}

/** An engine, or a copy of its words, as far as the map needs it. */
export type Mapped = Pick<Vm, "inspect" | "nodeOfFrame" | "deviceOfSlot"> & {
  readonly shape: { readonly nodes: number };
};

/** Reads the map of one memory, again and again. */
export class PageSampler {
  readonly #vm: Mapped;
  readonly #ages: Ages;

  /** @param idleBase see {@link AGE_LEVELS} */
  constructor(vm: Mapped, idleBase: number) {
    this.#vm = vm;
    this.#ages = new Ages(idleBase);
  }

  /** Pages of all mappings. */
  mapped(): number {
    this.#vm.inspect();
    return activeMappings().reduce((n, { pages }) => n + pages, 0);
  }

  /** The map as it is at `now`, in so many rows at most. */
  sample(now: number, most: number = MAP_ROWS): SampledPages {
    const vm = this.#vm;
    vm.inspect();
    const known = knowsLastUse();
    const clock = lruClock();
    this.#ages.passed(clock, now);
    const mappings = activeMappings();
    const pages = mappings.reduce((n, { pages }) => n + pages, 0);
    const rows = Math.min(most, pages);
    const idle = Array.from({ length: known ? vm.shape.nodes : 0 }, () => new Array<number>(AGE_LEVELS).fill(0));
    let place = "";
    let age = "";
    let mapping = 0;
    /** Where the mapping begins in all pages, end to end. */
    let base = 0;
    for (let row = 0; row < rows; row++) {
      const from = Math.floor((row * pages) / rows);
      const to = Math.floor(((row + 1) * pages) / rows);
      const samples = Math.min(SAMPLES_A_ROW, to - from);
      const shown = Math.floor(jitter(MAP_ROWS, row) * samples);
      for (let i = 0; i < samples; i++) {
        const at = from + Math.floor(((i + jitter(row, i)) * (to - from)) / samples);
        while (at >= base + (mappings[mapping] as Range).pages) base += (mappings[mapping++] as Range).pages;
        const vpn = (mappings[mapping] as Range).start + at - base;
        const entry = pte(vpn);
        const where = this.#placeOf(entry);
        const inNode = where >= FIRST_NODE && where < FIRST_DEVICE;
        const level = !inNode ? -1 : known ? this.#levelOf(entry, clock, now) : listLevel(entry);
        if (i === shown) {
          place += PLACES[where];
          age += inNode ? level.toString(AGE_LEVELS) : ".";
        }
        if (!inNode) continue;
        const levels = idle[where - FIRST_NODE];
        if (levels !== undefined) levels[level] = (levels[level] as number) + (to - from) / samples;
      }
    }
    return { map: { pages, place, age }, idle: idle.map((levels) => levels.map(Math.round)) };
  }

  #placeOf(entry: number): number {
    if ((entry & PTE_PRESENT) !== 0) return FIRST_NODE + this.#vm.nodeOfFrame(entry >>> PTE_SHIFT);
    if ((entry & PTE_SWAP) !== 0) return FIRST_DEVICE + this.#vm.deviceOfSlot(entry >>> PTE_SHIFT);
    return NOWHERE;
  }

  #levelOf(entry: number, clock: number, now: number): number {
    if ((entry & PTE_ACCESSED) !== 0) return 0;
    return this.#ages.level(lastUse(folioHead(entry >>> PTE_SHIFT)), clock, now);
  }
}

/** The map of a memory of several shards, one below the other, each with as many of the rows as it has of the pages. */
export function sampleAll(shards: readonly PageSampler[], now: number): SampledPages {
  const mapped = shards.map((shard) => shard.mapped());
  const pages = mapped.reduce((sum, n) => sum + n, 0);
  const all = shards.map((shard, i) =>
    shard.sample(now, Math.floor((MAP_ROWS * (mapped[i] as number)) / Math.max(1, pages))),
  );
  const [{ idle }] = all as [SampledPages];
  return {
    map: { pages, place: all.map(({ map }) => map.place).join(""), age: all.map(({ map }) => map.age).join("") },
    idle: idle.map((levels, nid) => levels.map((_, i) => all.reduce((sum, one) => sum + (one.idle[nid]?.[i] ?? 0), 0))),
  };
}

interface Range {
  readonly start: number;
  readonly pages: number;
}

function activeMappings(): Range[] {
  const found: Range[] = [];
  const n = hdr(H_NR_VMAS);
  for (let id = 0; id < n; id++) {
    if (vma(id, V_ACTIVE) !== 0) found.push({ start: vma(id, V_START), pages: vma(id, V_PAGES) });
  }
  return found;
}

/** A number in [0, 1), the same for the same sample each time. */
function jitter(row: number, i: number): number {
  return ((Math.imul(row * SAMPLES_A_ROW + i + 1, 0x9e3779b1) >>> 0) % 1024) / 1024;
}

/** The level of age that a page's list stands for. */
function listLevel(entry: number): number {
  if ((entry & PTE_ACCESSED) !== 0) return 0;
  const folio = folioHead(entry >>> PTE_SHIFT);
  const word = flags(folio);
  const gen = lruGenEnabled() ? flagsGen(word) : -1;
  const active = gen >= 0 ? genIsActive(folioLruvec(folio), gen) : (word & PG_ACTIVE) !== 0;
  return active ? ACTIVE_LEVEL : INACTIVE_LEVEL;
}

/** Moments at which the engine's clock was read, at most. */
const MOST_MOMENTS = 2048;
/** What is older by the engine's clock than this was told to be of no use (last-use.ts). */
const NEVER = 1 << 29;

/**
 * Turns times of the engine's clock, which counts faults, into how long ago that was at least: of the moments at which the clock was read, the
 * first at which it was past that time.
 */
export class Ages {
  readonly #base: number;
  /** The clock, modulo 2^32, and when it was first found to be there. */
  #moments: { readonly clock: number; readonly at: number }[] = [];

  constructor(base: number) {
    this.#base = base;
  }

  /** The engine's clock is `clock` at `at`. */
  passed(clock: number, at: number): void {
    const last = this.#moments.at(-1);
    if (last?.clock === clock) return;
    this.#moments.push({ clock, at });
    // The recent past as exactly as it can be, what is long ago about.
    if (this.#moments.length > MOST_MOMENTS) {
      this.#moments = this.#moments.filter((_, i) => i % 2 === 0 || i > MOST_MOMENTS / 2);
    }
  }

  /** The level of age at `now` of what was last used at `used`, by a clock that is `clock` now. */
  level(used: number, clock: number, now: number): number {
    const ticks = (clock - used) | 0;
    if (ticks > NEVER || ticks < 0) return AGE_LEVELS - 1;
    const moments = this.#moments;
    let low = 0;
    let high = moments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { clock: then } = moments[middle] as { clock: number };
      if (((clock - then) | 0) < ticks) high = middle;
      else low = middle + 1;
    }
    const idle = low < moments.length ? now - (moments[low] as { at: number }).at : 0;
    return idle <= this.#base ? 0 : Math.min(AGE_LEVELS - 1, Math.ceil(Math.log2(idle / this.#base)));
  }
}
