/**
 * The file of a memory that several processes share, by its name in /dev/shm or its path: a header that says what is in it, the control
 * buffer, and the segment, which each process maps over a WebAssembly memory of its own.
 *
 *   header, 64 KiB: magic | length of what follows, once it is whole | what is in it, as JSON
 *   control buffer, 1 MiB
 *   segment
 *
 * Whoever creates, joins, leaves or removes it has the file locked meanwhile (flock), so each of these is one step for the others, and the
 * lock of one who dies in the middle is the next one's. A file whose length word is 0 was never finished; one of whose members none
 * lives is of no use to anybody: both are replaced, by a new file, so that nobody's mapping ever changes under him.
 *
 * Nothing but a file of lieu's own is ever touched: a regular one, the user's, which nobody else may open, and which begins with
 * the magic. All of its bytes are allocated before it is mapped: a store to a page that /dev/shm has no room for would kill the process
 * (SIGBUS).
 */
import fs from "node:fs";
import { dirname } from "node:path";
import { LieuError, type LieuErrorCode, shown } from "../errors.ts";
import { codeOf, errnoOf } from "../host/file-errors.ts";
import { userOf } from "../host/file-users.ts";
import { type Libc, libc } from "../host/libc.ts";
import { CONTROL_BYTES, Control } from "./control.ts";
import { FileGate, lockUntil, MOST_WAIT_MS } from "./file-gate.ts";

const MAGIC = Buffer.from("lieu memory 1\n");
/** Where the length of the JSON stands, and the JSON. */
const LENGTH_AT = 64;
const TEXT_AT = 4096;
const HEADER_BYTES = 1 << 16;
const SEGMENT_AT = HEADER_BYTES + CONTROL_BYTES;
const WASM_PAGE = 65536;

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;
const O_CAUTIOUS = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

/** What the header of every such file says, and more that is its maker's. */
export interface SharedHeader {
  /** Of what makes the memory and those who use it fit each other. */
  readonly stamp: string;
  /** Where its members' process numbers mean something. */
  readonly namespace: string;
  /** Bytes of the segment. */
  readonly bytes: number;
  /** Files that go with it: swap. */
  readonly files: readonly { readonly path: string; readonly identity: string }[];
  /** Of a memory of several shards, each of which has a file: which this is. */
  readonly shard?: ShardOf | undefined;
}
/** Shard `index` of `of`; `set` is the same in all of them, and in those of no other memory. */
export interface ShardOf {
  readonly index: number;
  readonly of: number;
  readonly set: string;
}

/** The file of a name: "/my-app" is one of /dev/shm, as shm_open(3) has it; a longer path is a file's own. @throws {@link LieuError} EINVAL */
export function sharedPath(name: string): string {
  const parts = name.split("/");
  const odd = parts.length < 2 || parts[0] !== "" || name.includes("\0");
  if (odd || parts.slice(1).some((part) => part === "" || part === "." || part === "..")) {
    const rule = 'give a name such as "/my-app", or the absolute path of a file';
    throw new LieuError("EINVAL", `shared is ${shown(name)}: ${rule}`);
  }
  return parts.length === 2 ? `/dev/shm${name}` : name;
}

/** A file of shard `i` of a memory: the first has the name that was given, others a number behind it. */
export function shardPath(path: string, i: number): string {
  return i === 0 ? path : `${path}.${i}`;
}

/** The process numbers of this process are these; they mean nothing in another. @throws {@link LieuError} ENOTSUP */
export function pidNamespace(): string {
  try {
    return fs.readlinkSync("/proc/self/ns/pid");
  } catch (cause) {
    throw new LieuError("ENOTSUP", "a memory that processes share needs /proc, to know who lives", { cause });
  }
}

/** A file that this process has locked. To be given back by {@link LockedFile.release}. */
export class LockedFile {
  readonly path: string;
  readonly identity: string;
  readonly #fd: number;
  readonly #calls: Libc;
  #released = false;

  private constructor(path: string, fd: number, calls: Libc) {
    this.path = path;
    this.#fd = fd;
    this.#calls = calls;
    this.identity = identityOf(fs.fstatSync(fd, { bigint: true }));
  }

  /**
   * Lock the file at `path`; with `create`, make it if there is none.
   *
   * @throws {@link LieuError} ENOENT, EACCES (another user's, or one that others may open), EINVAL (not a regular file), EBUSY (who has it
   *   does not let go of it), ENOTSUP without koffi
   */
  static open(path: string, create: boolean, waitMs: number = MOST_WAIT_MS): LockedFile {
    const calls = libc(`the shared memory ${path}`);
    const until = Date.now() + waitMs;
    for (;;) {
      let fd: number | undefined;
      try {
        fd = openOrCreate(path, create);
        if (fd === undefined) continue;
        checkFile(fd, path);
        lockUntil(fd, path, calls, until);
        const file = new LockedFile(path, fd, calls);
        if (file.#isThere()) return file;
      } catch (error) {
        if (fd !== undefined) fs.closeSync(fd);
        throw sharedFileError(error, path, { create });
      }
      // It was removed before it could be locked.
      fs.closeSync(fd);
    }
  }

  /** Whether nothing has been written to it. */
  get isEmpty(): boolean {
    return fs.fstatSync(this.#fd).size === 0;
  }
  /** What the file says is in it; undefined if it was never finished. @throws {@link LieuError} EINVAL if it is not lieu's */
  header(): SharedHeader | undefined {
    return readHeader(this.#fd, this.path);
  }
  /** Who has a slot in it, as it is now. */
  control(): Control {
    return readControl(this.#fd);
  }

  /** Make an empty file one for a segment of so many bytes. @throws {@link LieuError} ENOSPC, ENOTSUP, EIO */
  allocate(bytes: number): void {
    try {
      fs.writeSync(this.#fd, MAGIC, 0, MAGIC.length, 0);
      this.#calls.allocate(this.#fd, SEGMENT_AT + bytes);
    } catch (error) {
      throw sharedFileError(error, this.path, { bytes: SEGMENT_AT + bytes });
    }
  }
  /** Map the segment over `range`, in place. Returns what maps ordinary memory over it again. @throws {@link LieuError} */
  mapSegment(range: Uint8Array): () => void {
    return this.#map(range, SEGMENT_AT);
  }
  /** Map the control buffer. */
  mapControl(): MappedControl {
    const pages = CONTROL_BYTES / WASM_PAGE;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const unmap = this.#map(new Uint8Array(buffer), HEADER_BYTES);
    return { buffer, unmap };
  }
  #map(range: Uint8Array, offset: number): () => void {
    try {
      this.#calls.mapShared(range, this.#fd, offset);
    } catch (error) {
      throw sharedFileError(error, this.path);
    }
    return () => this.#calls.mapAnonymous(range);
  }
  /** Say what is in it: from now on it is one that others may join. @throws {@link LieuError} ENOMEM if that is too long */
  finish(header: SharedHeader): void {
    const text = Buffer.from(JSON.stringify(header));
    if (TEXT_AT + text.length > HEADER_BYTES) {
      throw new LieuError(
        "ENOMEM",
        "what there is to say of the memory's nodes and devices is too long; use shorter names",
      );
    }
    fs.writeSync(this.#fd, text, 0, text.length, TEXT_AT);
    fs.writeSync(this.#fd, Buffer.from(Int32Array.of(text.length).buffer), 0, 4, LENGTH_AT);
  }

  /** Remove it, and what goes with it; where none of its members lives, what is in use has become another's. */
  remove(header: SharedHeader | undefined, anyLives = false): void {
    removeIfSame(this.path, this.identity);
    for (const { path, identity } of header?.files ?? []) {
      if (anyLives || userOf(path) === undefined) removeIfSame(path, identity);
    }
    const { index, of, set } = header?.shard ?? { index: 0, of: 1, set: "" };
    if (index === 0) for (let i = 1; i < of; i++) removeShard(shardPath(this.path, i), set, anyLives);
  }
  /** To lock it again and again, as one of those who have it, whatever becomes of its name. */
  gate(): FileGate {
    return new FileGate(fs.openSync(this.path, O_RDWR | O_CAUTIOUS), this.path, this.#calls);
  }
  /** Let go of it. Its mappings would keep the lock if it was only closed. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#calls.unlock(this.#fd);
    fs.closeSync(this.#fd);
  }
  #isThere(): boolean {
    const found = fs.lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    return found !== undefined && identityOf(found) === this.identity;
  }
}

/** Remove the file of a shard, if it is of that memory. */
function removeShard(path: string, set: string, anyLives: boolean): void {
  try {
    const shard = LockedFile.open(path, false);
    try {
      const header = shard.header();
      if (header?.shard?.set === set) shard.remove(header, anyLives);
    } finally {
      shard.release();
    }
  } catch {
    // It is gone, or another's by now.
  }
}

/** The control buffer of a file, mapped. */
export interface MappedControl {
  readonly buffer: SharedArrayBuffer;
  unmap(): void;
}

/** Whether a file begins as that of a memory does. */
export function isSharedFile(path: string): boolean {
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, O_RDONLY | O_CAUTIOUS);
    const head = Buffer.alloc(MAGIC.length);
    return fs.readSync(fd, head, 0, head.length, 0) === head.length && head.equals(MAGIC);
  } catch {
    return false;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** The file of a memory, as it is seen from outside. */
export interface SeenFile {
  /** What it says of itself; undefined: it was never finished. */
  readonly header: SharedHeader | undefined;
  /** Who is there; a copy. */
  readonly control: Control;
  /** Copy the bytes of the segment from `at` on; what there are fewer of stays as it is. */
  read(into: Uint8Array, at: number): void;
}

/** Look at the file from outside, without locking it, mapping it or writing to it. Gives what `look` gives. */
export function lookAt<R>(path: string, look: (file: SeenFile) => R): R {
  let fd: number;
  try {
    fd = fs.openSync(path, O_RDONLY | O_CAUTIOUS);
  } catch (error) {
    throw sharedFileError(error, path);
  }
  try {
    checkFile(fd, path);
    const read = (into: Uint8Array, at: number): void => readFully(fd, into, SEGMENT_AT + at);
    return look({ header: readHeader(fd, path), control: readControl(fd), read });
  } catch (error) {
    throw sharedFileError(error, path);
  } finally {
    fs.closeSync(fd);
  }
}

/** The descriptor; undefined: it was made by another meanwhile. */
function openOrCreate(path: string, create: boolean): number | undefined {
  try {
    return fs.openSync(path, O_RDWR | O_CAUTIOUS);
  } catch (error) {
    if (!create || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  try {
    const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_CAUTIOUS, 0o600);
    // The process's mask may have taken more from it.
    fs.fchmodSync(fd, 0o600);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
}

function checkFile(fd: number, path: string): void {
  const stat = fs.fstatSync(fd);
  if (!stat.isFile()) throw stranger(path);
  if (stat.uid !== process.geteuid?.()) throw new LieuError("EACCES", `${path} belongs to another user`);
  if ((stat.mode & 0o077) !== 0) {
    throw new LieuError("EACCES", `${path} may be opened by other users: that is no memory that lieu has made`);
  }
  if (stat.nlink > 1) throw new LieuError("EACCES", `${path} has another name: that is no memory that lieu has made`);
}

function readHeader(fd: number, path: string): SharedHeader | undefined {
  const head = Buffer.alloc(HEADER_BYTES);
  const { size } = fs.fstatSync(fd);
  if (size === 0) return undefined;
  const read = fs.readSync(fd, head, 0, HEADER_BYTES, 0);
  if (read < MAGIC.length || !head.subarray(0, MAGIC.length).equals(MAGIC)) throw stranger(path);
  const length = read < HEADER_BYTES ? 0 : head.readInt32LE(LENGTH_AT);
  if (length === 0) return undefined;
  try {
    const header = JSON.parse(head.toString("utf8", TEXT_AT, TEXT_AT + length)) as SharedHeader;
    if (size >= SEGMENT_AT + header.bytes && Array.isArray(header.files)) return header;
  } catch {
    // As though it said something else.
  }
  throw stranger(path);
}

function readControl(fd: number): Control {
  const buffer = new SharedArrayBuffer(CONTROL_BYTES);
  readFully(fd, new Uint8Array(buffer), HEADER_BYTES);
  return new Control(buffer);
}
function readFully(fd: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length; ) {
    const n = fs.readSync(fd, into, done, into.length - done, position + done);
    if (n <= 0) return;
    done += n;
  }
}

function removeIfSame(path: string, identity: string): void {
  try {
    if (identityOf(fs.lstatSync(path, { bigint: true })) === identity) fs.unlinkSync(path);
  } catch {
    // Whoever comes next removes it.
  }
}
function identityOf({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`;
}

function stranger(path: string): LieuError {
  return new LieuError("EINVAL", `${path} exists and is not a memory of lieu's; take another name`);
}

function sharedFileError(error: unknown, path: string, { bytes = 0, create = false } = {}): unknown {
  if (error instanceof LieuError) return error;
  const errno = errnoOf(error);
  const code = codeOf(errno);
  const room = `there is no room for its ${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const hints: Partial<Record<LieuErrorCode, string>> = {
    ENOSPC: `${room}; where /dev/shm is small (docker run --shm-size), the path of a file will do as well`,
    ENOENT: create ? `there is no folder ${dirname(path)}` : "there is none; openMemory() makes one",
    ...(errno === "ELOOP" && { EINVAL: "it is a symbolic link, which is not followed" }),
  };
  return new LieuError(code, `shared memory ${path}: ${hints[code] ?? (error as Error).message}`, { cause: error });
}
