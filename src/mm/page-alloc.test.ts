/** The buddy allocator against a model that knows no blocks: just which frames are taken. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { folioHead, folioNid, folioOrder, PG_BUDDY } from "./folio.ts";
import { flags, freeHead, N_FREE, N_START, next, node, setRefs } from "./layout.ts";
import { freeBlock, takeBlock, watermarkOk, wishFor } from "./page-alloc.ts";

/** Heads of the free blocks of a node, `order:frame`, sorted. */
function freeBlocks(nid: number): string[] {
  const blocks: string[] = [];
  for (let order = 0; order <= 9; order++) {
    const head = freeHead(nid, order);
    for (let f = next(head); f !== head; f = next(f)) blocks.push(`${order}:${f}`);
  }
  return blocks.sort();
}
/** What those must be if every block is as large as the taken frames and alignment allow. */
function maximalBlocks(start: number, taken: readonly boolean[]): string[] {
  const blocks: string[] = [];
  for (let f = start; f < start + taken.length; ) {
    if (taken[f - start]) {
      f++;
      continue;
    }
    let order = 9;
    const fits = (o: number): boolean =>
      f % 2 ** o === 0 &&
      f + 2 ** o <= start + taken.length &&
      !taken.slice(f - start, f - start + 2 ** o).includes(true);
    while (!fits(order)) order--;
    blocks.push(`${order}:${f}`);
    f += 2 ** order;
  }
  return blocks.sort();
}

const step = fc.oneof(
  fc.record({ take: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ free: fc.nat(1000) }),
  fc.record({ take: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ wish: fc.integer({ min: -50, max: 1700 }), nr: fc.integer({ min: 1, max: 40 }) }),
);

describe("the buddy allocator", () => {
  test("gives aligned blocks that overlap nothing, fails only when there is none, and merges back to the largest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 1500 }), fc.array(step, { maxLength: 120 }), (pages, steps) => {
        // A node before it, so that frames do not start at 0 and a buddy may lie outside.
        using memory = bootEngine({ bytes: false, nodes: [{ pages: 100 }, { pages, tier: 1 }] });
        memory.vm.inspect();
        const start = node(1, N_START);
        const taken: boolean[] = Array(pages).fill(false);
        const held: number[] = [];
        const give = (f: number): void => {
          taken.fill(false, f - start, f - start + 2 ** folioOrder(f));
          setRefs(f, 0);
          freeBlock(f);
        };
        expect(freeBlocks(1)).toEqual(maximalBlocks(start, taken));
        for (const s of steps) {
          if ("wish" in s) {
            const wish = start + s.wish;
            const largest = Math.max(-1, ...maximalBlocks(start, taken).map((b) => Number(b.split(":")[0])));
            wishFor(wish, s.nr);
            const f = takeBlock(1, 0);
            if (largest < 0) {
              expect(f).toBe(-1);
              continue;
            }
            if (taken[wish - start] === false) expect(f).toBe(wish);
            // Else as many follow as there is room for, up to eight.
            const run = Math.min(s.nr, 8, 2 ** largest);
            if (taken[wish - start] !== false) expect(taken.slice(f - start, f - start + run)).not.toContain(true);
            expect(taken[f - start]).toBe(false);
            taken[f - start] = true;
            held.push(f);
          } else if ("take" in s) {
            const f = takeBlock(1, s.take);
            const nr = 2 ** s.take;
            if (f < 0) {
              const largest = Math.max(-1, ...maximalBlocks(start, taken).map((b) => Number(b.split(":")[0])));
              expect(largest).toBeLessThan(s.take);
              continue;
            }
            expect([f % nr, f >= start && f + nr <= start + pages]).toEqual([0, true]);
            expect(taken.slice(f - start, f - start + nr)).not.toContain(true);
            taken.fill(true, f - start, f - start + nr);
            held.push(f);
            for (let i = 0; i < nr; i++) expect([folioHead(f + i), folioNid(f + i)]).toEqual([f, 1]);
          } else if (held.length > 0) give(held.splice(s.free % held.length, 1)[0] as number);
          expect(node(1, N_FREE)).toBe(taken.filter((t) => !t).length);
          expect(freeBlocks(1)).toEqual(maximalBlocks(start, taken));
        }
        for (const f of held) give(f);
        expect(freeBlocks(1)).toEqual(maximalBlocks(start, taken));
        expect(node(0, N_FREE)).toBe(100);
      }),
      { numRuns: 40 },
    );
  });

  test("a fresh node is handed out from its start", () => {
    const memory = bootEngine({ bytes: false, nodes: [{ pages: 2048 }] });
    memory.vm.inspect();
    const taken = [takeBlock(0, 0), takeBlock(0, 0), takeBlock(0, 3), takeBlock(0, 9)];
    expect(taken).toEqual([0, 1, 8, 512]);
    for (const f of taken) {
      setRefs(f, 0);
      freeBlock(f);
    }
    expect(flags(0) & PG_BUDDY).toBe(PG_BUDDY);
  });

  test("the watermark holds after the block is taken, and a large block must exist", () => {
    const memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }] });
    memory.vm.inspect();
    expect([watermarkOk(0, 0, 63), watermarkOk(0, 0, 64)]).toEqual([true, false]);
    expect([watermarkOk(0, 5, 32), watermarkOk(0, 5, 33)]).toEqual([true, false]);
    expect(watermarkOk(0, 7, -200), "64 pages hold no block of 128").toBe(false);
    const odd = Array.from({ length: 64 }, () => takeBlock(0, 0)).filter((f) => {
      const free = f % 2 === 0;
      if (free) {
        setRefs(f, 0);
        freeBlock(f);
      }
      return !free;
    });
    expect([watermarkOk(0, 0, 10), watermarkOk(0, 1, 10)], "32 free pages, no two together").toEqual([true, false]);
    for (const f of odd) {
      setRefs(f, 0);
      freeBlock(f);
    }
  });

  test("freeing what is not a folio is a bug that is reported", () => {
    const memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }] });
    memory.vm.inspect();
    expect(() => freeBlock(3)).toThrow("broken invariant");
  });
});
