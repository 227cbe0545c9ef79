/** Memory that several Buffers share: no one may transfer it to another thread, as all who have a part of it would lose theirs. */
import { markAsUntransferable } from "node:worker_threads";

/** `size` bytes of that, with anything in them. */
export function newSlab(size: number): Buffer {
  const slab = Buffer.allocUnsafeSlow(size);
  markAsUntransferable(slab.buffer);
  return slab;
}
