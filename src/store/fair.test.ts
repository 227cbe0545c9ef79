import { beforeEach, expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { PAGE_SIZE } from "../mm/layout.ts";
import { forgetSizes, noteSize, weightOfSize } from "./fair.ts";
import { controlOf } from "./layout.ts";
import { log2Whole, ONE } from "./log2.ts";

let c = 0;
beforeEach(() => {
  const e = bootEngine({ nodes: [{ pages: 1024 }], vpns: 65_536 });
  const data = e.map(800, { file: true });
  const meta = e.map(e.calls.storeMetaPages(400, 800, 400, 0), { locked: true });
  expect(e.calls.storeInit(meta.id, data.id, 400, 0, 400, 0, 0)).toBe(0);
  e.vm.inspect();
  c = controlOf(meta.start);
});

const granules = (bytes: number): number => Math.ceil(bytes / 8);
/** By how many octaves a value of so many bytes counts as smaller than it is. */
const handicap = (bytes: number): number => (log2Whole(granules(bytes)) - weightOfSize(c, granules(bytes))) / ONE;

test("values under a page are judged by their bytes, whatever LRU would have had of them", () => {
  for (let i = 0; i < 1000; i++) noteSize(c, granules(PAGE_SIZE - 8), 1);
  expect([8, 100, 2000, PAGE_SIZE - 8, PAGE_SIZE, 1e6].map(handicap)).toEqual([0, 0, 0, 0, 0, 0]);
});

test("a size that LRU would serve better counts as smaller, and so do all larger ones, up to a bound; and back", () => {
  for (let i = 0; i < 5000; i++) noteSize(c, granules(100_000), 1);
  const curve = Array.from({ length: 120 }, (_, i) => handicap(PAGE_SIZE * 2 ** (i / 8)));
  for (let i = 1; i < curve.length; i++) expect(curve[i]).toBeGreaterThanOrEqual((curve[i - 1] as number) - 1e-4);
  expect(curve[0]).toBe(0);
  expect(handicap(100_000)).toBe(7);
  expect(handicap(2 ** 31 - PAGE_SIZE)).toBe(7);
  for (let i = 0; i < 500; i++) {
    noteSize(c, granules(100_000), -1);
    forgetSizes(c, 0.1);
  }
  expect(handicap(100_000)).toBe(0);
});

test.each([10, 1000, 100_000])("with %d requests in a turnover, a turnover moves it by about as much", (asked) => {
  const turnover = (lead: number): void => {
    for (let i = 0; i < asked; i++) {
      noteSize(c, granules(64 * 1024), i % 4 === 0 ? lead : 0);
      forgetSizes(c, 1 / asked);
    }
  };
  turnover(0);
  turnover(0);
  const before = handicap(64 * 1024);
  turnover(1);
  const moved = handicap(64 * 1024) - before;
  expect(moved).toBeGreaterThan(0.5);
  expect(moved).toBeLessThan(2);
});
