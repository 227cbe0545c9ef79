/** Promotions that do not pay become rare, and come back when they do (mm/promotion-pays.ts). */
import { describe, expect, test } from "vitest";
import { openMemorySync, simCrank } from "../../src/index.ts";

const PAGE = 4096;
const FAST = 1024;
const PAGES = 1536;

/** Replays page numbers, 100 a virtual millisecond, on 1.5 times what the fast node holds; gives what the second half of them came to. */
function opened(promotionPays: boolean) {
  const crank = simCrank(64);
  const nodes = {
    fast: { kind: "model" as const, size: FAST * PAGE },
    slow: { kind: "model" as const, size: 2 * FAST * PAGE, tier: 1 },
  };
  const promotion = { scanPeriod: 50, hotThreshold: 100 };
  const memory = openMemorySync({ nodes, promotion, behaviours: { promotionPays }, pretouch: false }, { crank });
  const region = memory.map(PAGES * PAGE);
  for (let page = 0; page < PAGES; page++) region.translate(page * PAGE, "write");
  const play = (n: number, pageAt: (i: number) => number) => {
    let fast = 0;
    let promoted = 0;
    for (let i = 0; i < n; i++) {
      if (i === n >> 1) promoted = memory.vmstat().pgpromote_success;
      const at = pageAt(i) * PAGE;
      if (i >= n >> 1 && region.placeCode(at / PAGE) === 0) fast++;
      region.translate(at, "read");
      if (i % 20 === 0) {
        crank.advance(1);
        memory.vm.turn();
      }
    }
    return { share: (2 * fast) / n, promoted: memory.vmstat().pgpromote_success - promoted };
  };
  const close = () => {
    memory.check();
    memory.close();
  };
  return { play, close };
}
const loop = (i: number) => i % PAGES;
/** A hot set of 700 pages, touched in an order of its own. */
const hot = (from: number) => (i: number) => (from + ((i * 7919) % 700)) % PAGES;

describe("promotions that do not pay", () => {
  test("a loop over more than the fast node holds promotes a third at most, and is served by it more often", () => {
    const without = opened(false);
    const plain = without.play(150_000, loop);
    without.close();
    const withIt = opened(true);
    const held = withIt.play(150_000, loop);
    withIt.close();
    expect(plain.promoted).toBeGreaterThan(10_000);
    expect(held.promoted).toBeLessThan(plain.promoted / 3);
    expect(held.share).toBeGreaterThan(plain.share);
  });

  test("when a hot set that fits follows, it comes up all the same", () => {
    const memory = opened(true);
    memory.play(150_000, loop);
    for (const from of [0, 500, 1000]) expect(memory.play(150_000, hot(from)).share).toBeGreaterThan(0.95);
    memory.close();
  });
});
