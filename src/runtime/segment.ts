/**
 * A segment: one shared WebAssembly memory that holds all of a memory's state and bytes. Its buffer is a
 * SharedArrayBuffer that starts on a page boundary of the operating system.
 */
import { LieuError } from "../errors.ts";
import { MAX_INDEX, place } from "../mm/layout.ts";

const WASM_PAGE = 65536;
/** The most that a segment can hold: 4 GiB, less one WebAssembly page so that every length fits a typed array. */
export const MAX_SEGMENT_BYTES = 65535 * WASM_PAGE;

/** How many of what a segment must hold. */
export interface SegmentShape {
  readonly nodes: number;
  /** Frames of all nodes, gaps for alignment included. */
  readonly frames: number;
  /** Virtual pages. */
  readonly vpns: number;
  /** Swap slots of all devices. */
  readonly slots: number;
  /** Whether frames have bytes. */
  readonly bytes: boolean;
}

/** A shared WebAssembly memory, as far as anyone needs to know it. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A segment and the views over it. */
export interface Segment {
  readonly memory: SharedMemory;
  readonly h8: Uint8Array;
  readonly h32: Int32Array;
  readonly hf: Float64Array;
  /** Bytes of metadata before the frames. */
  readonly metadata: number;
  /** Byte address of frame 0's bytes; 0 if frames have none. */
  readonly data: number;
}

/**
 * Make a zeroed segment. With `touch`, its bytes are touched now, so that no first-touch fault of the operating system
 * falls on a hot path later.
 *
 * @throws {@link LieuError} EINVAL if it would not fit 4 GiB, ENOMEM if the process may not have that much
 */
export function createSegment(shape: SegmentShape, touch: boolean): Segment {
  const { nodes, frames, vpns, slots } = shape;
  // What has a number takes 40 bytes at most, so that the sum fits 32 bits without a sign.
  const numbered = Math.max(frames, vpns, slots) <= MAX_INDEX;
  const metadata = numbered ? place(nodes, frames, vpns, slots) >>> 0 : 28 * frames + 8 * vpns + 8 * slots;
  const bytes = metadata + (shape.bytes ? frames * 4096 : 0);
  if (!numbered || bytes > MAX_SEGMENT_BYTES) {
    const size = `${(bytes / 2 ** 30).toFixed(2)} GiB`;
    throw new LieuError("EINVAL", `the nodes and their metadata need ${size}; one memory holds at most 4 GiB`);
  }
  const pages = Math.ceil(bytes / WASM_PAGE);
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new LieuError("ENOMEM", `the process could not reserve ${bytes} bytes`, { cause });
  }
  const buffer = memory.buffer;
  const h8 = new Uint8Array(buffer);
  if (touch) for (let at = 0; at < h8.length; at += 4096) h8[at] = 0;
  return {
    memory,
    h8,
    h32: new Int32Array(buffer),
    hf: new Float64Array(buffer),
    metadata,
    data: shape.bytes ? metadata : 0,
  };
}
