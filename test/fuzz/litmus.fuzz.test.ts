/** The litmus test of words without the lock, for LIEU_SECONDS seconds (300 by default), with and without a thread that reclaims. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runSeed } from "../property/source.ts";
import { runLitmus } from "../threads/litmus.ts";

const seconds = Number(process.env.LIEU_SECONDS ?? 300);
const seed = runSeed();

test.each(["inline", "thread"] as const)(`litmus, kswapd %s, seed ${seed}`, async (kswapd) => {
  const folder = mkdtempSync(join(tmpdir(), "lieu-litmus-"));
  const swap = [{ kind: "file", path: join(folder, "swap"), size: "4MiB" }] as const;
  const zswap = { size: "64KiB" };
  const begun = await runLitmus((seconds * 500) | 0, 3, seed, { swap, zswap, kswapd });
  rmSync(folder, { recursive: true });
  console.info(`${begun.steps} steps, ${begun.moved} pages moved, ${begun.open} times with a gate open`);
  expect(begun.wrong).toEqual([]);
});
