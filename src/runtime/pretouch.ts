/**
 * Touches every page of a segment, so that no first-touch fault of the operating system falls on a hot path later. A gigabyte takes
 * most of a second of it, so it is done in slices between which the event loop has its turn.
 */
import type { Segment } from "./segment.ts";

const PAGE = 4096;
/** Pages between two looks at the clock. */
const BATCH = 64;
/** How long a slice keeps the event loop, about, in milliseconds. */
const SLICE_MS = 3;

/** Touch pages from byte `from` on until `deadline`; gives where it stopped. What the pages hold stays as it is. */
function touch(segment: Segment, from: number, deadline: number): number {
  const { h8 } = segment;
  let at = from;
  while (at < h8.length && performance.now() < deadline) {
    const skipped = segment.untouchable.find(({ from, to }) => at >= from && at < to);
    if (skipped !== undefined) {
      at = skipped.to;
      continue;
    }
    const next = segment.untouchable.find(({ from }) => from > at)?.from ?? h8.length;
    const end = Math.min(next, at + BATCH * PAGE);
    // An atomic add of nothing: whoever writes to the byte meanwhile has written to it.
    for (; at < end; at += PAGE) Atomics.add(h8, at, 0);
  }
  return at;
}

/** Touch all of a segment now. */
export function touchNow(segment: Segment): void {
  if (!segment.touched) touch(segment, 0, Number.POSITIVE_INFINITY);
  segment.touched = true;
}

/** A segment being touched in the background. */
export interface Touching {
  /** Settles when it is done or stopped. */
  readonly done: Promise<void>;
  /** Whether the process stays for it. */
  stay(): void;
  stop(): void;
}

/** Touch a segment in slices, then call `touched`, if all of it was. The process need not stay for it. */
export function touchInSlices(whole: Segment, touched: () => void): Touching {
  /** Dropped at the end: whoever holds what is returned must not hold the segment. */
  let left: Segment | undefined = whole.touched ? undefined : whole;
  let at = 0;
  let next: NodeJS.Immediate | undefined;
  let staying = false;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let after: (() => void) | undefined = touched;
  const end = (): void => {
    left = after = undefined;
    finish();
  };
  const schedule = (): void => {
    next = setImmediate(slice);
    if (!staying) next.unref();
  };
  const slice = (): void => {
    next = undefined;
    if (left === undefined) return;
    at = touch(left, at, performance.now() + SLICE_MS);
    if (at < left.h8.length) schedule();
    else {
      left.touched = true;
      after?.();
      end();
    }
  };
  if (left === undefined) {
    after();
    end();
  } else schedule();
  return {
    done,
    stay() {
      staying = true;
      next?.ref();
    },
    stop() {
      clearImmediate(next);
      end();
    },
  };
}
