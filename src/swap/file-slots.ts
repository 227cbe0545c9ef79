/**
 * Slots in an open file: slot i is the 4096 bytes at (i + 1) * 4096. Who made the file and what becomes of it is its owner's affair
 * (file.ts); another thread attaches to it with a descriptor of its own.
 */
import fs, { type BigIntStats } from "node:fs";
import { dirname } from "node:path";
import { LieuError } from "../errors.ts";
import { codeOf, errnoOf } from "../host/file-errors.ts";
import { checkAddress, checkSlots, slotRange } from "./check.ts";
import { type FileDescriptor, PAGE_SIZE, type SwapDevice } from "./device.ts";

/** Most pages in one system call: below any system's IOV_MAX, where Node would split the call but not mind a short part. */
const MAX_PAGES = 512;

/** Slots in a file that is open. Closing lets go of the descriptor, and no more. */
export class FileSlots implements SwapDevice {
  readonly kind = "file";
  readonly keepsBytes = true;
  readonly slots: number;
  protected readonly path: string;
  protected readonly identity: string;
  protected fd: number | undefined;
  readonly #named: boolean;

  /** `named`: other processes can open it by its path. */
  constructor(path: string, slots: number, fd: number, named = false) {
    this.#named = named;
    this.slots = slots;
    this.path = path;
    this.fd = fd;
    this.identity = identity(fs.fstatSync(fd, { bigint: true }));
  }

  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void {
    const fd = this.#openFd();
    checkSlots(slot, nr, this.slots);
    try {
      for (let first = 0; first < nr; first += MAX_PAGES) {
        const views = runsOf(memory, addrs, first, Math.min(nr, first + MAX_PAGES));
        writeFully(fd, views, (slot + first + 1) * PAGE_SIZE);
      }
    } catch (error) {
      throw fileError(error, this.path, `written at ${slotRange(slot, nr)}`);
    }
  }

  read(slot: number, memory: Uint8Array, addr: number): void {
    const fd = this.#openFd();
    checkSlots(slot, 1, this.slots);
    checkAddress(memory, addr);
    try {
      readFully(fd, memory, addr, (slot + 1) * PAGE_SIZE);
    } catch (error) {
      throw fileError(error, this.path, `read at ${slotRange(slot, 1)}`);
    }
  }

  /** Nothing to do: the slot's blocks are written over, or go with the file. (Node has no call to punch a hole.) */
  free(): void {}

  descriptor(): FileDescriptor {
    const { slots, path, identity } = this;
    return { kind: "file", slots, path, fd: this.#openFd(), identity, named: this.#named };
  }

  close(): void {
    const { fd } = this;
    this.fd = undefined;
    if (fd !== undefined) ignoreErrors(() => fs.closeSync(fd));
  }

  #openFd(): number {
    if (this.fd === undefined) throw new LieuError("ECLOSED", `swap file ${this.path} is closed`);
    return this.fd;
  }
}

/** The pages at `addrs[first]` to `addrs[end - 1]`; neighbours in memory as one, which the system copies faster. */
function runsOf(memory: Uint8Array, addrs: Uint32Array, first: number, end: number): Uint8Array[] {
  const views: Uint8Array[] = [];
  for (let i = first; i < end; ) {
    const start = addrs[i];
    let bytes = 0;
    do {
      checkAddress(memory, addrs[i]);
      bytes += PAGE_SIZE;
      i++;
    } while (i < end && addrs[i] === (start as number) + bytes);
    views.push(memory.subarray(start, (start as number) + bytes));
  }
  return views;
}

/**
 * The file of another thread's device, open once more: what that thread closes, and a number that is then another file's, does no harm
 * here. The file has most likely no name any more; it is found by its number.
 *
 * @throws {@link LieuError} ECLOSED if the device was closed, EACCES, EIO
 */
export function attachFileDevice({ path, slots, fd, identity: wanted, named }: FileDescriptor): SwapDevice {
  const byPath = named || process.platform === "win32";
  const name = byPath ? path : process.platform === "linux" ? `/proc/self/fd/${fd}` : `/dev/fd/${fd}`;
  try {
    const own = fs.openSync(name, fs.constants.O_RDWR | (named ? (fs.constants.O_NOFOLLOW ?? 0) : 0));
    const device = new FileSlots(path, slots, own, named);
    if (device.descriptor().identity === wanted) return device;
    device.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EBADF") throw fileError(error, path, "attached to");
  }
  throw new LieuError("ECLOSED", `swap file ${path} is closed: its owner no longer has it open`);
}

/** Write all of `views` one after the other from `position` on. A short write is continued, to learn what stopped it. */
export function writeFully(fd: number, views: Uint8Array[], position: number): void {
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
export function identity(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

/** Do what may fail with nothing left to be done about it. */
export function ignoreErrors(action: () => void): void {
  try {
    action();
  } catch {
    // The caller has nothing left to do about it.
  }
}

/** `error` as a LieuError that names the file. `action` is what it could not be: "opened", "read at slot 3". */
export function fileError(error: unknown, path: string, action: string): LieuError {
  if (error instanceof LieuError) return error;
  const errno = errnoOf(error);
  const code = errno === "EISDIR" ? "EACCES" : codeOf(errno);
  const hint = code === "ENOENT" ? `create the directory ${dirname(path)} first` : (error as Error).message;
  return new LieuError(code, `swap file ${path} cannot be ${action}: ${hint}`, { cause: error });
}
