/**
 * Swap in a file: slot i is the 4096 bytes at (i + 1) * 4096, after a page that holds only a magic. The file is sparse,
 * so it takes disk as it fills; a full disk therefore shows at a write, not here at the start.
 *
 * Nothing must be left behind, however the process ends. On POSIX the file loses its name as soon as it is open, and the system
 * frees it with the last of its descriptors, crash or not. Where a file that is open cannot be removed (Windows), and where it is to
 * be seen (`keep`), it is removed on close, or when the process exits.
 *
 * Two more things must never happen, and both are settled by how the file is opened. A file that is not ours is never
 * touched: whatever stands at the path must be a regular file that begins with the magic. And two devices never write to
 * the same file, even across processes, for which Node has no lock: what a crashed process left behind is replaced by a
 * new file, never written to, so that if its owner lives after all, that one keeps its (by now nameless) file unharmed.
 * Where the other device can be seen, that two have one path is an error (users.ts).
 */
import fs, { type BigIntStats } from "node:fs";
import { dirname, resolve } from "node:path";
import { LieuError, type LieuErrorCode } from "../errors.ts";
import { userOf } from "../host/file-users.ts";
import { checkAddress, checkPage, checkSlots, slotRange, slotsOfSize } from "./check.ts";
import { PAGE_SIZE, type SwapDevice } from "./device.ts";

const MAGIC = Buffer.from("lieu swap file 1\n");
/** Most pages in one system call: below any system's IOV_MAX, where Node would split the call but not mind a short part. */
const MAX_PAGES = 512;

const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
/** Neither follow a link that took the file's place meanwhile, nor wait for a pipe's other end. Windows has neither. */
const O_CAUTIOUS = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

export interface FileDeviceOptions {
  /**
   * Where the file is to be. Its directory must exist. A lieu swap file that is there already is replaced; anything else
   * is left alone and is an error.
   */
  readonly path: string;
  /** Bytes of swap: a positive multiple of 4096. The file is a page longer. */
  readonly size: number;
  /** Whether the file is to be seen while it is in use. Default: false, it has no name once it is open (but on Windows). */
  readonly keep?: boolean | undefined;
}

/** The paths of the files that devices of this thread have open, and the identities of those that have a name. */
const openPaths = new Set<string>();
const openFiles = new Set<string>();

/** Named files of this thread, to be removed when the process exits. */
const named = new Set<FileDevice>();
function removeAll(): void {
  for (const device of [...named]) device.close();
}

/**
 * Create a swap file, readable by its owner only. With `close()` it is gone: its content means nothing without the memory
 * that wrote it.
 *
 * @throws {@link LieuError} EINVAL (a bad size, or something that is not a lieu swap file is at the path), EBUSY (another
 *   device has it open), ENOENT (no such directory), EACCES, ENOSPC (also: larger than the file size limit), EIO
 */
export function openFileDevice(options: FileDeviceOptions): SwapDevice {
  const slots = slotsOfSize(options.size);
  if (typeof options.path !== "string" || options.path === "" || options.path.includes("\0")) {
    throw new LieuError(
      "EINVAL",
      `swap file path ${JSON.stringify(options.path)} must be a non-empty string without NUL`,
    );
  }
  const path = resolve(options.path);
  if (openPaths.has(path)) throw inUse(path, process.pid);
  try {
    removeLeftOver(path);
    const user = userOf(path);
    if (user !== undefined) throw inUse(path, user);
    return new FileDevice(path, slots, createFile(path, slots), options.keep === true);
  } catch (error) {
    throw fileError(error, path, "opened");
  }
}

/** If a lieu swap file is at `path`, remove it; if anything else is, throw. */
function removeLeftOver(path: string): void {
  const found = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return;
  if (openFiles.has(identity(found))) throw inUse(path, process.pid);
  if (found.isDirectory()) throw new LieuError("EACCES", `swap file ${path} is a directory; name a file in it`);
  if (!found.isFile() || !hasMagic(path)) {
    throw new LieuError("EINVAL", `${path} exists and is not a lieu swap file; remove it or name another path`);
  }
  // Not one that a process which can be seen has open, for whoever keeps it wants to see it.
  const user = userOf(path);
  if (user !== undefined) throw inUse(path, user);
  fs.unlinkSync(path);
}

function inUse(path: string, pid: number): LieuError {
  const who = pid === process.pid ? "another swap device of this process" : `process ${pid}`;
  return new LieuError("EBUSY", `swap file ${path} is in use by ${who}; give each swap device its own path`);
}

function hasMagic(path: string): boolean {
  // Open for writing too: a swap file that we may not write, we shall not replace.
  const fd = fs.openSync(path, O_RDWR | O_CAUTIOUS);
  try {
    const start = Buffer.alloc(MAGIC.length);
    return fs.readSync(fd, start, 0, start.length, 0) === start.length && start.equals(MAGIC);
  } finally {
    fs.closeSync(fd);
  }
}

function createFile(path: string, slots: number): number {
  const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
  try {
    writeFully(fd, [MAGIC], 0);
    fs.ftruncateSync(fd, (slots + 1) * PAGE_SIZE);
    return fd;
  } catch (error) {
    ignoreErrors(() => fs.unlinkSync(path));
    ignoreErrors(() => fs.closeSync(fd));
    throw error;
  }
}

class FileDevice implements SwapDevice {
  readonly kind = "file";
  readonly keepsBytes = true;
  readonly slots: number;
  readonly #path: string;
  readonly #identity: string;
  #fd: number | undefined;

  constructor(path: string, slots: number, fd: number, keep: boolean) {
    this.slots = slots;
    this.#path = path;
    this.#fd = fd;
    this.#identity = identity(fs.fstatSync(fd, { bigint: true }));
    openPaths.add(path);
    if (!keep && process.platform !== "win32") {
      fs.unlinkSync(path);
      return;
    }
    openFiles.add(this.#identity);
    if (named.size === 0) process.once("exit", removeAll);
    named.add(this);
  }

  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void {
    const fd = this.#openFd();
    checkSlots(slot, nr, this.slots);
    try {
      for (let first = 0; first < nr; first += MAX_PAGES) {
        const views: Uint8Array[] = [];
        for (let i = first; i < Math.min(nr, first + MAX_PAGES); i++) {
          views.push(checkPage(memory, addrs[i]));
        }
        writeFully(fd, views, (slot + first + 1) * PAGE_SIZE);
      }
    } catch (error) {
      throw fileError(error, this.#path, `written at ${slotRange(slot, nr)}`);
    }
  }

  read(slot: number, memory: Uint8Array, addr: number): void {
    const fd = this.#openFd();
    checkSlots(slot, 1, this.slots);
    checkAddress(memory, addr);
    try {
      readFully(fd, memory, addr, (slot + 1) * PAGE_SIZE);
    } catch (error) {
      throw fileError(error, this.#path, `read at ${slotRange(slot, 1)}`);
    }
  }

  /** Nothing to do: the slot's blocks are written over, or go with the file. (Node has no call to punch a hole.) */
  free(): void {}

  /** Never throws: a file that cannot be removed is replaced by the next device at its path. */
  close(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    openPaths.delete(this.#path);
    if (named.delete(this)) {
      openFiles.delete(this.#identity);
      if (named.size === 0) process.off("exit", removeAll);
      // Windows removes no file that is open; elsewhere no other can have come by its inode number while it is.
      if (process.platform === "win32") ignoreErrors(() => fs.closeSync(fd));
      ignoreErrors(() => {
        if (identity(fs.lstatSync(this.#path, { bigint: true })) === this.#identity) fs.unlinkSync(this.#path);
      });
      if (process.platform === "win32") return;
    }
    ignoreErrors(() => fs.closeSync(fd));
  }

  #openFd(): number {
    if (this.#fd === undefined) throw new LieuError("ECLOSED", `swap file ${this.#path} is closed`);
    return this.#fd;
  }
}

/** Write all of `views` one after the other from `position` on. A short write is continued, to learn what stopped it. */
function writeFully(fd: number, views: Uint8Array[], position: number): void {
  let at = position;
  let rest = views;
  while (rest.length > 0) {
    const written = fs.writevSync(fd, rest, at);
    if (written <= 0) throw new Error(`short write, which stopped at byte ${at}`);
    at += written;
    rest = dropBytes(rest, written);
  }
}
function dropBytes(views: Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  let i = 0;
  while (i < views.length && left >= views[i]!.length) left -= views[i++]!.length;
  const rest = views.slice(i);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

function readFully(fd: number, memory: Uint8Array, addr: number, position: number): void {
  for (let done = 0; done < PAGE_SIZE; ) {
    const read = fs.readSync(fd, memory, addr + done, PAGE_SIZE - done, position + done);
    if (read <= 0) throw new Error(`the file ends at byte ${position + done}; was it truncated?`);
    done += read;
  }
}

/** A file's identity, whatever name it was reached by. */
function identity(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

function ignoreErrors(action: () => void): void {
  try {
    action();
  } catch {
    // The caller has nothing left to do about it.
  }
}

const CODES: ReadonlyMap<unknown, LieuErrorCode> = new Map<unknown, LieuErrorCode>([
  ["ENOSPC", "ENOSPC"],
  ["EDQUOT", "ENOSPC"],
  ["EFBIG", "ENOSPC"],
  ["EACCES", "EACCES"],
  ["EPERM", "EACCES"],
  // Node's permission model.
  ["ERR_ACCESS_DENIED", "EACCES"],
  ["EROFS", "EACCES"],
  ["EISDIR", "EACCES"],
  ["ENOENT", "ENOENT"],
  ["ENOTDIR", "ENOENT"],
  ["ENAMETOOLONG", "EINVAL"],
  ["EEXIST", "EBUSY"],
]);

/** `error` as a LieuError that names the file. `action` is what it could not be: "opened", "read at slot 3". */
function fileError(error: unknown, path: string, action: string): LieuError {
  if (error instanceof LieuError) return error;
  const { code: errno, message } = error as NodeJS.ErrnoException;
  const code = CODES.get(errno) ?? "EIO";
  const hint = code === "ENOENT" ? `create the directory ${dirname(path)} first` : message;
  return new LieuError(code, `swap file ${path} cannot be ${action}: ${hint}`, { cause: error });
}
