import { expect, test } from "vitest";
import { READY_MASK, READY_TO_READ, READY_TO_WRITE, WRITE_MASK } from "./vm.ts";

test("the masks that the hit paths write as literals are those of the page table", () => {
  // src/region/region.ts: (entry & 43) === 3 to read, (entry & 47) === 7 to write.
  expect([READY_MASK, READY_TO_READ]).toEqual([43, 3]);
  expect([WRITE_MASK, READY_TO_WRITE]).toEqual([47, 7]);
});
