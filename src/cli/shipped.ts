/** The trace that ships with lieu, by the path that it has in the repository, wherever a command is given. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const SHIPPED: string = fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url));
const PATH = "traces/sqlite-session.mtr.gz";

/** Where a trace is: a file of this path, or the shipped one if there is none and it is called so. */
export function tracePath(path: string): string {
  return path === PATH && !existsSync(path) ? SHIPPED : path;
}
