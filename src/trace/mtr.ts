/**
 * lieu's own trace format, `.mtr`, mostly met as `.mtr.gz`: little-endian columns that become typed arrays without
 * parsing. Every section is padded with zeros to a multiple of 8 bytes.
 *
 *     0   8 bytes  "MTRACE1\n"
 *     8   u32      flags: 1 has time, 2 has op, 4 has tenant
 *     12  u32      n, requests        16  u32  m, keys        20  u32  tenants
 *     24  f64      seconds per tick
 *     32  u64[m]   original    u32[m] size    u32[n] key    (u32[n] time)    (u8[n] op)    (u8[n] tenant)
 *
 * A header is believed only as far as the file could bear it out: nothing is allocated that its bytes could not fill.
 */

import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { LieuError } from "../errors.ts";
import { ByteReader } from "./byte-reader.ts";
import { fileError, openSource, type Source } from "./source.ts";
import { findTraceFault, type Trace } from "./trace.ts";

/** What an .mtr file begins with. */
export const MTR_MAGIC = "MTRACE1\n";

const HEADER_BYTES = 32;
/** The largest content read: a typed array can hold no more on Node 20. */
const MAX_BYTES = 2 ** 32;
const HAS_TIME = 1;
const HAS_OP = 2;
const HAS_TENANT = 4;

interface Header {
  readonly flags: number;
  readonly requests: number;
  readonly keys: number;
  readonly tenants: number;
  readonly secondsPerTick: number;
}

/**
 * The trace in the .mtr file at `path`, plain or packed.
 *
 * @throws LieuError ENOENT, EACCES, EINVAL, EIO of the file; EFORMAT where anything in it is not as it must be.
 */
export async function readMtr(path: string): Promise<Trace> {
  return decodeMtr(await openSource(path));
}

/** @throws LieuError EFORMAT where anything in the content is not as it must be; what reading the source throws. */
export async function decodeMtr(source: Source): Promise<Trace> {
  const fail = (what: string): never => {
    throw new LieuError("EFORMAT", `${source.path} is not a valid .mtr file: ${what}`);
  };
  await using reader = new ByteReader(source.chunks());
  const start = new Uint8Array(HEADER_BYTES);
  const got = await reader.fill(start);
  const magic = new TextDecoder("latin1").decode(start.subarray(0, Math.min(got, MTR_MAGIC.length)));
  if (magic !== MTR_MAGIC) fail(`it begins with ${JSON.stringify(magic)}, not ${JSON.stringify(MTR_MAGIC)}`);
  if (got < HEADER_BYTES) fail(`its header is cut short after ${got} of ${HEADER_BYTES} bytes`);
  const header = parseHeader(new DataView(start.buffer));
  const fault = findHeaderFault(header, source);
  if (fault !== undefined) fail(fault);

  const { flags, requests, keys } = header;
  const section = async <A extends BigUint64Array | Uint32Array | Uint8Array>(name: string, column: A): Promise<A> => {
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    const filled = await reader.fill(bytes);
    if (filled < bytes.length) fail(`section ${name} is cut short after ${filled} of ${bytes.length} bytes`);
    const padding = new Uint8Array(padded(bytes.length) - bytes.length);
    if ((await reader.fill(padding)) < padding.length) fail(`the padding after section ${name} is cut short`);
    if (padding.some((byte) => byte !== 0)) fail(`the padding after section ${name} is not zero`);
    return column;
  };
  const trace: Trace = {
    name: source.name,
    requests,
    keys,
    tenants: header.tenants,
    secondsPerTick: header.secondsPerTick,
    original: await section("original", new BigUint64Array(keys)),
    size: await section("size", new Uint32Array(keys)),
    key: await section("key", new Uint32Array(requests)),
    ...((flags & HAS_TIME) !== 0 && { time: await section("time", new Uint32Array(requests)) }),
    ...((flags & HAS_OP) !== 0 && { op: await section("op", new Uint8Array(requests)) }),
    ...((flags & HAS_TENANT) !== 0 && { tenant: await section("tenant", new Uint8Array(requests)) }),
  };
  if ((await reader.fill(new Uint8Array(1))) > 0) fail("bytes follow the last section");
  const traceFault = findTraceFault(trace);
  return traceFault === undefined ? trace : fail(traceFault);
}

/**
 * Writes `trace` to `path`, gzipped if it ends in `.gz`. The name is not stored: a file's name is its trace's.
 *
 * @throws LieuError EINVAL where the trace breaks {@link Trace}'s rules; ENOENT, EACCES, ENOSPC, EIO of the file.
 */
export async function writeMtr(path: string, trace: Trace): Promise<void> {
  const pieces = Readable.from(encodeMtr(trace));
  const file = createWriteStream(path);
  try {
    if (/\.gz$/i.test(path)) await pipeline(pieces, createGzip({ level: 9 }), file);
    else await pipeline(pieces, file);
  } catch (error) {
    throw fileError(path, error);
  }
}

/**
 * The bytes of `trace` as an .mtr file, in pieces that share the trace's memory.
 *
 * @throws LieuError EINVAL, at once, where the trace breaks {@link Trace}'s rules.
 */
export function encodeMtr(trace: Trace): Iterable<Uint8Array> {
  const fault = findTraceFault(trace);
  if (fault !== undefined) throw new LieuError("EINVAL", `trace ${trace.name} cannot be written: ${fault}`);
  return mtrPieces(trace);
}

function* mtrPieces(trace: Trace): Generator<Uint8Array> {
  const { time, op, tenant } = trace;
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  new Uint8Array(header.buffer).set(new TextEncoder().encode(MTR_MAGIC));
  header.setUint32(8, (time ? HAS_TIME : 0) | (op ? HAS_OP : 0) | (tenant ? HAS_TENANT : 0), true);
  header.setUint32(12, trace.requests, true);
  header.setUint32(16, trace.keys, true);
  header.setUint32(20, trace.tenants, true);
  header.setFloat64(24, trace.secondsPerTick, true);
  yield new Uint8Array(header.buffer);
  const pieceBytes = 1 << 20;
  for (const column of [trace.original, trace.size, trace.key, time, op, tenant]) {
    if (column === undefined) continue;
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    const padding = padded(bytes.length) - bytes.length;
    if (padding > 0) yield new Uint8Array(padding);
  }
}

function parseHeader(view: DataView): Header {
  return {
    flags: view.getUint32(8, true),
    requests: view.getUint32(12, true),
    keys: view.getUint32(16, true),
    tenants: view.getUint32(20, true),
    secondsPerTick: view.getFloat64(24, true),
  };
}

/** What of a header can be judged before the columns are read: above all, that they fit into the file. */
function findHeaderFault(header: Header, source: Source): string | undefined {
  const { flags, requests, keys } = header;
  const known = HAS_TIME | HAS_OP | HAS_TENANT;
  if ((flags & ~known) !== 0) return `its flags are ${flags}; known: 0 to ${known}`;
  if (requests === 0) return "it has no requests";
  if (keys === 0 || keys > requests) return `it has ${keys} keys for ${requests} requests; allowed: 1 to ${requests}`;
  let bytes = HEADER_BYTES + padded(8 * keys) + padded(4 * keys) + padded(4 * requests);
  if (flags & HAS_TIME) bytes += padded(4 * requests);
  if (flags & HAS_OP) bytes += padded(requests);
  if (flags & HAS_TENANT) bytes += padded(requests);
  const counts = `${requests} requests and ${keys} keys take ${bytes} bytes`;
  if (!source.packed && bytes !== source.maxBytes) return `its ${counts}, but it has ${source.maxBytes}`;
  if (bytes > source.maxBytes) return `its ${counts}, more than it can unpack to (${source.maxBytes})`;
  if (bytes > MAX_BYTES) return `its ${counts}; at most ${MAX_BYTES} can be read`;
  return undefined;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
