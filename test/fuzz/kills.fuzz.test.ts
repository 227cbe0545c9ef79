/**
 * LIEU_KILLS random kills (a thousand by default, ten thousand in a night) of threads and processes in the middle of their work, on a memory
 * of LIEU_SHARDS shards (one by default).
 */
import { expect, test } from "vitest";
import { describeShared } from "../processes/helpers.ts";
import { runKills } from "../processes/killing.ts";
import { runSeed, seeded } from "../property/source.ts";

const wanted = Number(process.env.LIEU_KILLS ?? 1000);
const shards = Number(process.env.LIEU_SHARDS ?? 1);
const seed = runSeed();

describeShared("kills", () => {
  test(`${wanted} of two threads and three processes, seed ${seed}`, async () => {
    const { kills, takeovers, ops, longest, wrong } = await runKills(
      { threads: 2, processes: 3, shards },
      wanted,
      seeded(seed),
    );
    console.info(
      `${kills} kills, ${ops} operations by those who lived, the longest ${longest.toFixed(1)} ms; ${takeovers} times somebody took over`,
    );
    expect(wrong).toBeUndefined();
    expect(kills).toBeGreaterThanOrEqual(wanted);
  });
});
