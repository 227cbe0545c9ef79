/** Memories that processes share, as arguments of verbs that look at them. */
import { existsSync } from "node:fs";
import { isSharedFile, sharedPath } from "../runtime/shared-file.ts";

/** Milliseconds between two looks at a memory's file. */
export const INTERVAL = 1000;

/** Whether this is the name of a memory that processes share, or the path of its file. An absolute path of no file is meant as one. */
export function isNamed(where: string): boolean {
  return where.startsWith("/") && (!existsSync(where) || isSharedFile(sharedPath(where)));
}
