import fc from "fast-check";
import { expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { H_DEPTH, next, prev, scanHead, setHdr } from "./layout.ts";
import { listAdd, listAddRun, listAddTail, listCut, listDel, listEmpty, listInit, listSpliceTail } from "./list.ts";

/** A list's entries in order, checked both ways. */
function entries(head: number): number[] {
  const out: number[] = [];
  for (let f = next(head); f !== head; f = next(f)) out.push(f);
  const back: number[] = [];
  for (let f = prev(head); f !== head; f = prev(f)) back.push(f);
  expect(back.reverse()).toEqual(out);
  return out;
}

const operation = fc.record({
  what: fc.constantFrom("add", "addTail", "del", "splice", "moveRun"),
  list: fc.integer({ min: 0, max: 1 }),
  at: fc.nat(100),
  length: fc.integer({ min: 1, max: 5 }),
});

test("two lists do as two arrays do", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      using memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }] });
      memory.vm.inspect();
      // Frames inside the one free block: on no list of the allocator's.
      setHdr(H_DEPTH, 0);
      const heads = [scanHead(0), scanHead(1)] as const;
      for (const head of heads) listInit(head);
      const model: [number[], number[]] = [[], []];
      const unused = Array.from({ length: 8 }, (_, i) => 50 + i);
      for (const { what, list, at, length } of operations) {
        const mine = model[list as 0 | 1];
        const head = heads[list as 0 | 1];
        const i = mine.length === 0 ? 0 : at % mine.length;
        if (what === "add" || what === "addTail") {
          const f = unused.pop();
          if (f === undefined) continue;
          if (what === "add") {
            listAdd(head, f);
            mine.unshift(f);
          } else {
            listAddTail(head, f);
            mine.push(f);
          }
        } else if (what === "splice") {
          listSpliceTail(head, heads[(1 - list) as 0 | 1]);
          model[(1 - list) as 0 | 1].push(...mine.splice(0));
        } else if (mine.length > 0 && what === "del") {
          listDel(mine[i] as number);
          unused.push(...mine.splice(i, 1));
        } else if (mine.length > 0) {
          const run = mine.splice(i, length);
          listCut(run[0] as number, run.at(-1) as number);
          listAddRun(heads[(1 - list) as 0 | 1], run[0] as number, run.at(-1) as number);
          model[(1 - list) as 0 | 1].unshift(...run);
        }
        expect(heads.map(entries)).toEqual(model);
        expect(heads.map((h) => listEmpty(h))).toEqual(model.map((m) => m.length === 0));
      }
      setHdr(H_DEPTH, -1);
    }),
    { numRuns: 100 },
  );
});

test("taking out what is in no list is a bug that is reported", () => {
  const memory = bootEngine({ bytes: false, nodes: [{ pages: 64 }] });
  memory.vm.inspect();
  setHdr(H_DEPTH, 0);
  const head = scanHead(0);
  listInit(head);
  listAdd(head, 60);
  listAdd(head, 61);
  listDel(60);
  expect(() => listDel(60)).toThrow("broken invariant: list");
  setHdr(H_DEPTH, -1);
});
