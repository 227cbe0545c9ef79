/** Whether what leaves memory is of the older half of all that stays (rule 14). */
import { expect } from "vitest";
import { N_START, node, vpnOf } from "../../src/mm/layout.ts";
import type { LruDesign, Pages } from "./engine.ts";

/** A batch: the pages that go together are judged together. Generations are coarser than a list. */
const BATCH = { classic: 32, mglru: 128 } as const;

/** Watches what leaves memory, at the moment when it does, and holds it against the last uses of all that stays, whatever node it is on. */
export class Losses {
  readonly used: Float64Array;
  lost = 0;
  /** Younger than half of what stays, and than a batch more. */
  young = 0;
  watched = false;
  #now = 0;
  #writes = 0;
  readonly #pages: Pages;
  readonly #batch: number;
  constructor(pages: Pages, lru: LruDesign) {
    this.#pages = pages;
    this.#batch = BATCH[lru];
    this.used = new Float64Array(pages.count);
    const { vm, devices } = pages.engine;
    for (const device of devices) {
      const write = device.write.bind(device);
      device.write = (slot, nr, bytes, addrs) => {
        vm.inspect();
        const frames = Array.from({ length: nr }, (_, i) => ((addrs[i] as number) - vm.segment.data) / 4096);
        // Frame 0 is what a device that failed is tried with.
        // One write of four tells enough, and is slow enough to judge.
        if (this.watched && (this.#writes++ & 3) === 0) this.#judge(frames.filter((frame) => frame > node(0, N_START)));
        write(slot, nr, bytes, addrs);
      };
    }
  }
  use(page: number): void {
    expect(this.#pages.access(page, 1)).toBe(0);
    this.used[page] = ++this.#now;
  }
  #judge(frames: readonly number[]): void {
    const going = new Set(frames.map((frame) => vpnOf(frame) - this.#pages.start));
    const stays: number[] = [];
    for (let page = 0; page < this.#pages.count; page++)
      if (!going.has(page) && this.#pages.place(page) >= 0) stays.push(this.used[page] as number);
    stays.sort((a, b) => a - b);
    const limit = stays[(stays.length >> 1) + this.#batch] ?? Number.POSITIVE_INFINITY;
    for (const page of going) if ((this.used[page] as number) > limit) this.young++;
    this.lost += frames.length;
  }
}
