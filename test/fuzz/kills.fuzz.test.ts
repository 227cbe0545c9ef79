/** LIEU_KILLS random kills (a thousand by default, ten thousand in a night) of threads and processes in the middle of their work. */
import { expect, test } from "vitest";
import { describeShared } from "../processes/helpers.ts";
import { runKills } from "../processes/killing.ts";
import { runSeed, seeded } from "../property/source.ts";

const wanted = Number(process.env.LIEU_KILLS ?? 1000);
const seed = runSeed();

describeShared("kills", () => {
  test(`${wanted} of two threads and three processes, seed ${seed}`, async () => {
    const { kills, takeovers, ops, longest, wrong } = await runKills(2, 3, wanted, seeded(seed));
    console.info(
      `${kills} kills, ${ops} operations by those who lived, the longest ${longest.toFixed(1)} ms; ${takeovers} times somebody took over`,
    );
    expect(wrong).toBeUndefined();
    expect(kills).toBeGreaterThanOrEqual(wanted);
  });
});
