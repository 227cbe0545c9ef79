import { expect, test } from "vitest";
import { READY_MASK, READY_TO_READ, READY_TO_WRITE, WRITE_MASK } from "./vm.ts";

test("the masks that the hit paths write as literals are those of the page table", () => {
  // src/region/region.ts: (entry & 11) === 3 to read, (entry & 15) === 7 to write.
  expect([READY_MASK, READY_TO_READ]).toEqual([11, 3]);
  expect([WRITE_MASK, READY_TO_WRITE]).toEqual([15, 7]);
});
