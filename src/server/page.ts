/**
 * The dashboard's page, one file with all that it needs. Run from the sources, it is read from dist/; in what is built, the text
 * itself stands here (scripts/bundle.mjs).
 */
import { existsSync, readFileSync } from "node:fs";
import { LieuError } from "../errors.ts";

/** The page's HTML. @throws {@link LieuError} ENOENT if it has not been built */
export function dashboardPage(): string {
  const file = new URL("../../dist/dashboard/index.html", import.meta.url);
  if (!existsSync(file)) throw new LieuError("ENOENT", `the page ${file.href} is missing; run "npm run build"`);
  return readFileSync(file, "utf8");
}
