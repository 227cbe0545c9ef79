/**
 * Segments of memories that were closed, for memories that are opened.
 *
 * V8 frees a shared buffer when its collector finds nobody holding it, and the collector does not count shared buffers: a
 * program that opens and closes memories of 64 MiB can pile up gigabytes before it comes by. So a closed segment is taken over
 * by the next memory that it fits. And while more than {@link LIMIT} wait unused, the pages of each further one go back to the
 * system at once, by madvise(2), where koffi is installed. Where it is not, V8 is told that there is something to collect, by an
 * ordinary array buffer of that size, which it does count, and which is dropped untouched: no page of it ever exists.
 *
 * The pool holds its segments weakly, so nothing here ever keeps one from the collector.
 */
import { libcIfThere } from "../host/libc.ts";

/** Bytes of closed segments that may wait, with their pages, for the next memory or the collector. */
const LIMIT = 128 * 2 ** 20;
/** An array buffer of that size makes V8 start to collect, whatever the heap's. */
const PRESSURE = 256 * 2 ** 20;
/** A segment may serve a memory that needs so much less. */
const MAX_RATIO = 1.5;
const MAX_POOLED = 16;
const AGAIN_MS = 100;

/** A shared WebAssembly memory, as far as anyone needs to know it. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A segment that was used before. */
export interface UsedMemory {
  readonly memory: SharedMemory;
  /** Whether the operating system has given it all of its pages. */
  readonly touched: boolean;
}

interface Pooled {
  readonly memory: WeakRef<SharedMemory>;
  readonly bytes: number;
  readonly touched: boolean;
  /** Bytes that it has resident, at most. */
  readonly resident: number;
}

let pool: Pooled[] = [];
/** Bytes of closed segments that have not been collected, as far as is known. */
let waiting = 0;
const collected = new FinalizationRegistry<number>((bytes) => {
  waiting -= bytes;
});

/** Take a segment of at least `bytes`, if there is one that is not much larger. The smallest that fits. */
export function takeClosed(bytes: number): UsedMemory | undefined {
  // With much waiting, anything that fits is better than one more.
  const most = waiting > LIMIT ? Number.POSITIVE_INFINITY : bytes * MAX_RATIO;
  pool.sort((a, b) => a.bytes - b.bytes);
  for (const [i, entry] of pool.entries()) {
    if (entry.bytes < bytes) continue;
    if (entry.bytes > most) return undefined;
    const memory = entry.memory.deref();
    if (memory === undefined) continue;
    pool.splice(i, 1);
    collected.unregister(memory);
    waiting -= entry.resident;
    return { memory, touched: entry.touched };
  }
  return undefined;
}

/** A segment that is given up. */
export interface ClosedMemory extends UsedMemory {
  /** Somebody may hold a view of it: he must go on seeing what is there, and would see what the next memory does. */
  readonly lent: boolean;
  /** No memory is to take it over. */
  readonly last: boolean;
}

/** A memory is closed, and its segment may be taken over. */
export function putClosed({ memory, touched, lent, last }: ClosedMemory): void {
  const bytes = memory.buffer.byteLength;
  const released = !lent && (last || waiting + bytes > LIMIT) && release(memory);
  const resident = released ? 0 : bytes;
  waiting += resident;
  collected.register(memory, resident, memory);
  if (waiting > LIMIT && resident > 0) askForCollection(true);
  if (lent || last) return;
  // Asking the references whether they are still there would keep them alive for the moment, just when they should go.
  if (pool.length === MAX_POOLED) pool = pool.slice(1);
  pool.push({ memory: new WeakRef(memory), bytes, touched: touched && !released, resident });
}

/** Give all pages back to the system. Returns whether that was possible. */
function release(memory: SharedMemory): boolean {
  try {
    const libc = libcIfThere();
    libc?.discard(new Uint8Array(memory.buffer));
    return libc !== undefined;
  } catch {
    return false;
  }
}

let again: NodeJS.Timeout | undefined;

/** `twice`: what is still held while this turn of the event loop lasts may be collected a little later. */
function askForCollection(twice: boolean): void {
  try {
    new ArrayBuffer(PRESSURE);
  } catch {
    // No address space for it: then V8 has just collected what it could.
  }
  if (!twice || again !== undefined) return;
  again = setTimeout(() => {
    again = undefined;
    if (waiting > LIMIT) askForCollection(false);
  }, AGAIN_MS);
  again.unref();
}
