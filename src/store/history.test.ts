import { expect, test } from "vitest";
import { ageBucket, classOf, NR_AGES, NR_CLASSES } from "./history.ts";

test("buckets of ages do not fall, are four an octave, and end with the last", () => {
  const steps = new Set<number>();
  for (let age = 1; age < 100_000; age++) steps.add(ageBucket(age) - ageBucket(age - 1));
  expect([...steps].sort()).toEqual([0, 1]);
  for (let i = 2; i < 22; i++) {
    const octave = [4, 5, 6, 7].map((q) => ageBucket(q << (i - 2)));
    expect(octave).toEqual([0, 1, 2, 3].map((q) => (octave[0] as number) + q));
    expect(ageBucket(4 << (i - 1))).toBe(Math.min((octave[0] as number) + 4, NR_AGES - 1));
  }
  // Ages are unsigned: the clock of requests goes round.
  expect([0x7fffffff, -0x80000000, -1].map(ageBucket)).toEqual([NR_AGES - 1, NR_AGES - 1, NR_AGES - 1]);
});

test("every history has a class of its own kind", () => {
  const classes = new Set<number>();
  for (let hits = 0; hits <= 15; hits++) {
    for (let gap = 0; gap <= 4; gap++) {
      const cls = classOf(hits, gap);
      expect(cls >= 0 && cls < NR_CLASSES).toBe(true);
      classes.add(cls);
    }
  }
  expect(classes.size).toBe(NR_CLASSES);
  expect(classOf(1, 2)).not.toBe(classOf(2, 2));
  expect(classOf(2, 2)).toBe(classOf(3, 2));
  expect(classOf(4, 2)).toBe(classOf(15, 2));
});
