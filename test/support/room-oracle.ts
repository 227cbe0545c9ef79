/**
 * A naive model of room: watches what leaves memory, at the moment when it does, and holds each page against the free pages and high
 * marks of all nodes and what the test itself said of where the page's owner may be. It knows nothing of the engine's own answer.
 */
import { N_FREE, N_WMARK_HIGH, ownerVma } from "../../src/mm/layout.ts";
import type { TestEngine } from "./engine.ts";

/** A batch: the pages that go together are judged together. */
const BATCH = 32;

export class RoomOracle {
  /** Where the pages of each mapping may be, by number, a bit a node; it is the test's to keep. */
  readonly allowed = new Map<number, number>();
  /** Mappings whose pages a limit may take. */
  readonly limited = new Set<number>();
  /** Nodes that are being emptied by name, or that somebody moves to: their room is no refuge. */
  vacated = 0;
  /** What was lost beside room. */
  readonly violations: string[] = [];
  /** Pages that left memory and were judged. */
  judged = 0;
  readonly #memory: TestEngine;
  /** Pages above high on each node when pages left memory of late in this operation, a batch of them: what leaves together has made no room for each other. */
  readonly #recent: { readonly pages: number; readonly spare: readonly number[] }[] = [];

  /** `memory` has bytes, as devices are told of addresses. */
  constructor(memory: TestEngine) {
    this.#memory = memory;
    for (const device of memory.devices) {
      const write = device.write.bind(device);
      device.write = (slot, nr, bytes, addrs) => {
        memory.vm.inspect();
        for (let i = 0; i < nr; i++) {
          const frame = ((addrs[i] as number) - memory.vm.segment.data) / 4096;
          // Frame 0 is what a device that failed is tried with.
          if (frame > 0 || nr > 1) this.#judge(ownerVma(frame), memory.vm.nodeOfFrame(frame), "swapped");
        }
        this.#note(nr);
        write(slot, nr, bytes, addrs);
      };
    }
  }
  /** An operation begins, which empties no node by name as far as is known. */
  begin(): void {
    this.vacated = 0;
    this.#recent.length = 0;
  }
  /** Watch a cache's mapping, too: what is dropped of it from memory. */
  watchDiscards(v: number): void {
    this.#memory.vm.onDiscard(v, () => {
      this.#judge(v, -1, "dropped");
      this.#note(1);
    });
  }
  /** Pages above high on a node. */
  #spare(t: number): number {
    return this.#memory.node(t, N_FREE) - this.#memory.node(t, N_WMARK_HIGH);
  }
  #note(pages: number): void {
    const spare = Array.from({ length: this.#memory.vm.shape.nodes }, (_, t) => this.#spare(t));
    this.#recent.push({ pages, spare });
    let all = this.#recent.reduce((sum, { pages: n }) => sum + n, 0);
    for (let [first] = this.#recent; first !== undefined && all - first.pages >= BATCH; [first] = this.#recent) {
      all -= first.pages;
      this.#recent.shift();
    }
  }
  #judge(v: number, nid: number, how: string): void {
    const may = this.allowed.get(v);
    if (may === undefined || this.limited.has(v)) return;
    this.judged++;
    for (let t = 0; t < this.#memory.vm.shape.nodes; t++) {
      if ((may & ~this.vacated & (1 << t)) === 0) continue;
      const spare = Math.min(this.#spare(t), ...this.#recent.map((then) => then.spare[t] as number));
      const free = t === nid || nid < 0 ? spare - BATCH : spare;
      if (free > 0)
        this.violations.push(`a page of mapping ${v} on node ${nid} was ${how}, ${spare} pages above high on ${t}`);
    }
  }
}
