/** Words of regions without the lock: none is lost or torn while its page moves. The long run is `npm run fuzz -- litmus`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runSeed } from "../property/source.ts";
import { hasGates, runLitmus } from "./litmus.ts";

const seed = runSeed();

test.each([1, 3])(`%i threads write words of pages that move, seed ${seed}`, { timeout: 60_000 }, async (threads) => {
  const folder = mkdtempSync(join(tmpdir(), "lieu-litmus-"));
  const swap = [{ kind: "file", path: join(folder, "swap"), size: "4MiB" }] as const;
  const { steps, wrong, moved, open } = await runLitmus(2000, threads, seed, { swap });
  rmSync(folder, { recursive: true });
  expect(wrong).toEqual([]);
  expect(steps).toBeGreaterThan(1000);
  expect(moved).toBeGreaterThan(500);
  // Elsewhere each access takes the lock.
  if (hasGates) expect(open).toBeGreaterThan(5);
});
