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
import { FilePages } from "./file-pages.ts";

/** Slots in a file that is open. Closing lets go of the descriptor, and no more. */
export class FileSlots implements SwapDevice {
  readonly kind = "file";
  readonly keepsBytes = true;
  readonly slots: number;
  protected readonly path: string;
  protected readonly identity: string;
  protected fd: number | undefined;
  readonly #named: boolean;
  readonly #pages: FilePages;

  /** `named`: other processes can open it by its path. */
  constructor(path: string, slots: number, fd: number, named = false, pages: FilePages = new FilePages()) {
    this.#named = named;
    this.#pages = pages;
    this.slots = slots;
    this.path = path;
    this.fd = fd;
    this.identity = identity(fs.fstatSync(fd, { bigint: true }));
  }

  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void {
    const fd = this.#openFd();
    checkSlots(slot, nr, this.slots);
    try {
      this.#pages.write(fd, memory, addrs, nr, (slot + 1) * PAGE_SIZE);
    } catch (error) {
      throw fileError(error, this.path, `written at ${slotRange(slot, nr)}`);
    }
  }

  read(slot: number, memory: Uint8Array, addr: number): void {
    const fd = this.#openFd();
    checkSlots(slot, 1, this.slots);
    checkAddress(memory, addr);
    try {
      this.#pages.read(fd, memory, addr, (slot + 1) * PAGE_SIZE);
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
    this.letGo();
    if (fd !== undefined) ignoreErrors(() => fs.closeSync(fd));
  }

  /** Keep nothing of the memory that it was given pages of. */
  protected letGo(): void {
    this.#pages.close();
  }

  #openFd(): number {
    if (this.fd === undefined) throw new LieuError("ECLOSED", `swap file ${this.path} is closed`);
    return this.fd;
  }
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
