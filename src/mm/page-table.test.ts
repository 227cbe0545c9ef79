import { expect, test } from "vitest";
import { mkPte, PTE_FLAGS, PTE_SWAP, pteIndex } from "./page-table.ts";

test("an entry holds frame numbers up to 2^26 - 1 beside all its flags", () => {
  for (const index of [0, 1, 0x1ffffff, 0x3ffffff]) {
    expect(pteIndex(mkPte(index, PTE_SWAP))).toBe(index);
    expect(mkPte(index, PTE_FLAGS) & PTE_FLAGS).toBe(PTE_FLAGS);
  }
});
