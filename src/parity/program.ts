/**
 * The program of a scenario: it touches its pages in the order of the trace, while kswapd runs beside it and its own page
 * tables take up room.
 *
 * kswapd's speed is given in steps an access; a step is one page looked at. kswapd works in passes (mm/kswapd.ts), whose
 * length varies by three orders of magnitude with the priority; a pass is paid for afterwards, by as many accesses as it
 * took steps. So hot pages are touched again between two looks at them, as they are on a machine.
 *
 * A page table covers 512 pages and is memory of the kernel's own, which must come from node 0 (unless node 1 is ordinary
 * memory): so the allocator, when node 0 is low, cannot fall back and wakes kswapd instead. Without these few wake-ups, a
 * program that fills node 0 and goes on to node 1 would never see reclaim at all.
 */
import { isLieuError } from "../errors.ts";
import type { Memory } from "../memory/memory.ts";
import { H_KSWAPD, H_WALKED, statGlobal } from "../mm/layout.ts";
import { PGREFILL, PGSCAN_KSWAPD } from "../mm/vmstat.ts";
import type { Region } from "../region/region.ts";
import type { Vm } from "../runtime/vm.ts";
import type { ScenarioAccesses } from "./accesses.ts";

const PAGE = 4096;
/** Page-table entries in a cache line. */
const PTES_PER_LINE = 8;
/** Pages that one page of page tables covers. */
export const PAGES_PER_TABLE = 512;
/** Accesses between two looks at the clock that no fault asked for. */
const TICK = 256;

/** Node 0, node 1, swap, nowhere. */
export type Places = [number, number, number, number];

/** A look at a run under way. */
export interface Sample {
  /** Accesses of the trace done. */
  readonly access: number;
  readonly memory: Memory;
  readonly region: Region;
  /** Accesses of the trace so far by where their page was: node 0, node 1, swap, nowhere yet. */
  readonly served: Readonly<Places>;
}

/** How a program runs. */
export interface ProgramOptions {
  /** Pages that kswapd looks at for each access. */
  readonly steps: number;
  readonly msPerAccess: number;
  /** Bytes of a page that it reads or writes at a time; all of them if absent. */
  readonly accessBytes?: number | undefined;
  readonly onSample?: ((sample: Sample) => void) | undefined;
  readonly sampleEvery?: number | undefined;
}

/** A clock that the program moves on; kswapd's turns are the program's to give. */
export class ProgramClock {
  time = 0;
  readonly stepsPerTurn = 0;
  now(): number {
    return this.time;
  }
}

/** See the file's head. */
export class Program {
  readonly #memory: Memory;
  readonly #vm: Vm;
  readonly #region: Region;
  readonly #tables: Region;
  readonly #tabled: Uint8Array;
  readonly #clock: ProgramClock;
  readonly #options: ProgramOptions;
  /** Steps that kswapd may take; below 0 it has some to pay for. */
  #credit = 0;
  #accesses = 0;
  readonly #served: Places = [0, 0, 0, 0];
  readonly #half: Places = [0, 0, 0, 0];

  constructor(memory: Memory, region: Region, tables: Region, clock: ProgramClock, options: ProgramOptions) {
    this.#memory = memory;
    this.#vm = memory.vm;
    this.#region = region;
    this.#tables = tables;
    this.#tabled = new Uint8Array(Math.ceil(region.size / PAGE / PAGES_PER_TABLE));
    this.#clock = clock;
    this.#options = options;
  }

  /** Touch all pages. Returns whether memory ran out, where a kernel would kill the program. */
  run({ entries, populated }: ScenarioAccesses): boolean {
    try {
      if (populated) {
        const pages = this.#region.size / PAGE;
        for (let page = 0; page < pages; page++) this.#access(page, true);
      }
      this.#replay(entries);
      return false;
    } catch (error) {
      if (isLieuError(error, "ENOMEM")) return true;
      throw error;
    }
  }

  /** Accesses of the second half served by node 0, node 1 and swap, percent; a first touch counts where it landed. */
  share(): [number, number, number] {
    const total = this.#half.reduce((sum, n) => sum + n, 0);
    const percent = (n: number): number => (total === 0 ? 0 : (100 * n) / total);
    return [percent(this.#half[0]), percent(this.#half[1]), percent(this.#half[2])];
  }

  /** kswapd goes on until it sleeps; the bound is for a node that can never be balanced. */
  settle(): void {
    for (let i = 0; i < 10_000 && this.#awake() !== 0; i++) this.#kswapdPass();
  }

  #replay(entries: Uint32Array): void {
    const { onSample, sampleEvery = Math.max(1, Math.floor(entries.length / 100)) } = this.#options;
    const every = onSample === undefined ? entries.length : sampleEvery;
    const half = entries.length >> 1;
    const sample = (access: number): void =>
      onSample?.({ access, memory: this.#memory, region: this.#region, served: [...this.#served] });
    for (let from = 0; from < entries.length; from += every) {
      sample(from);
      const to = Math.min(entries.length, from + every);
      for (let i = from; i < to; i++) {
        const entry = entries[i] as number;
        const page = entry >>> 1;
        const place = this.#access(page, (entry & 1) !== 0);
        this.#served[place] = (this.#served[place] as number) + 1;
        if (i < half) continue;
        const at = place === 3 ? this.#placeOf(page) : place;
        this.#half[at] = (this.#half[at] as number) + 1;
      }
    }
    sample(entries.length);
  }

  /** Touch a page; gives where it was before, as an index into {@link Places}. */
  #access(page: number, write: boolean): number {
    this.#clock.time += this.#options.msPerAccess;
    this.#runKswapd();
    if (++this.#accesses % TICK === 0) this.#vm.turn();
    const place = this.#placeOf(page);
    if (place === 3) this.#enterTable(page);
    this.#region.translate(page * PAGE, write ? "write" : "read", this.#options.accessBytes ?? PAGE);
    return place;
  }

  #enterTable(page: number): void {
    const table = Math.floor(page / PAGES_PER_TABLE);
    if (this.#tabled[table] === 1) return;
    this.#tabled[table] = 1;
    this.#tables.translate(table * PAGE, "write");
  }

  #placeOf(page: number): number {
    const code = this.#region.placeCode(page);
    return code >= 0 ? code : code === -1 ? 3 : 2;
  }

  /** What kswapd gets done beside one access. */
  #runKswapd(): void {
    // A kswapd that sleeps saves up nothing, but pays off what its last pass took.
    this.#credit = Math.min(this.#credit, 0) + this.#options.steps;
    while (this.#credit > 0 && this.#awake() !== 0) {
      const before = this.#looked();
      this.#kswapdPass();
      this.#credit -= Math.max(1, this.#looked() - before);
    }
  }
  /** One pass of each kswapd that is awake. */
  #kswapdPass(): void {
    const awake = this.#awake();
    for (let nid = 0; nid < this.#vm.shape.nodes; nid++) if ((awake & (1 << nid)) !== 0) this.#vm.calls.kswapdStep(nid);
  }
  #awake(): number {
    return this.#vm.segment.h32[H_KSWAPD >>> 2] as number;
  }
  /** Pages that kswapd has looked at so far; of page-table entries that it walked, a cache line of them counts as one. */
  #looked(): number {
    const { hf } = this.#vm.segment;
    const walked = (hf[H_WALKED >>> 3] as number) / PTES_PER_LINE;
    return walked + (hf[statGlobal(PGSCAN_KSWAPD) >>> 3] as number) + (hf[statGlobal(PGREFILL) >>> 3] as number);
  }
}
