/** Threads and processes that are killed at any moment; `npm run fuzz -- kills` kills a thousand. */
import { expect, test } from "vitest";
import { runSeed, seeded } from "../property/source.ts";
import { describeShared, SLOW } from "./helpers.ts";
import { runKills } from "./killing.ts";

describeShared("killed", () => {
  const seed = runSeed();
  test(`at any moment: no wrong byte, nobody left waiting, seed ${seed}`, { timeout: SLOW }, async () => {
    const { kills, wrong, ops } = await runKills(2, 2, 12, seeded(seed));
    expect(wrong).toBeUndefined();
    expect(kills).toBeGreaterThanOrEqual(12);
    expect(ops).toBeGreaterThan(100);
  });
});
