/** Marks are read in turn: last uses are known about right of all pages, also where nobody reclaims. */
import { expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { FAULTS_PER_TICK, lastUse, lruClock } from "./last-use.ts";
import { frames, pte } from "./layout.ts";
import { middleUse } from "./middle.ts";
import { allNodes } from "./node.ts";
import { pteIndex } from "./page-table.ts";

test("while somebody asks how old pages are, the last use of each is known to a sixteenth of the time in which all are filled anew", () => {
  const memory = bootEngine({
    lru: "classic",
    bytes: false,
    swap: 8192,
    nodes: [{ pages: 2400 }, { pages: 600, tier: 1 }],
  });
  const used = memory.map(1000).touch();
  const stream = memory.map(8000);
  const lap = Math.ceil(frames() / 16 / FAULTS_PER_TICK) + 1;
  let next = 0;
  const tick = (asks: boolean): void => {
    for (let i = 0; i < FAULTS_PER_TICK; i++) expect(stream.access(next++)).toBe(0);
    memory.vm.inspect();
    if (asks) middleUse(allNodes());
  };
  // There is room yet: no list is scanned.
  tick(true);
  for (let page = 0; page < 1000; page++) expect(used.access(page)).toBe(0);
  const at = lruClock();
  for (let i = 0; i < 2 * lap; i++) tick(true);
  const known = Array.from({ length: 1000 }, (_, page) => lastUse(pteIndex(pte(used.start + page))));
  expect(Math.min(...known)).toBeGreaterThanOrEqual(at);
  expect(Math.max(...known)).toBeLessThanOrEqual(at + lap);
});
