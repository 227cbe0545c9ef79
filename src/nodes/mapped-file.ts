/**
 * Nodes of kind "mapped-file": a range of the segment that is a file, mapped over it in place (mmap, MAP_FIXED and MAP_SHARED). With a
 * file on fsdax that is persistent memory, byte by byte; on NVMe it is the page cache, which the kernel writes out and reads back as
 * it sees fit; on tmpfs it is memory that counts as shared.
 *
 * A store to a mapped page that the file system has no block for kills the process (SIGBUS), and so does any access behind the end
 * of a file that somebody has truncated. Against the first the whole file is allocated before it is mapped (posix_fallocate); against
 * the second it has no name once it is open, is locked, and nobody but its owner may open it. What is left is a medium that fails.
 *
 * The range becomes ordinary memory again before the segment is given up, as WebAssembly's memory must never have a hole.
 */
import fs from "node:fs";
import { dirname, resolve } from "node:path";
import { LieuError, shown } from "../errors.ts";
import { codeOf, errnoOf } from "../host/file-errors.ts";
import { userOf } from "../host/file-users.ts";
import { type Libc, libc } from "../host/libc.ts";

/** What backs a node of kind "mapped-file". */
export interface MappedFileNode {
  readonly kind: "mapped-file";
  readonly hasBytes: true;
  readonly adistance: number;
  readonly latency: number;
  readonly path: string;
  /** Whether the file is to be seen while it is in use. */
  readonly keep: boolean;
}

/** Abstract distance of a node that nothing is known of but that it is slower (MEMTIER_DEFAULT_DAX_ADISTANCE, five times DRAM's). */
const ADISTANCE_FILE = 5 * 576;
const LATENCY_FILE = 500;
/** The file's first page; the node's begin behind it. */
const MAGIC = Buffer.from("lieu node file 1\n");
const PAGE = 4096;

const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
const O_CAUTIOUS = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

/** The backing of a "mapped-file" node. @throws {@link LieuError} EINVAL, ENOTSUP without koffi */
export function mappedFileNode(path: string, keep: boolean, what: string): MappedFileNode {
  if (path === "" || path.includes("\0")) {
    throw new LieuError("EINVAL", `${what}.path ${shown(path)} must be a non-empty string without NUL`);
  }
  libc(`${what} (kind "mapped-file")`);
  return {
    kind: "mapped-file",
    hasBytes: true,
    adistance: ADISTANCE_FILE,
    latency: LATENCY_FILE,
    path: resolve(path),
    keep,
  };
}

/**
 * Make the node's file and map it over `range`, which is zeros from then on. Returns what maps ordinary memory over it again and
 * lets go of the file.
 *
 * @throws {@link LieuError} EBUSY (somebody uses the file), EINVAL (something else is at the path), ENOSPC, ENOENT, EACCES, ENOTSUP
 *   (the file system cannot do it), EIO: nothing is mapped then, and no file left
 */
export function mapFile(node: MappedFileNode, range: Uint8Array, what: string): () => void {
  const calls = libc(`${what} (kind "mapped-file")`);
  const { path } = node;
  let fd: number | undefined;
  let made = false;
  try {
    removeLeftOver(path, calls);
    fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_CAUTIOUS, 0o600);
    made = true;
    if (!calls.lock(fd)) throw inUse(path);
    fs.writeSync(fd, MAGIC, 0, MAGIC.length, 0);
    calls.allocate(fd, PAGE + range.byteLength);
    calls.mapShared(range, fd, PAGE);
    if (!node.keep) fs.unlinkSync(path);
  } catch (error) {
    if (made) ignoreErrors(() => fs.unlinkSync(path));
    if (fd !== undefined) fs.closeSync(fd);
    throw fileError(error, path, what);
  }
  const opened = fd;
  return () => {
    calls.mapAnonymous(range);
    if (node.keep) ignoreErrors(() => fs.unlinkSync(path));
    fs.closeSync(opened);
  };
}

/** Remove the file that a crash has left; throw if anybody has it, or it is something else. */
function removeLeftOver(path: string, calls: Libc): void {
  const user = userOf(path);
  if (user !== undefined) throw inUse(path);
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const other = new LieuError("EINVAL", `${path} exists and is not a lieu node file; remove it or name another path`);
  if (!found.isFile()) throw other;
  const fd = fs.openSync(path, O_RDWR | O_CAUTIOUS);
  try {
    if (!calls.lock(fd)) throw inUse(path);
    const start = Buffer.alloc(MAGIC.length);
    if (fs.readSync(fd, start, 0, start.length, 0) < start.length || !start.equals(MAGIC)) throw other;
    fs.unlinkSync(path);
  } finally {
    fs.closeSync(fd);
  }
}

function inUse(path: string): LieuError {
  return new LieuError("EBUSY", `${path} is in use by another node; give each a path of its own`);
}

function fileError(error: unknown, path: string, what: string): unknown {
  if (error instanceof LieuError) return error;
  const code = codeOf(errnoOf(error));
  const hint = code === "ENOENT" ? `create the folder ${dirname(path)} first` : (error as Error).message;
  return new LieuError(code, `${what}: the file ${path} cannot be mapped: ${hint}`, { cause: error });
}

function ignoreErrors(action: () => void): void {
  try {
    action();
  } catch {
    // The next node of this path replaces it.
  }
}
