/** Histories of LIEU_OPS operations (ten million by default) of four threads and three processes are linearizable. */
import { expect, test } from "vitest";
import { describeShared } from "../processes/helpers.ts";
import { runHistories } from "../processes/histories.ts";
import { runSeed } from "../property/source.ts";

const ops = Number(process.env.LIEU_OPS ?? 10_000_000);
const seed = runSeed();

describeShared("linearizable", () => {
  test(`${ops} operations of four threads and three processes, seed ${seed}`, async () => {
    const begun = performance.now();
    const { operations, wrong, hits, vmstat } = await runHistories(4, 3, ops, seed);
    const seconds = (performance.now() - begun) / 1000;
    console.info(
      `${operations} operations in ${seconds.toFixed(0)} s, ${hits} hits, ${vmstat.pswpout} pages swapped out`,
    );
    expect(wrong).toBeUndefined();
    expect(operations).toBeGreaterThanOrEqual(ops);
  });
});
