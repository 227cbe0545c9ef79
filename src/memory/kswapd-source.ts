/**
 * The text of the worker that reclaims (kswapd-worker.ts) with all that it needs. Run from the sources, it is read from dist/; in what is
 * built, it stands here as a string (scripts/bundle.mjs), so that no bundler has a file to find.
 */
import { existsSync, readFileSync } from "node:fs";
import { LieuError } from "../errors.ts";

/** A script for `new Worker(text, { eval: true })`. @throws {@link LieuError} ENOENT if it has not been built */
export function kswapdWorkerSource(): string {
  const file = new URL("../../dist/kswapd-worker.cjs", import.meta.url);
  if (!existsSync(file)) throw new LieuError("ENOENT", `the worker ${file.href} is missing; run "npm run build"`);
  return readFileSync(file, "utf8");
}
