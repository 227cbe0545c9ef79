/**
 * System calls on the pages of a segment, through koffi, which is optional: whoever needs one of these gets a typed error that says
 * what to install. Addresses are those of typed arrays over shared WebAssembly memory, which starts on a page boundary.
 */
import Module from "node:module";
import { pathToFileURL } from "node:url";
import { LieuError } from "../errors.ts";

type Address = bigint | number;

/** The part of koffi that is used. */
interface Koffi {
  load(library: string): { func(prototype: string): (...args: (Address | null)[]) => number };
  address(array: ArrayBufferView): Address;
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/** Numbers of system calls that libc has no function for, by architecture. */
const NUMBERS: Readonly<Record<string, Numbers>> = {
  x64: { mbind: 237, movePages: 279, futex: 202, membarrier: 324 },
  arm64: { mbind: 235, movePages: 239, futex: 98, membarrier: 283 },
};
interface Numbers {
  readonly mbind: number;
  readonly movePages: number;
  readonly futex: number;
  readonly membarrier: number;
}

const MADV_DONTNEED = 4;
/** LOCK_EX | LOCK_NB */
const LOCK_EX_NB = 6;
const LOCK_UN = 8;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
/** Of all threads of processes that have registered, and of this process; and to register. */
const MEMBARRIER_GLOBAL_EXPEDITED = 2;
const MEMBARRIER_REGISTER_GLOBAL_EXPEDITED = 4;
const MEMBARRIER_PRIVATE_EXPEDITED = 8;
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MADV_HUGEPAGE = 14;
const MPOL_DEFAULT = 0;
const MPOL_BIND = 2;
/** Move pages that are there already. */
const MPOL_MF_MOVE = 2;
/** Nodes that a mask has room for. */
const MASK_BITS = 1024;
/** Pages that one call of move_pages() is asked about. */
const QUERY = 4096;
const PAGE = 4096;

/** What failed, by the name of its errno. */
export class SystemError extends Error {
  readonly errno: string;
  constructor(call: string, errno: string) {
    super(`${call}: ${errno}`);
    this.errno = errno;
  }
}

/** System calls on memory; see {@link libc}. */
export interface Libc {
  /** Keep the pages of `range` on host node `node`, those that are there already too (mbind, MPOL_BIND). @throws SystemError */
  bindTo(range: Uint8Array, node: number): void;
  /** End {@link Libc.bindTo} (MPOL_DEFAULT). @throws SystemError */
  unbind(range: Uint8Array): void;
  /** Give the pages of `range` back to the system; they read as zeros from now on (madvise, MADV_DONTNEED). @throws SystemError */
  discard(range: Uint8Array): void;
  /** Have `range` backed by transparent huge pages as it is touched (madvise, MADV_HUGEPAGE). @throws SystemError */
  adviseHuge(range: Uint8Array): void;
  /** Lock a file for as long as it is open (flock, LOCK_EX). Returns false if somebody else has. @throws SystemError */
  lock(fd: number): boolean;
  /** End {@link Libc.lock} while it is still open. @throws SystemError */
  unlock(fd: number): void;
  /** Make a file `size` bytes long, with room on its medium for all of them (posix_fallocate). @throws SystemError */
  allocate(fd: number, size: number): void;
  /** Map a file from `offset` on over `range`, in place (mmap, MAP_FIXED | MAP_SHARED). @throws SystemError */
  mapShared(range: Uint8Array, fd: number, offset: number): void;
  /** Map ordinary memory over `range`: zeros. @throws SystemError */
  mapAnonymous(range: Uint8Array): void;
  /** Pages of `range` on each host node, by number; those that are nowhere yet do not count (move_pages). @throws SystemError */
  placement(range: Uint8Array): Map<number, number>;
  /**
   * Registers the process, and gives what makes every running thread of it pass a full memory fence; with `processes`, those of all
   * processes that have registered so (membarrier, expedited). @throws SystemError
   */
  barrier(processes: boolean): () => void;
  /** Reads and writes of files. */
  files(): FileCalls;
  /** Waiting on words of memory that several processes have mapped; see {@link Futex}. `words` must stay where it is. */
  futex(words: Int32Array): Futex;
}

/** Reads and writes of a file without what Node does around them. Each gives the bytes that were moved, or -1; why, it does not say. */
export interface FileCalls {
  /** Where an array begins, for as long as it exists. */
  addressOf(array: Uint8Array): number;
  /** Read to memory at address `to` from byte `position` of the file on (pread). */
  read(fd: number, to: number, bytes: number, position: number): number;
  /** Write the `n` pages at `base + addrs[i]`, from i = `first` on, one after the other (pwritev). */
  writePages(fd: number, base: number, addrs: Uint32Array, first: number, n: number, position: number): number;
}

/** futex(2) over an array that other processes have too, for which there is no Atomics.wait(). */
export interface Futex {
  /** Sleep for at most `ms` while word `index` is `value`. Returns whether the time was up; it may wake for no reason. */
  wait(index: number, value: number, ms: number): boolean;
  /** Wake up to `count` of those who sleep on word `index`, of whatever process. */
  wake(index: number, count: number): void;
}

let loaded: Libc | undefined;

/**
 * The system calls. `what` needs them, for the message.
 *
 * @throws {@link LieuError} ENOTSUP if koffi is not installed, or this is not Linux on x64 or arm64
 */
export function libc(what: string): Libc {
  if (loaded !== undefined) return loaded;
  const numbers = NUMBERS[process.arch];
  if (process.platform !== "linux" || numbers === undefined) {
    throw new LieuError(
      "ENOTSUP",
      `${what} needs Linux on x64 or arm64; this is ${process.platform} on ${process.arch}`,
    );
  }
  loaded = bindings(loadKoffi(what), numbers);
  return loaded;
}

let missing = false;

/** The system calls, or undefined where {@link libc} throws; for what does well without, too. */
export function libcIfThere(): Libc | undefined {
  if (missing) return undefined;
  try {
    return libc("it");
  } catch {
    missing = true;
    return undefined;
  }
}

let place: string | undefined;
/** Where koffi is looked for from, for {@link lookForKoffiFrom} of a thread whose code is text. Bundled as CommonJS there is no import.meta.url. */
export function koffiPlace(): string {
  return place ?? import.meta.url ?? pathToFileURL(`${process.cwd()}/`).href;
}
export function lookForKoffiFrom(url: string): void {
  place = url;
}

/** koffi as the program sees it: it is the program's to install. */
function loadKoffi(what: string): Koffi {
  const from = koffiPlace();
  try {
    // By this name bundlers leave it alone: what is not installed is not theirs to find.
    return Module.createRequire(from)("koffi") as Koffi;
  } catch (cause) {
    throw new LieuError("ENOTSUP", `${what} needs the package koffi, which cannot be loaded: npm install koffi`, {
      cause,
    });
  }
}

function bindings(koffi: Koffi, numbers: Numbers): Libc {
  const library = koffi.load("libc.so.6");
  const mbind = library.func("long syscall(long, uintptr_t, size_t, int, uintptr_t, size_t, int)");
  const movePages = library.func("long syscall(long, int, size_t, uintptr_t, uintptr_t, uintptr_t, int)");
  const madvise = library.func("int madvise(uintptr_t, size_t, int)");
  const futex = library.func("long syscall(long, uintptr_t, int, uint32_t, uintptr_t)");
  const membarrier = library.func("long syscall(long, int, unsigned int, int)");
  const flock = library.func("int flock(int, int)");
  const fallocate = library.func("int posix_fallocate(int, long, long)");
  const mmap = library.func("long mmap(uintptr_t, size_t, int, int, int, long)");
  const call = (name: string, result: number, code: number = koffi.errno()): void => {
    if (result === 0) return;
    const known = Object.entries(koffi.os.errno).find(([, n]) => n === code)?.[0];
    throw new SystemError(name, known ?? `errno ${code}`);
  };
  const policy = (range: Uint8Array, mode: number, nodes: readonly number[]): void => {
    const mask = new BigUint64Array(MASK_BITS / 64);
    for (const node of nodes) mask[node >> 6] = (mask[node >> 6] as bigint) | (1n << BigInt(node & 63));
    const at = koffi.address(range);
    const bits = nodes.length === 0 ? 0 : MASK_BITS + 1;
    const where = nodes.length === 0 ? 0 : koffi.address(mask);
    const move = mode === MPOL_BIND ? MPOL_MF_MOVE : 0;
    call("mbind", mbind(numbers.mbind, at, range.byteLength, mode, where, bits, move));
  };
  return {
    bindTo: (range, node) => policy(range, MPOL_BIND, [node]),
    unbind: (range) => policy(range, MPOL_DEFAULT, []),
    discard: (range) => call("madvise", madvise(koffi.address(range), range.byteLength, MADV_DONTNEED)),
    adviseHuge: (range) => call("madvise", madvise(koffi.address(range), range.byteLength, MADV_HUGEPAGE)),
    lock(fd) {
      const result = flock(fd, LOCK_EX_NB);
      if (result !== 0 && koffi.errno() === koffi.os.errno.EWOULDBLOCK) return false;
      call("flock", result);
      return true;
    },
    unlock: (fd) => call("flock", flock(fd, LOCK_UN)),
    allocate(fd, size) {
      let code: number;
      // A signal may come in between; what was allocated stays.
      do code = fallocate(fd, 0, size);
      while (code === koffi.os.errno.EINTR);
      call("posix_fallocate", code, code);
    },
    mapShared(range, fd, offset) {
      const flags = MAP_SHARED | MAP_FIXED;
      const at = mmap(koffi.address(range), range.byteLength, PROT_READ_WRITE, flags, fd, offset);
      call("mmap", Number(at) === -1 ? -1 : 0);
    },
    mapAnonymous(range) {
      const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
      const at = mmap(koffi.address(range), range.byteLength, PROT_READ_WRITE, flags, -1, 0);
      call("mmap", Number(at) === -1 ? -1 : 0);
    },
    placement(range) {
      const first = BigInt(koffi.address(range));
      const pages = Math.floor(range.byteLength / PAGE);
      const found = new Map<number, number>();
      for (let done = 0; done < pages; done += QUERY) {
        const n = Math.min(QUERY, pages - done);
        const addresses = BigUint64Array.from({ length: n }, (_, i) => first + BigInt((done + i) * PAGE));
        const status = new Int32Array(n);
        call("move_pages", movePages(numbers.movePages, 0, n, koffi.address(addresses), 0, koffi.address(status), 0));
        for (const node of status) if (node >= 0) found.set(node, (found.get(node) ?? 0) + 1);
      }
      return found;
    },
    barrier(processes) {
      const register = processes ? MEMBARRIER_REGISTER_GLOBAL_EXPEDITED : MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
      const command = processes ? MEMBARRIER_GLOBAL_EXPEDITED : MEMBARRIER_PRIVATE_EXPEDITED;
      call("membarrier", membarrier(numbers.membarrier, register, 0, 0));
      return () => call("membarrier", membarrier(numbers.membarrier, command, 0, 0));
    },
    files: () => fileCalls(koffi, library),
    futex(words) {
      const base = BigInt(koffi.address(words));
      const time = new BigInt64Array(2);
      const timeAt = koffi.address(time);
      const address = (index: number) => base + BigInt(index * 4);
      return {
        wait(index, value, ms) {
          time[0] = BigInt(Math.floor(ms / 1000));
          time[1] = BigInt(Math.round((ms % 1000) * 1e6));
          const failed = futex(numbers.futex, address(index), FUTEX_WAIT, value >>> 0, timeAt) !== 0;
          return failed && koffi.errno() === koffi.os.errno.ETIMEDOUT;
        },
        wake(index, count) {
          futex(numbers.futex, address(index), FUTEX_WAKE, count, 0);
        },
      };
    },
  };
}

/** Most pieces of one pwritev(2) (IOV_MAX). */
const MAX_PIECES = 1024;

function fileCalls(koffi: Koffi, library: ReturnType<Koffi["load"]>): FileCalls {
  const pread = library.func("long pread(int, uintptr_t, size_t, long)");
  const pwritev = library.func("long pwritev(int, uintptr_t, int, long)");
  // struct iovec { void *base; size_t bytes; }, as four words each.
  const pieces = new Uint32Array(4 * MAX_PIECES);
  const at = koffi.address(pieces);
  return {
    addressOf: (array) => Number(koffi.address(array)),
    read: (fd, to, bytes, position) => Number(pread(fd, to, bytes, position)),
    writePages(fd, base, addrs, first, n, position) {
      let count = 0;
      for (let i = first; i < first + n && count < MAX_PIECES; count++) {
        const start = addrs[i] as number;
        let bytes = 0;
        // Neighbours in memory as one, which the system copies faster.
        do {
          bytes += PAGE;
          i++;
        } while (i < first + n && addrs[i] === start + bytes);
        pieces[4 * count] = (base + start) % 2 ** 32;
        pieces[4 * count + 1] = Math.floor((base + start) / 2 ** 32);
        pieces[4 * count + 2] = bytes;
      }
      return Number(pwritev(fd, at, count, position));
    },
  };
}
