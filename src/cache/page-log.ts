/**
 * Where a cache's bytes are: items laid one behind another in a mapping of discardable pages, none of them moved again.
 * An item lies on one page or on several neighbours; a page holds the items that start on it and at most one that reaches
 * into it. When the engine drops a page, every item with a byte on it is lost; when the last item on a page goes, the
 * page is given back.
 *
 * The mapping is larger than what can be held, so the place to write moves on over pages that are free, round and round.
 * Items are numbers; who they belong to is the business of the index above.
 */
import { FAULT_OVERWRITE, FAULT_READ, FAULT_WRITE } from "../mm/mm.ts";
import { PTE_ACCESSED, PTE_DIRTY, PTE_HINT, PTE_PRESENT } from "../mm/page-table.ts";
import type { Mapping } from "../runtime/mapping.ts";

const PAGE = 4096;
const NONE = -1;

/** Called for each part of an item that lies on one page: byte address in the segment, bytes, bytes before it. */
export type Visit = (address: number, length: number, done: number) => void;

/** The pages and items of a cache; see the file's head. */
export class PageLog {
  readonly #mapping: Mapping;
  /** Items with a byte on a page. */
  readonly #live: Int32Array;
  /** First item that starts on a page; the others follow by `#next`. */
  readonly #first: Int32Array;
  /** The item that reaches into a page from the one before. */
  readonly #spans: Int32Array;
  #start = new Float64Array(1024);
  #length = new Uint32Array(1024);
  #next = new Int32Array(1024);
  #free = NONE;
  #used = 0;
  #pages = 0;
  /** Where the next item goes: a byte offset into the mapping. */
  #tail = 0;

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#live = new Int32Array(mapping.pages);
    this.#first = new Int32Array(mapping.pages).fill(NONE);
    this.#spans = new Int32Array(mapping.pages).fill(NONE);
  }

  /** Pages that hold an item. */
  get pages(): number {
    return this.#pages;
  }

  /** Bytes of an item. */
  lengthOf(item: number): number {
    return this.#length[item] as number;
  }

  /** Pages that an item of `length` bytes needs beyond what is begun, at most. */
  static pagesFor(length: number): number {
    return Math.ceil(length / PAGE) + 1;
  }

  /** Find room in the mapping for `length` bytes. Returns an item, with its pages not yet filled, or -1. */
  reserve(length: number): number {
    const at = this.#place(length);
    if (at < 0) return NONE;
    const item = this.#newItem();
    this.#start[item] = at;
    this.#length[item] = length;
    const first = Math.floor(at / PAGE);
    const last = lastPage(at, length);
    for (let page = first; page <= last; page++) {
      if (this.#live[page] === 0) this.#pages++;
      this.#live[page] = (this.#live[page] as number) + 1;
      if (page > first) this.#spans[page] = item;
    }
    this.#next[item] = this.#first[first] as number;
    this.#first[first] = item;
    // Even an empty item takes a byte, so that each has a page that is its own or its neighbours'.
    this.#tail = at + Math.max(1, length);
    return item;
  }

  /**
   * Give an item up. Pages that held nothing else can be given back to the engine: they are appended to `emptied`, for
   * {@link PageLog.giveBack} as soon as the engine may be called.
   */
  release(item: number, emptied: number[]): void {
    const at = this.#start[item] as number;
    const first = Math.floor(at / PAGE);
    const last = lastPage(at, this.#length[item] as number);
    this.#unlink(first, item);
    for (let page = first; page <= last; page++) {
      if (page > first) this.#spans[page] = NONE;
      this.#live[page] = (this.#live[page] as number) - 1;
      if (this.#live[page] !== 0) continue;
      this.#pages--;
      emptied.push(page);
    }
    this.#next[item] = this.#free;
    this.#free = item;
  }

  /** Give emptied pages back, those excepted that hold items again. */
  giveBack(emptied: number[]): void {
    const { vm, id, start } = this.#mapping;
    for (let page = emptied.pop(); page !== undefined; page = emptied.pop()) {
      if (this.#live[page] === 0) vm.calls.zapRange(id, start + page, 1);
    }
  }

  /** The items that are lost when page `page` of the mapping is dropped. */
  itemsOn(page: number): number[] {
    const items: number[] = [];
    if (this.#spans[page] !== NONE) items.push(this.#spans[page] as number);
    for (let item = this.#first[page] as number; item !== NONE; item = this.#next[item] as number) items.push(item);
    return items;
  }

  /**
   * Visit an item's bytes page by page, marking each page accessed. Returns 0, or the negative errno of the first page
   * that could not be had. With `fill`, pages are made for it to be written.
   */
  visit(item: number, fill: boolean, visit: Visit): number {
    const { entries, vm } = this.#mapping;
    let at = this.#start[item] as number;
    let left = this.#length[item] as number;
    let done = 0;
    while (left > 0) {
      const page = Math.floor(at / PAGE);
      const within = at & (PAGE - 1);
      const n = Math.min(PAGE - within, left);
      const p = entries[page] as number;
      if ((p & (PTE_PRESENT | PTE_HINT)) === PTE_PRESENT) {
        const marks = fill ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
        if ((p & marks) !== marks) entries[page] = p | marks;
      } else {
        const r = this.#mapping.fault(page, !fill ? FAULT_READ : within === 0 ? FAULT_OVERWRITE : FAULT_WRITE);
        if (r < 0) return r;
      }
      visit(vm.segment.data + ((entries[page] as number) >>> 6) * PAGE + within, n, done);
      at += n;
      done += n;
      left -= n;
    }
    return 0;
  }

  /** The lowest place that any of an item's pages is in (Vm.placeCode): nodes by number, then swap, then nowhere. */
  placeCode(item: number): number {
    const at = this.#start[item] as number;
    const last = lastPage(at, this.#length[item] as number);
    let worst = 0;
    for (let page = Math.floor(at / PAGE); page <= last; page++) {
      const code = this.#mapping.vm.placeCode(this.#mapping.start + page);
      if (code === -1) return -1;
      if (worst >= 0 ? code < 0 || code > worst : code < worst) worst = code;
    }
    return worst;
  }

  /** A byte offset with `length` bytes of room: behind the tail if that fits, else on the next free pages. */
  #place(length: number): number {
    const { pages } = this.#mapping;
    // An item of no bytes needs a place too: one that it can be dropped with.
    const need = Math.max(1, Math.ceil(length / PAGE));
    const tailPage = Math.floor(this.#tail / PAGE);
    const within = this.#tail & (PAGE - 1);
    if (within > 0 && (this.#live[tailPage] as number) > 0) {
      const extra = lastPage(this.#tail, length) - tailPage;
      if (extra === 0 || (tailPage + extra < pages && this.#freeRun(tailPage + 1, extra) === extra)) return this.#tail;
    }
    let page = within > 0 ? tailPage + 1 : tailPage;
    for (let tried = 0; tried <= pages; ) {
      if (page + need > pages) {
        tried += pages - page + 1;
        page = 0;
        continue;
      }
      const run = this.#freeRun(page, need);
      if (run === need) return page * PAGE;
      page += run + 1;
      tried += run + 1;
    }
    return -1;
  }
  /** The pages that could hold `length` bytes at the least loss, [from, to): those with the fewest items on them. */
  cheapestRun(length: number): { from: number; to: number } {
    const need = Math.max(1, Math.ceil(length / PAGE));
    let live = 0;
    let best = Number.POSITIVE_INFINITY;
    let from = 0;
    for (let page = 0; page < this.#mapping.pages; page++) {
      live += this.#live[page] as number;
      if (page >= need) live -= this.#live[page - need] as number;
      if (page < need - 1 || live >= best) continue;
      best = live;
      from = page - need + 1;
    }
    return { from, to: from + need };
  }
  /** Pages from `page` on that hold nothing, up to `need`. */
  #freeRun(page: number, need: number): number {
    let run = 0;
    while (run < need && this.#live[page + run] === 0) run++;
    return run;
  }
  #newItem(): number {
    if (this.#free !== NONE) {
      const item = this.#free;
      this.#free = this.#next[item] as number;
      return item;
    }
    if (this.#used === this.#start.length) this.#grow();
    return this.#used++;
  }
  #grow(): void {
    const grown = <A extends Float64Array | Uint32Array | Int32Array>(made: A, old: A): A => {
      made.set(old);
      return made;
    };
    const n = this.#start.length * 2;
    this.#start = grown(new Float64Array(n), this.#start);
    this.#length = grown(new Uint32Array(n), this.#length);
    this.#next = grown(new Int32Array(n), this.#next);
  }
  #unlink(page: number, item: number): void {
    if (this.#first[page] === item) {
      this.#first[page] = this.#next[item] as number;
      return;
    }
    let at = this.#first[page] as number;
    while (this.#next[at] !== item) at = this.#next[at] as number;
    this.#next[at] = this.#next[item] as number;
  }
}

function lastPage(start: number, length: number): number {
  return Math.floor((start + Math.max(length, 1) - 1) / PAGE);
}
