/** Ranks that are learned class by class, because somebody waits: whoever comes between, they are those that one go gives. */
import { expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { H_WRITES_LATER, storeKeyAddr, wantedAddr } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { cell, NR_AGES, NR_CLASSES, RANKS } from "./history.ts";
import { controlOf, ST_NOW, ST_REBUILT, ST_RNG } from "./layout.ts";
import { MAX_INTERVAL, rebuildIfDue } from "./rank.ts";

const PAGES = 400;

/** A store in which items of several classes wait, some were hit and some dropped. */
function used() {
  const e = bootEngine({ nodes: [{ pages: 1024 }], swap: 256, vpns: 65_536 });
  const data = e.map(2 * PAGES, { file: true });
  const meta = e.map(e.calls.storeMetaPages(PAGES, 2 * PAGES, PAGES, 2), { locked: true });
  expect(e.calls.storeInit(meta.id, data.id, PAGES, 0, PAGES, 2, 0)).toBe(0);
  const { h32 } = e.vm.segment;
  const word = storeKeyAddr() >>> 2;
  for (let i = 0; i < 20_000; i++) {
    h32[word] = ((i * 7919) % 6000) >> (i & 3);
    if (e.calls.storeGet(meta.start, 4, 0, 0) === 0) e.calls.storeSet(meta.start, 4, 400, 0, 0, 0);
  }
  e.vm.inspect();
  const c = controlOf(meta.start);
  return {
    c,
    /** As the thread that reclaims, with somebody waiting; or as anybody. */
    somebodyWaits(yes: boolean) {
      h32[H_WRITES_LATER >>> 2] = yes ? 1 : 0;
      h32[wantedAddr() >>> 2] = yes ? 1 : 0;
    },
    due() {
      st(c + ST_NOW, (ld(c + ST_NOW) + MAX_INTERVAL) | 0);
    },
    ranks(k: number) {
      return Array.from({ length: NR_AGES }, (_, b) => ld(cell(c, RANKS, k, b)));
    },
    all() {
      return Array.from({ length: NR_CLASSES }, (_, k) => this.ranks(k));
    },
  };
}

test("class by class they are those of one go, and a class not yet ranked is worth what it was", () => {
  const store = used();
  store.due();
  const [rng, before] = [ld(store.c + ST_RNG), store.all()];
  const rebuilt = ld(store.c + ST_REBUILT);
  store.somebodyWaits(true);
  for (let k = 0; k < NR_CLASSES; k++) {
    expect(rebuildIfDue(store.c)).toBe(k === NR_CLASSES - 1);
    for (let later = k + 1; later < NR_CLASSES; later++) expect(store.ranks(later)).toEqual(before[later]);
  }
  const inParts = store.all();
  expect(inParts).not.toEqual(before);
  // The same again of the same sample, in one go.
  store.somebodyWaits(false);
  st(store.c + ST_RNG, rng);
  st(store.c + ST_REBUILT, rebuilt);
  expect(rebuildIfDue(store.c)).toBe(true);
  expect(store.all()).toEqual(inParts);
});

test("where another has learned anew between two parts, there is nothing to go on with", () => {
  const store = used();
  store.due();
  store.somebodyWaits(true);
  expect(rebuildIfDue(store.c)).toBe(false);
  store.somebodyWaits(false);
  store.due();
  expect(rebuildIfDue(store.c)).toBe(true);
  const ranks = store.all();
  // Hits per request of waiting are no more than one, and no less than the prior leaves.
  for (const rank of ranks.flat()) expect(rank < 0 && rank > -40 * 65_536).toBe(true);
  store.somebodyWaits(true);
  for (let i = 0; i < NR_CLASSES; i++) expect(rebuildIfDue(store.c)).toBe(false);
  expect(store.all()).toEqual(ranks);
});
