/**
 * Where a reader's bytes come from: a file or an array, plain, gzipped or zstd-compressed. What is compressed is seen
 * by its first bytes, so that every format may come in every packing; content is streamed, and `maxBytes` bounds it
 * before the first byte of it has been made.
 */

import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { LieuError, type LieuErrorCode } from "../errors.ts";
import { gunzip, unzstd } from "./unpack.ts";

const CHUNK_BYTES = 1 << 18;
/** Most bytes of content that one packed byte can make: deflate's limit, and a zstd run-length block's 4 bytes for 128 KiB. */
const GZIP_RATIO = 1032;
const ZSTD_RATIO = 32_768;

/** A trace's content, not yet read. */
export interface Source {
  /** What error messages call it: the path. */
  readonly path: string;
  /** The base name without the extensions of format and packing. */
  readonly name: string;
  /** The format's extension, lower case, no dot: `mtr` of `x.mtr.gz`, `oraclegeneral` of `x.oracleGeneral.bin.zst`; "" if none. */
  readonly extension: string;
  /** The content's length where nothing is packed; otherwise the most that the packed bytes could unpack to. */
  readonly maxBytes: number;
  readonly packed: boolean;
  /**
   * The content, unpacked; each call reads from the start. Chunks are the reader's to keep.
   *
   * @throws LieuError EFORMAT while iterating, where packed data is damaged or cut short; EIO where reading fails.
   */
  chunks(): AsyncIterable<Uint8Array>;
}

/** The path that stands for the standard input. */
export const STDIN = "-";

/** Everything that comes of the standard input, as if it were a file of that name. @throws LieuError EIO, EFORMAT */
export async function openStdin(name = "stdin", input: AsyncIterable<Uint8Array> = process.stdin): Promise<Source> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of input) chunks.push(chunk);
  } catch (error) {
    throw fileError(name, error);
  }
  return bytesSource(name, Buffer.concat(chunks));
}

/**
 * The file at `path`, which must be a regular file or a pipe; "-" is the standard input. What is not a regular file is read whole
 * first.
 *
 * @throws LieuError ENOENT, EACCES, EINVAL (a directory or device), EIO; EFORMAT where the name promises a packing that
 *   the first bytes do not have.
 */
export async function openSource(path: string): Promise<Source> {
  if (path === STDIN) return openStdin();
  const file = await openFile(path);
  try {
    const stat = await file.stat();
    if (stat.isFIFO()) return await openStdin(path, file.createReadStream({ autoClose: false }));
    if (!stat.isFile()) throw new LieuError("EINVAL", `${path} is not a regular file`);
    const start = new Uint8Array(32);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return makeSource(path, start.subarray(0, bytesRead), stat.size, () => fileChunks(path));
  } catch (error) {
    throw fileError(path, error);
  } finally {
    await file.close();
  }
}

/** Bytes in memory under a name with extensions, as if they were a file of that name. */
export function bytesSource(name: string, bytes: Uint8Array): Source {
  return makeSource(name, bytes.subarray(0, 32), bytes.length, async function* () {
    yield bytes;
  });
}

function makeSource(path: string, start: Uint8Array, bytes: number, raw: () => AsyncIterable<Uint8Array>): Source {
  const { stem, packing, extension } = splitName(path);
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const isZstd = start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd;
  if ((packing === "gz" && !isGzip) || (packing === "zst" && !isZstd)) {
    const format = packing === "gz" ? "gzip" : "zstd";
    throw new LieuError("EFORMAT", `${path} does not begin like ${format} data, though its name ends in .${packing}`);
  }
  const common = { path, name: stem, extension };
  if (isGzip) return { ...common, packed: true, maxBytes: bytes * GZIP_RATIO, chunks: () => gunzip(raw(), path) };
  if (isZstd)
    return { ...common, packed: true, maxBytes: bytes * ZSTD_RATIO, chunks: () => unzstd(raw(), start, path) };
  return { ...common, packed: false, maxBytes: bytes, chunks: raw };
}

/** `dir/a.b.oracleGeneral.bin.zst` -> stem `a.b`, packing `zst`, extension `oraclegeneral`. */
function splitName(path: string): { stem: string; packing: string; extension: string } {
  const [unpacked, packing] = splitExtension(basename(path), /\.(gz|zst)$/i);
  const [stem, extension] = splitExtension(unpacked, /\.(oracleGeneral)(?:\.bin)?$|\.([^.]*)$/i);
  return { stem, packing, extension };
}

/** The name before the match, and the match's group in lower case; never leaves the name empty. */
function splitExtension(name: string, pattern: RegExp): [string, string] {
  const match = pattern.exec(name);
  if (match === null || match.index === 0) return [name, ""];
  return [name.slice(0, match.index), (match[1] ?? match[2] ?? "").toLowerCase()];
}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await openFile(path);
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })) yield chunk;
  } catch (error) {
    throw fileError(path, error);
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw fileError(path, error);
  }
}

/** A system error about a file as a {@link LieuError} that names the file; a LieuError stays itself. */
export function fileError(path: string, error: unknown): LieuError {
  if (error instanceof LieuError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  const [ours, words] = FILE_ERRORS.get(code) ?? ["EIO", `cannot be read or written (${message})`];
  return new LieuError(ours, `${path} ${words}`, { cause: error });
}

const FILE_ERRORS: ReadonlyMap<string, [LieuErrorCode, string]> = new Map(
  Object.entries({
    ENOENT: ["ENOENT", "does not exist"],
    ENOTDIR: ["ENOENT", "does not exist: a part of its path is not a directory"],
    EACCES: ["EACCES", "may not be opened: permission denied"],
    EPERM: ["EACCES", "may not be opened: not permitted"],
    EROFS: ["EACCES", "may not be written: the file system is read-only"],
    EISDIR: ["EINVAL", "is a directory, not a file"],
    ENAMETOOLONG: ["EINVAL", "is too long for a file name"],
    ERR_ACCESS_DENIED: ["EACCES", "may not be read: Node's permission model does not allow it"],
    ERR_INVALID_ARG_VALUE: ["EINVAL", "is not a path"],
    ENOSPC: ["ENOSPC", "cannot be written: no space is left"],
  }),
);
