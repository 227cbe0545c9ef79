/** Streamed decompression for {@link Source}: gzip by Node, zstd by fzstd. */

import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { LieuError } from "../errors.ts";

/** The largest zstd window accepted, as in the zstd program: memory that a frame's header asks for before any content. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

/** @throws LieuError EFORMAT where the data is damaged or cut short; whatever iterating `packed` throws. */
export async function* gunzip(packed: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize: 1 << 18 });
  pipeline(Readable.from(packed), stream, () => {}); // errors arrive by destroying `stream`, whose iterator throws them
  try {
    for await (const chunk of stream) yield chunk;
  } catch (error) {
    throw unpackError("gzip", path, error);
  }
}

/**
 * `start` is the data's first bytes (up to 32), where the header is.
 *
 * @throws LieuError EFORMAT where the data is damaged, cut short or asks for too large a window; whatever iterating
 *   `packed` throws.
 */
export async function* unzstd(
  packed: AsyncIterable<Uint8Array>,
  start: Uint8Array,
  path: string,
): AsyncGenerator<Uint8Array> {
  const window = windowBytes(start);
  if (window > MAX_WINDOW_BYTES) {
    throw new LieuError("EFORMAT", `${path} needs a zstd window of ${window} bytes; allowed: ${MAX_WINDOW_BYTES}`);
  }
  let ready: Uint8Array[] = [];
  const stream = new Decompress((chunk) => ready.push(chunk));
  const push = (chunk: Uint8Array, final: boolean): Uint8Array[] => {
    try {
      stream.push(chunk, final);
    } catch (error) {
      throw unpackError("zstd", path, error);
    }
    const chunks = ready;
    ready = [];
    return chunks;
  };
  for await (const chunk of packed) yield* push(chunk, false);
  yield* push(new Uint8Array(0), true);
}

/** The window that the first frame's header asks for (RFC 8878, 3.1.1.1); 0 where it is cut short. */
function windowBytes(start: Uint8Array): number {
  if (start.length < 18) return 0;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const descriptor = start[4]!;
  const isSingleSegment = (descriptor & 32) !== 0;
  if (!isSingleSegment) {
    const base = 2 ** (10 + (start[5]! >> 3));
    return base + (base / 8) * (start[5]! & 7);
  }
  const at = 5 + [0, 1, 2, 4][descriptor & 3]!;
  switch (descriptor >> 6) {
    case 0:
      return start[at]!;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function unpackError(format: string, path: string, error: unknown): LieuError {
  if (error instanceof LieuError) return error;
  return new LieuError("EFORMAT", `${path} is damaged or cut short: its ${format} data cannot be unpacked`, {
    cause: error,
  });
}
