/**
 * The one error class of lieu. Expected outcomes (a miss, a failed demotion) are return values; everything thrown on
 * purpose is a `LieuError` whose `code` can be branched on and whose message names the value and what is allowed.
 */

/** What went wrong, in errno's words where errno has one. */
export type LieuErrorCode =
  /** A bad argument, option or configuration value. */
  | "EINVAL"
  /** An offset or length outside the region or file. */
  | "ERANGE"
  /** No room is left in any node or swap device that the owner may use. */
  | "ENOMEM"
  /** The region, cache, group or memory was unmapped, destroyed or closed before. */
  | "ECLOSED"
  /** Pins (or other holders) still use the thing that was to be closed or unmapped. */
  | "EBUSY"
  /** A device failed to read or write, or returned bytes that do not match their checksum. */
  | "EIO"
  /** The device or disk is full. */
  | "ENOSPC"
  /** The file or device may not be opened or written. */
  | "EACCES"
  /** The file does not exist. */
  | "ENOENT"
  /** A trace or other file is not in the format it should be in. */
  | "EFORMAT"
  /** Not possible here: a feature that this machine or configuration lacks. */
  | "ENOTSUP"
  /** Waiting would never end: a load of a cache that came to wait for itself. */
  | "EDEADLK"
  /** A thread that shared the memory ended in the middle of an operation, and what it left cannot be relied on. */
  | "EOWNERDEAD"
  /** A request (such as proactive reclaim) made less progress than asked for; the error says how much it made. */
  | "EAGAIN"
  /** An engine invariant is broken: a bug in lieu. */
  | "EBUG";

/** The error that lieu throws; `code` says what went wrong, `message` names the value and what is allowed. */
export class LieuError extends Error {
  override readonly name = "LieuError";
  readonly code: LieuErrorCode;

  constructor(code: LieuErrorCode, message: string, options?: { cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/** Whether `error` is a {@link LieuError}, of the given code if one is given. */
export function isLieuError(error: unknown, code?: LieuErrorCode): error is LieuError {
  return error instanceof LieuError && (code === undefined || error.code === code);
}

/** What stands between a URL's protocol and its host: the user and the password. */
const CREDENTIALS = /(\w:\/\/)[^\s"/]*@/g;

/** A value as a message shows it, without the passwords of URLs. Never throws, whatever the value. */
export function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  try {
    const text = JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v)) ?? String(value);
    return text.replaceAll(CREDENTIALS, "$1***@");
  } catch {
    return Object.prototype.toString.call(value);
  }
}
