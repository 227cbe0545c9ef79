/** What a failed system call on a file is called: one table for all that keep something in one. */
import type { LieuErrorCode } from "../errors.ts";
import { SystemError } from "./libc.ts";

const CODES: ReadonlyMap<string, LieuErrorCode> = new Map<string, LieuErrorCode>([
  ["ENOSPC", "ENOSPC"],
  ["EDQUOT", "ENOSPC"],
  ["EFBIG", "ENOSPC"],
  ["EACCES", "EACCES"],
  ["EPERM", "EACCES"],
  // Node's permission model.
  ["ERR_ACCESS_DENIED", "EACCES"],
  ["EROFS", "EACCES"],
  ["EISDIR", "EINVAL"],
  ["ENOENT", "ENOENT"],
  ["ENOTDIR", "ENOENT"],
  ["EEXIST", "EBUSY"],
  ["ELOOP", "EINVAL"],
  ["ENXIO", "EINVAL"],
  ["ENAMETOOLONG", "EINVAL"],
  ["EOPNOTSUPP", "ENOTSUP"],
  ["ENODEV", "ENOTSUP"],
  ["ENOMEM", "ENOMEM"],
]);

/** The name of what went wrong, whether Node or libc was called: "ENOSPC"; "" if it has none. */
export function errnoOf(error: unknown): string {
  return error instanceof SystemError ? error.errno : ((error as NodeJS.ErrnoException).code ?? "");
}
/** The code of a LieuError for it; EIO for what is in no table. */
export function codeOf(errno: string): LieuErrorCode {
  return CODES.get(errno) ?? "EIO";
}
