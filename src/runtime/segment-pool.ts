/**
 * Segments of memories that were closed, for memories that are opened.
 *
 * V8 frees a shared buffer when its collector finds nobody holding it, and the collector does not count shared buffers: a
 * program that opens and closes memories of 64 MiB can pile up gigabytes before it comes by. (madvise(2) would give the pages
 * back at once, but Node has no way to it.) So two things are done about it here. A closed segment is taken over by the next
 * memory that it fits. And while more than {@link LIMIT} wait unused, each further one tells V8 that there is something to collect,
 * by an ordinary array buffer of that size, which it does count, and which is dropped untouched: no page of it ever exists.
 *
 * The pool holds its segments weakly, so nothing here ever keeps one from the collector.
 */
/** Bytes of closed segments that may wait for the collector. */
const LIMIT = 128 * 2 ** 20;
/** An array buffer of that size makes V8 start to collect, whatever the heap's. */
const PRESSURE = 256 * 2 ** 20;
/** A segment may serve a memory that needs so much less. */
const MAX_RATIO = 1.5;
const MAX_POOLED = 16;

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
    waiting -= entry.bytes;
    return { memory, touched: entry.touched };
  }
  return undefined;
}

/**
 * A memory is closed: its segment may be taken over, unless it is `lent`: somebody may hold a view of it, and would see what the next
 * memory does.
 */
export function putClosed(used: UsedMemory, lent: boolean): void {
  const { memory, touched } = used;
  const bytes = memory.buffer.byteLength;
  waiting += bytes;
  collected.register(memory, bytes, memory);
  if (waiting > LIMIT) askForCollection();
  if (lent) return;
  // Asking the references whether they are still there would keep them alive for the moment, just when they should go.
  if (pool.length === MAX_POOLED) pool = pool.slice(1);
  pool.push({ memory: new WeakRef(memory), bytes, touched });
}

function askForCollection(): void {
  try {
    new ArrayBuffer(PRESSURE);
  } catch {
    // No address space for it: then V8 has just collected what it could.
  }
}
