/** Opens a trace of any supported format. */

import { LieuError } from "../errors.ts";
import { ByteReader } from "./byte-reader.ts";
import { decodeCsv, looksLikeCsv } from "./csv.ts";
import { decodeMtr, MTR_MAGIC } from "./mtr.ts";
import { decodeOracleGeneral } from "./oracle-general.ts";
import { openSource, type Source } from "./source.ts";
import type { Trace } from "./trace.ts";

type Decoder = (source: Source) => Promise<Trace>;

/** By extension, lower case. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ["mtr", decodeMtr],
  ["csv", decodeCsv],
  ["oraclegeneral", decodeOracleGeneral],
]);

/** The formats by name, for what has no extension. */
export const FORMATS = ["mtr", "csv", "oracleGeneral"] as const;
export type TraceFormat = (typeof FORMATS)[number];

/** The formats that {@link openTrace} reads, as an error or a usage text lists them. */
export const TRACE_FORMATS =
  ".mtr (lieu's columns), .csv (a header that names key, size, time, op, tenant; or time,id,size), " +
  ".oracleGeneral or .oracleGeneral.bin (libCacheSim); each also as .gz or .zst";

/**
 * The trace in the file at `path`, read by the format that its extension names; where that is none of lieu's, by what
 * the content begins with. (oracleGeneral has no mark to begin with, so such a file must have its extension, or `format` say so.)
 * "-" is the standard input.
 *
 * @throws LieuError ENOENT, EACCES, EINVAL, EIO of the file; EFORMAT where the format is unknown, or the content not in
 *   the format.
 */
export async function openTrace(path: string, format?: TraceFormat): Promise<Trace> {
  const source = await openSource(path);
  return decodeTrace(format === undefined ? source : { ...source, extension: format.toLowerCase() });
}

/** {@link openTrace} of any source. */
export async function decodeTrace(source: Source): Promise<Trace> {
  const decode = DECODERS.get(source.extension) ?? (await sniffFormat(source));
  if (decode !== undefined) return decode(source);
  throw new LieuError(
    "EFORMAT",
    `${source.path} is in no format known by its extension or first bytes; supported: ${TRACE_FORMATS}`,
  );
}

async function sniffFormat(source: Source): Promise<Decoder | undefined> {
  await using reader = new ByteReader(source.chunks());
  const start = new Uint8Array(1024);
  const length = await reader.fill(start);
  const text = new TextDecoder().decode(start.subarray(0, length));
  if (text.startsWith(MTR_MAGIC)) return decodeMtr;
  const firstLine = text.split(/\r?\n/).find((line) => line.trim() !== "");
  return firstLine !== undefined && looksLikeCsv(firstLine) ? decodeCsv : undefined;
}
