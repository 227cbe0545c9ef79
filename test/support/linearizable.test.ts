/** The checker of histories, against histories that are known, and against trying all orders. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DELETE, GET, HAS, LinearizabilityChecker, type Operations, SET, TORN } from "./linearizable.ts";

type Op = readonly [client: number, kind: number, value: number, begun: number, ended: number];

function historyOf(ops: readonly Op[], clients: number): Operations[] {
  return Array.from({ length: clients }, (_, client) => {
    const own = ops.filter(([of]) => of === client).sort((a, b) => a[3] - b[3]);
    return {
      length: own.length,
      kinds: own.map((op) => op[1]),
      keys: own.map(() => 7),
      values: own.map((op) => op[2]),
      begun: own.map((op) => op[3]),
      ended: own.map((op) => op[4]),
    };
  });
}
function isFine(ops: readonly Op[], clients = 3): boolean {
  return new LinearizabilityChecker(clients).check(historyOf(ops, clients)) === undefined;
}

test("histories that are known", () => {
  const set: Op = [0, SET, 1, 0, 10];
  expect(isFine([set, [1, GET, 1, 11, 12]])).toBe(true);
  // Beside the set: before it or after it.
  expect(isFine([set, [1, GET, 1, 5, 6], [1, GET, 1, 7, 8]])).toBe(true);
  expect(isFine([set, [1, GET, 0, 5, 6], [1, GET, 1, 7, 8]])).toBe(true);
  // The entry may go at any time, but does not come back.
  expect(isFine([set, [1, GET, 0, 11, 12]])).toBe(true);
  expect(isFine([set, [1, GET, 0, 11, 12], [1, GET, 1, 13, 14]])).toBe(false);
  expect(isFine([set, [1, GET, 1, 5, 6], [1, GET, 0, 7, 8], [1, GET, 1, 11, 12]])).toBe(false);
  // Stale.
  expect(isFine([set, [0, SET, 2, 11, 12], [1, GET, 1, 13, 14]])).toBe(false);
  expect(isFine([set, [0, DELETE, 1, 11, 12], [1, GET, 1, 13, 14]])).toBe(false);
  expect(isFine([set, [0, DELETE, 1, 11, 20], [1, GET, 1, 13, 14]])).toBe(true);
  expect(isFine([set, [0, DELETE, 1, 11, 12], [1, HAS, 1, 13, 14]])).toBe(false);
  expect(isFine([set, [0, DELETE, 1, 11, 12], [1, DELETE, 1, 13, 14]])).toBe(false);
  expect(isFine([set, [0, DELETE, 1, 11, 20], [1, DELETE, 1, 13, 14]])).toBe(false);
  // Never set, or not yet.
  expect(isFine([set, [1, GET, 9, 11, 12]])).toBe(false);
  expect(isFine([set, [1, GET, TORN, 11, 12]])).toBe(false);
  expect(
    isFine([
      [0, SET, 1, 5, 6],
      [1, GET, 1, 0, 4],
    ]),
  ).toBe(false);
  // Two sets at a time: all agree on which came last.
  const sets: Op[] = [set, [1, SET, 2, 0, 10]];
  expect(isFine([...sets, [0, GET, 1, 11, 12], [1, GET, 1, 11, 12]])).toBe(true);
  expect(isFine([...sets, [0, GET, 1, 11, 12], [1, GET, 2, 11, 12]])).toBe(false);
  expect(isFine([...sets, [0, GET, 1, 11, 12], [2, GET, 2, 5, 9]])).toBe(true);
});

/** Whether any order of all operations is right: those that remain, in what the key holds. */
function anyOrder(rest: readonly Op[], holds: number): boolean {
  if (rest.length === 0) return true;
  return rest.some((op, i) => {
    const others = rest.filter((_, j) => j !== i);
    if (others.some((other) => other[4] < op[3])) return false;
    const [, kind, value] = op;
    if (kind === SET) return anyOrder(others, value);
    // Whoever finds something, and whoever finds nothing, since it was lost.
    if (value === 0) return anyOrder(others, 0);
    if (kind === GET) return holds === value && anyOrder(others, holds);
    return holds !== 0 && anyOrder(others, kind === DELETE ? 0 : holds);
  });
}

test("as trying all orders has it", () => {
  const kinds = fc.constantFrom(SET, GET, GET, HAS, DELETE);
  const plan = fc.array(
    fc.tuple(fc.nat(2), kinds, fc.nat(3), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 })),
    {
      minLength: 1,
      maxLength: 7,
    },
  );
  let [fine, wrong] = [0, 0];
  fc.assert(
    fc.property(plan, (steps) => {
      const now = [0, 0, 0];
      let sets = 0;
      const ops = steps.map(([client, kind, n, wait, takes], i): Op => {
        const begun = (now[client] as number) + wait + i / 100;
        const ended = begun + takes;
        now[client] = ended;
        const value = kind === SET ? ++sets : kind === GET ? n : n & 1;
        return [client, kind, value, begun, ended];
      });
      const expected = anyOrder(ops, 0);
      if (expected) fine++;
      else wrong++;
      expect(isFine(ops)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(fine, wrong)).toBeGreaterThan(50);
});
