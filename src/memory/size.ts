/** Sizes as people write them. */
import { LieuError, shown } from "../errors.ts";
import { type Check, value } from "./schema.ts";

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** A number of bytes, or a string such as "256MiB", "1.5 GiB", "64k" (1024) or "10MB" (1000). */
export type Size = number | string;

/**
 * The bytes that `size` stands for, a positive whole number.
 *
 * @throws {@link LieuError} EINVAL naming `what` and the value
 */
export function parseSize(size: Size, what: string): number {
  const fail = (why: string) =>
    new LieuError("EINVAL", `${what} is ${shown(size)}: ${why}; give bytes or a string such as "256MiB"`);
  let bytes: number;
  if (typeof size === "number") bytes = size;
  else if (typeof size !== "string") throw fail("not a size");
  else {
    const match = /^\s*(-?\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(size);
    const unit = match === null ? undefined : UNITS[(match[2] as string).toLowerCase() || "b"];
    if (match === null || unit === undefined) throw fail("not a size");
    bytes = Number(match[1]) * unit;
  }
  if (!Number.isFinite(bytes)) throw fail("not a finite number");
  if (Math.round(bytes) <= 0) throw fail("must be more than 0");
  if (bytes > Number.MAX_SAFE_INTEGER) throw fail("too large");
  return Math.round(bytes);
}

/** Whole pages that hold `bytes`. */
export function pagesOf(bytes: number): number {
  return Math.ceil(bytes / 4096);
}

/** Bytes as people read them: "1.5 GiB". */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Checks a size: bytes, or as people write it. */
export const size: Check<Size> = value(
  (v) => typeof v === "string" || (typeof v === "number" && Number.isFinite(v)),
  'give bytes or a string such as "256MiB"',
);
