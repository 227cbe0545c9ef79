/** Random operations that have found a fault once, again: each of a seed that says what memory it is. */
import { expect, test } from "vitest";
import { randomConfig } from "./configs.ts";
import { drive } from "./drive.ts";

test.each([
  [1077708458, 4000, "a value that is refused leaves a cache within its limit, whatever went to swap for it"],
])("seed %i, %i operations: %s", (seed, ops) => {
  expect(drive(randomConfig(seed), seed, ops).ops).toBe(ops);
});
