/** Threads and processes that are killed at any moment; `npm run test:kills` kills a thousand. */
import { expect, test } from "vitest";
import { runSeed, seeded } from "../property/source.ts";
import { describeShared, SLOW } from "./helpers.ts";
import { runKills } from "./killing.ts";

describeShared("killed", () => {
  const seed = runSeed();
  for (const [shards, kswapd, wanted] of [
    [1, "inline", 12],
    [2, "thread", 6],
  ] as const) {
    const name = `at any moment: no wrong byte, nobody left waiting, shards: ${shards}, kswapd ${kswapd}, seed ${seed}`;
    test(name, { timeout: SLOW }, async () => {
      const { kills, wrong, ops } = await runKills({ threads: 2, processes: 2, shards, kswapd }, wanted, seeded(seed));
      expect(wrong).toBeUndefined();
      expect(kills).toBeGreaterThanOrEqual(wanted);
      expect(ops).toBeGreaterThan(100);
    });
  }
});
