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
import fs from "node:fs";
import { resolve } from "node:path";
import { LieuError } from "../errors.ts";
import { userOf } from "../host/file-users.ts";
import { slotsOfSize } from "./check.ts";
import { PAGE_SIZE, type SwapDevice } from "./device.ts";
import { type FilePages, writeFully } from "./file-pages.ts";
import { FileSlots, fileError, identity, ignoreErrors } from "./file-slots.ts";

const MAGIC = Buffer.from("lieu swap file 1\n");

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
  /** Whether other processes will open it: it keeps its name, also when this one closes it. Who it goes with removes it. Default: false. */
  readonly shared?: boolean | undefined;
  /** What moves its pages. */
  readonly pages?: FilePages | undefined;
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
    const fd = createFile(path, slots);
    return options.shared
      ? new FileSlots(path, slots, fd, true, options.pages)
      : new FileDevice(path, slots, fd, options.keep === true, options.pages);
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

class FileDevice extends FileSlots {
  constructor(path: string, slots: number, fd: number, keep: boolean, pages?: FilePages) {
    super(path, slots, fd, false, pages);
    openPaths.add(path);
    if (!keep && process.platform !== "win32") {
      fs.unlinkSync(path);
      return;
    }
    openFiles.add(this.identity);
    if (named.size === 0) process.once("exit", removeAll);
    named.add(this);
  }

  /** Never throws: a file that cannot be removed is replaced by the next device at its path. */
  override close(): void {
    if (this.fd === undefined) return;
    const fd = this.fd;
    this.fd = undefined;
    this.letGo();
    openPaths.delete(this.path);
    if (named.delete(this)) {
      openFiles.delete(this.identity);
      if (named.size === 0) process.off("exit", removeAll);
      // Windows removes no file that is open; elsewhere no other can have come by its inode number while it is.
      if (process.platform === "win32") ignoreErrors(() => fs.closeSync(fd));
      ignoreErrors(() => {
        if (identity(fs.lstatSync(this.path, { bigint: true })) === this.identity) fs.unlinkSync(this.path);
      });
      if (process.platform === "win32") return;
    }
    ignoreErrors(() => fs.closeSync(fd));
  }
}
