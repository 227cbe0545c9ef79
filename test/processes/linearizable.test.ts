/** What several threads and processes do to few hot keys is linearizable; `npm run fuzz -- linearizable` does it ten million times. */
import { expect, test } from "vitest";
import { runSeed } from "../property/source.ts";
import { describeShared, SLOW } from "./helpers.ts";
import { runHistories } from "./histories.ts";

describeShared("linearizable, key by key", () => {
  const seed = runSeed();
  test(`two threads and two processes, seed ${seed}`, { timeout: SLOW }, async () => {
    const { operations, wrong, hits, vmstat } = await runHistories(2, 2, 40_000, seed, 5_000);
    expect(wrong).toBeUndefined();
    expect(operations).toBe(40_000);
    expect(hits).toBeGreaterThan(1000);
    expect(vmstat.pgdemote_kswapd + vmstat.pgdemote_direct).toBeGreaterThan(0);
    expect(vmstat.pswpout).toBeGreaterThan(0);
  });
});
