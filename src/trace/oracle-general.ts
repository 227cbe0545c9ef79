/**
 * libCacheSim's `oracleGeneral` traces, plain or packed (mostly `.oracleGeneral.zst`): the form in which most public
 * cache traces are distributed. Little-endian records of 24 bytes, no header:
 *
 *     0   u32  clock_time, seconds
 *     4   u64  obj_id
 *     12  u32  obj_size, bytes
 *     16  i64  next_access_vtime: when the object is asked for next; -1 (or the largest i64) if never
 *
 * As in libCacheSim, requests of size 0 (deletes and misses, of sources that have them) are skipped. The next access is
 * what Belady's policy needs, and is not kept; but with no magic to go by, one that is impossible tells a wrong file.
 */

import { LieuError } from "../errors.ts";
import { type RequestDetail, TraceBuilder } from "./builder.ts";
import { openSource, type Source } from "./source.ts";
import type { Trace } from "./trace.ts";

const RECORD_BYTES = 24;

/**
 * The trace in the oracleGeneral file at `path`, plain or packed.
 *
 * @throws LieuError ENOENT, EACCES, EINVAL, EIO of the file; EFORMAT where it is empty, ends within a record or has an
 *   impossible one.
 */
export async function readOracleGeneral(path: string): Promise<Trace> {
  return decodeOracleGeneral(await openSource(path));
}

/** @throws LieuError EFORMAT as {@link readOracleGeneral}; what reading the source throws. */
export async function decodeOracleGeneral(source: Source): Promise<Trace> {
  const builder = new TraceBuilder(source.name, { time: true });
  const detail: RequestDetail = { time: 0, op: 0, tenant: 0 };
  let records = 0;

  /** Adds the whole records of `bytes` and returns what is left, shorter than one. */
  const addRecords = (bytes: Uint8Array): Uint8Array => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      if (view.getInt32(at + 20, true) < 0) checkNextAccess(view.getBigInt64(at + 16, true), records, source);
      records++;
      const size = view.getUint32(at + 12, true);
      if (size === 0) continue;
      detail.time = view.getUint32(at, true);
      builder.add(view.getUint32(at + 4, true), view.getUint32(at + 8, true), size, detail);
    }
    return bytes.subarray(at);
  };

  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of source.chunks()) {
    if (rest.length === 0) {
      rest = addRecords(chunk);
      continue;
    }
    // The record that the two chunks share, then the chunk itself, uncopied.
    const missing = RECORD_BYTES - rest.length;
    const shared = new Uint8Array(rest.length + Math.min(missing, chunk.length));
    shared.set(rest);
    shared.set(chunk.subarray(0, missing), rest.length);
    rest = addRecords(shared);
    if (chunk.length >= missing) rest = addRecords(chunk.subarray(missing));
  }
  if (rest.length > 0) {
    throw new LieuError(
      "EFORMAT",
      `${source.path} is not a whole oracleGeneral trace: after ${records} records of ${RECORD_BYTES} bytes come ${rest.length}`,
    );
  }
  return builder.finish();
}

function checkNextAccess(next: bigint, record: number, source: Source): void {
  if (next >= -2n) return; // -1 never, -2 not known
  throw new LieuError(
    "EFORMAT",
    `${source.path} is not an oracleGeneral trace: record ${record} has its next access at ${next}; allowed: -2 and up`,
  );
}
