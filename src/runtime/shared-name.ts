/**
 * A thread's membership in a memory that processes share by a name (shared-file.ts): how it waits for the others, and how it leaves. The
 * last one out removes the file. A process that ends by itself leaves all that it is in; one that is killed cannot, and is found dead by its
 * number and start, by whoever waits for it, or comes next.
 */
import { libc } from "../host/libc.ts";
import type { Sleeper } from "./control.ts";
import { LockedFile } from "./shared-file.ts";
import type { SharedName, SharedVm } from "./shared-vm.ts";

/** How long one who leaves waits for the file's lock, ms: then the file is left to who comes next. */
const LEAVE_MS = 2000;

/** Memories of this thread's that have not been left. */
const joined = new Set<SharedVm>();
/** The first shard of a memory last: it has the file of them all. */
function leaveAll(): void {
  for (const vm of [...joined].reverse()) vm.close();
}

/** Waiting for words of a mapped control buffer. @throws {@link LieuError} ENOTSUP without koffi */
export function processSleeper(control: SharedArrayBuffer): Sleeper {
  return libc("a memory that processes share").futex(new Int32Array(control));
}

/** The file that a memory is in, or one of its shards. */
export interface NamedFile {
  readonly path: string;
  readonly identity: string;
  /** Its number; 0 if there is one. */
  readonly shard?: number | undefined;
}

/** See the file's head. */
export class Membership implements SharedName {
  readonly path: string;
  readonly identity: string;
  lent: boolean;
  readonly #shard: number;
  #unmap: readonly (() => void)[];

  /** `unmap`: what takes this process's mappings away, if no other thread of it can have them. */
  constructor({ path, identity, shard = 0 }: NamedFile, unmap: readonly (() => void)[] | undefined) {
    this.path = path;
    this.identity = identity;
    this.#shard = shard;
    this.lent = unmap === undefined;
    this.#unmap = unmap ?? [];
  }

  /** The membership is this engine's from now on. */
  join(vm: SharedVm): void {
    vm.name = this;
    if (joined.size === 0) process.once("exit", leaveAll);
    joined.add(vm);
  }
  leave(vm: SharedVm): void {
    joined.delete(vm);
    if (joined.size === 0) process.off("exit", leaveAll);
    if (this.#shard === 0) this.#leaveFile(vm);
    // The files of other shards go with that of the first.
    else vm.control.part(vm.slot);
    if (!this.lent) for (const unmap of this.#unmap) unmap();
    this.#unmap = [];
  }
  /** The last one out removes it. */
  #leaveFile(vm: SharedVm): void {
    let file: LockedFile | undefined;
    try {
      file = LockedFile.open(this.path, false, LEAVE_MS);
      vm.control.part(vm.slot);
      if (file.identity === this.identity && !vm.control.members().some(({ alive }) => alive))
        file.remove(file.header());
    } catch {
      // It is gone, or another's by now.
      vm.control.part(vm.slot);
    } finally {
      file?.release();
    }
  }
}
