/**
 * The pool of compressed pages, smaller and larger again, as nodes are (balloon.ts). What it is to do without is taken from its free
 * pages, and room for that is made as for a page that comes; their bytes go back to the system. A pool that has become emptier gives
 * what it does not need in the same way, and has it back at once, untouched.
 */
import { LieuError, shown } from "../errors.ts";
import { libc } from "../host/libc.ts";
import {
  H_ZPOOL_FREE,
  H_ZPOOL_HELD,
  H_ZPOOL_HELD_LIST,
  H_ZPOOL_PAGES,
  hdr,
  ZP_NEXT,
  zpage,
  zpageAddr,
} from "../mm/layout.ts";
import { SharedVm } from "../runtime/shared-vm.ts";
import type { Vm } from "../runtime/vm.ts";
import { formatSize, parseSize, type Size } from "./size.ts";

const PAGE = 4096;
/** Pages between two times that bytes are given back. */
const BATCH = 256;
/** Fewest pages of a pool, as when it is opened. */
const LEAST = 16;
/** Free pages that a pool keeps when it gives back what it does not need, as a share of its size. */
const SPARE = 16;

/** See the file's head. */
export class PoolBalloon {
  readonly #vm: Vm;
  readonly #beforeFirst: () => void;

  constructor(vm: Vm, beforeFirst: () => void) {
    this.#vm = vm;
    this.#beforeFirst = beforeFirst;
  }

  /** Pages that the pool lacks for the time being. */
  held(): number {
    return this.#word(H_ZPOOL_HELD);
  }
  least(): number {
    return LEAST;
  }
  /** Bytes that the pool has now. */
  size(): number {
    return (this.#word(H_ZPOOL_PAGES) - this.held()) * PAGE;
  }

  /**
   * Give the pool this size. Returns it, in bytes.
   *
   * @throws {@link LieuError} EINVAL, ENOTSUP without koffi or for a shared memory, ENOMEM if what is there has no other place: then it
   *   has its old size
   */
  resize(size: Size): number {
    const what = "resize() of zswap";
    if (this.#vm instanceof SharedVm) throw new LieuError("ENOTSUP", `${what}: that of a shared memory stays as it is`);
    libc(what);
    const wanted = Math.floor(parseSize(size, what) / PAGE);
    const whole = this.#word(H_ZPOOL_PAGES);
    if (wanted < LEAST || wanted > whole) {
      const range = `from ${formatSize(LEAST * PAGE)} to the ${formatSize(whole * PAGE)} that it was opened with`;
      throw new LieuError("EINVAL", `${what}: ${shown(size)} is out of range; give ${range}`);
    }
    const before = this.held();
    const missing = whole - wanted - before;
    if (missing <= 0) this.grow(-missing);
    else if (this.shrink(missing) < missing) {
      this.grow(this.held() - before);
      throw new LieuError("ENOMEM", `${what}: what is there has no room elsewhere; it stays as it was`);
    }
    return wanted * PAGE;
  }

  /** Take up to `pages` pages from the pool. Returns how many it came to. */
  shrink(pages: number): number {
    this.#beforeFirst();
    let taken = 0;
    while (taken < pages) {
      const asked = Math.min(BATCH, pages - taken);
      const got = this.#vm.calls.zswapHold(asked);
      this.#discard(got);
      taken += got;
      if (got < asked) break;
    }
    return taken;
  }
  /** Let the pool have up to `pages` pages again. */
  grow(pages: number): void {
    if (pages > 0) this.#vm.calls.zswapRelease(pages);
  }
  /** Give the bytes of free pages back that the pool may need again, but not soon. Returns their number. */
  trim(): number {
    const spare = Math.ceil(this.#word(H_ZPOOL_PAGES) / SPARE);
    const free = this.#word(H_ZPOOL_FREE) - spare;
    if (free <= 0) return 0;
    const taken = this.shrink(free);
    this.grow(taken);
    return taken;
  }

  /** Give the bytes back of the `n` pages that were taken last, as runs. */
  #discard(n: number): void {
    this.#vm.inspect();
    const pages: number[] = [];
    for (let p = hdr(H_ZPOOL_HELD_LIST); pages.length < n; p = zpage(p - 1, ZP_NEXT)) pages.push(p - 1);
    pages.sort((a, b) => a - b);
    const { h8 } = this.#vm.segment;
    for (let i = 0; i < pages.length; ) {
      const first = pages[i] as number;
      let run = 1;
      while (pages[i + run] === first + run) run++;
      const at = zpageAddr(first) >>> 0;
      libc("resize()").discard(h8.subarray(at, at + run * PAGE));
      i += run;
    }
  }
  #word(field: number): number {
    this.#vm.inspect();
    return hdr(field);
  }
}
