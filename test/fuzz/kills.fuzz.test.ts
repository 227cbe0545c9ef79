/**
 * LIEU_KILLS random kills (a thousand by default, ten thousand in a night) of threads and processes in the middle of their work, on a memory
 * of LIEU_SHARDS shards (one by default), with LIEU_KSWAPD=thread one that has a thread that reclaims.
 */
import { expect, test } from "vitest";
import { describeShared } from "../processes/helpers.ts";
import { runKills } from "../processes/killing.ts";
import { runSeed, seeded } from "../property/source.ts";

const wanted = Number(process.env.LIEU_KILLS ?? 1000);
const shards = Number(process.env.LIEU_SHARDS ?? 1);
const kswapd = process.env.LIEU_KSWAPD === "thread" ? "thread" : "inline";
const seed = runSeed();

describeShared("kills", () => {
  test(`${wanted} of two threads and three processes, seed ${seed}`, async () => {
    const { kills, takeovers, ops, kept, longest, wrong } = await runKills(
      { threads: 2, processes: 3, shards, kswapd },
      wanted,
      seeded(seed),
    );
    console.info(
      `${kills} kills, ${ops} operations by those who lived, the longest ${longest.toFixed(1)} ms; ${takeovers} times somebody took over, ${kept.toFixed(0)} entries were there after a kill in the mean`,
    );
    expect(wrong).toBeUndefined();
    expect(kills).toBeGreaterThanOrEqual(wanted);
  });
});
