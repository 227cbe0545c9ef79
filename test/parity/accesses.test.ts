/** The traces of the shipped scenarios, made again. */
import { describe, expect, test } from "vitest";
import { accessesOf, makeAccesses } from "../../src/parity/accesses.ts";
import { loadFixture, type Scenario } from "../../src/parity/scenario.ts";

const { scenarios } = loadFixture();

describe("the traces that the kernels were measured with", () => {
  const different = new Map<string, Scenario>();
  for (const scenario of scenarios) different.set(scenario.trace.hash, scenario);

  test.each([...different.values()].map((s) => [s.trace.hash, s] as const))("%s is made again", (hash, scenario) => {
    const { entries, hash: made, populated } = accessesOf(scenario);
    expect([made, entries.length]).toEqual([hash, scenario.trace.n]);
    expect(populated).toBe(scenario.trace.pop === 1);
  });

  test("where pop was not recorded, it is found by the hash; another trace is an error", () => {
    const scenario = scenarios.find((s) => s.trace.pop === 2) as Scenario;
    const { pop: _, ...trace } = scenario.trace;
    expect(accessesOf({ ...scenario, trace }).populated).toBe(false);
    const other = { ...scenario, trace: { ...trace, hash: "00000000" } };
    expect(() => accessesOf(other)).toThrow(/EFORMAT: .*recorded was 00000000/);
  });
});

test("the other patterns", () => {
  const pages = (pattern: string) => [...makeAccesses({ pattern, pages: 64, n: 6, w: 0 }).entries].map((e) => e >>> 1);
  expect(pages("seq")).toEqual([0, 1, 2, 3, 4, 5]);
  expect(pages("stride")).toEqual([0, 17, 34, 51, 4, 21]);
  for (const page of [...pages("uniform"), ...pages("shift")]) expect(page).toBeLessThan(64);
  expect(() => pages("zigzag")).toThrow(/EINVAL: pattern is "zigzag"/);
});
