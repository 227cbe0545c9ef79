/**
 * Pages between memory and an open file. Of what a page costs, Node's calls take a third by themselves: for what they check, and a view of each run of
 * pages. So a thread that has moved many makes the system's calls itself from then on, through koffi, if the program has that. What these do not do
 * whole, Node's do again, and tell why not.
 */
import fs from "node:fs";
import { type FileCalls, libcIfThere } from "../host/libc.ts";
import { checkAddress } from "./check.ts";
import { PAGE_SIZE } from "./device.ts";

/** Most pages in one system call: below any system's IOV_MAX, where Node would split the call but not mind a short part. */
const MAX_PAGES = 512;
/** Pages after which koffi is loaded: then Node's calls have taken more than they would have without by about the time that loading takes. */
const LOAD_AFTER = 16_384;

/** Pages that this thread has moved. */
let moved = 0;
let calls: FileCalls | undefined;
let asked = false;
function systemCalls(): FileCalls | undefined {
  if (!asked) {
    asked = true;
    calls = libcIfThere()?.files();
  }
  return calls;
}

/** Moves pages; see the file's head. */
export class FilePages {
  readonly #loadAfter: number;
  #calls: FileCalls | undefined;
  /** The memory of the last call, and where it is. */
  #memory: Uint8Array | undefined;
  #base = 0;

  /** `loadAfter`: pages that the thread moves by Node's calls before it looks for others. */
  constructor(loadAfter: number = LOAD_AFTER) {
    this.#loadAfter = loadAfter;
  }

  /** Read the page at byte `position` of the file to byte `addr` of `memory`, where there must be one. */
  read(fd: number, memory: Uint8Array, addr: number, position: number): void {
    const direct = this.#direct(1);
    if (direct?.read(fd, this.#baseOf(direct, memory) + addr, PAGE_SIZE, position) === PAGE_SIZE) return;
    readFully(fd, memory, addr, position);
  }

  /** Write pages of `memory`, `nr` from `addrs[0]` on, one after the other from byte `position` of the file on. */
  write(fd: number, memory: Uint8Array, addrs: Uint32Array, nr: number, position: number): void {
    for (let i = 0; i < nr; i++) checkAddress(memory, addrs[i]);
    const direct = this.#direct(nr);
    const base = direct === undefined ? 0 : this.#baseOf(direct, memory);
    for (let first = 0; first < nr; first += MAX_PAGES) {
      const n = Math.min(nr - first, MAX_PAGES);
      const at = position + first * PAGE_SIZE;
      if (direct?.writePages(fd, base, addrs, first, n, at) === n * PAGE_SIZE) continue;
      writeFully(fd, runsOf(memory, addrs, first, first + n), at);
    }
  }

  /** Let go of the memory. */
  close(): void {
    this.#memory = undefined;
  }

  #direct(pages: number): FileCalls | undefined {
    if (this.#calls === undefined) {
      moved += pages;
      if (moved > this.#loadAfter) this.#calls = systemCalls();
    }
    return this.#calls;
  }
  #baseOf(calls: FileCalls, memory: Uint8Array): number {
    if (memory !== this.#memory) {
      this.#base = calls.addressOf(memory);
      this.#memory = memory;
    }
    return this.#base;
  }
}

/** The pages at `addrs[first]` to `addrs[end - 1]`; neighbours in memory as one, which the system copies faster. */
function runsOf(memory: Uint8Array, addrs: Uint32Array, first: number, end: number): Uint8Array[] {
  const views: Uint8Array[] = [];
  for (let i = first; i < end; ) {
    const start = addrs[i] as number;
    let bytes = 0;
    do {
      bytes += PAGE_SIZE;
      i++;
    } while (i < end && addrs[i] === start + bytes);
    views.push(memory.subarray(start, start + bytes));
  }
  return views;
}

/** Write all of `views` one after the other from `position` on. A short write is continued, to learn what stopped it. */
export function writeFully(fd: number, views: Uint8Array[], position: number): void {
  let at = position;
  let rest = views;
  while (rest.length > 0) {
    const written = fs.writevSync(fd, rest, at);
    if (written <= 0) throw new Error(`short write, which stopped at byte ${at}`);
    at += written;
    rest = dropBytes(rest, written);
  }
}
function dropBytes(views: Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  let i = 0;
  while (i < views.length && left >= views[i]!.length) left -= views[i++]!.length;
  const rest = views.slice(i);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

function readFully(fd: number, memory: Uint8Array, addr: number, position: number): void {
  for (let done = 0; done < PAGE_SIZE; ) {
    const read = fs.readSync(fd, memory, addr + done, PAGE_SIZE - done, position + done);
    if (read <= 0) throw new Error(`the file ends at byte ${position + done}; was it truncated?`);
    done += read;
  }
}
