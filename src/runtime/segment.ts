/**
 * A segment: one shared WebAssembly memory that holds all of a memory's state and bytes. Its buffer is a
 * SharedArrayBuffer that starts on a page boundary of the operating system.
 */
import { LieuError } from "../errors.ts";
import { MAX_INDEX, place } from "../mm/layout.ts";
import { putClosed, type SharedMemory, takeClosed } from "./segment-pool.ts";

export type { SharedMemory };

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
  /** Pages of the pool of compressed ones; none by default. */
  readonly zpages?: number;
  /** Records of whose pins are (mm/pins.ts); none by default. */
  readonly pins?: number;
  /** Whether frames have bytes. */
  readonly bytes: boolean;
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
  /** Whether frames may hold what a memory that was closed has left there: the engine zeroes a frame when it hands it out. */
  readonly secondHand: boolean;
  /** Whether the operating system has given it all of its pages. */
  touched: boolean;
  /** What undoes what was done to the pages themselves, before others may have the segment. */
  readonly undo: (() => void)[];
  /** Bytes that nobody may touch but to use them, ascending: to write to a file's pages would have them written out. */
  readonly untouchable: { readonly from: number; readonly to: number }[];
  /** Whether somebody outside was given a view of the bytes, who may still look at them when the memory is closed. */
  lent: boolean;
  /** Whether no other memory is to take it over. */
  readonly last: boolean;
}

/** Bytes that a segment of this shape takes, and whether one can have that many. */
export function segmentSize(shape: SegmentShape): { metadata: number; bytes: number; fits: boolean } {
  const { nodes, frames, vpns, slots, zpages = 0, pins = 0 } = shape;
  // What has a number takes 40 bytes at most, so that the sum fits 32 bits without a sign.
  const numbered = Math.max(frames, vpns, slots, zpages) <= MAX_INDEX;
  const metadata = numbered
    ? place(nodes, frames, vpns, slots, zpages, pins) >>> 0
    : 28 * (frames + zpages) + 8 * (vpns + slots) + (pins > 0 ? 4 * frames + 8 * pins : 0);
  const bytes = metadata + (shape.bytes ? (frames + zpages) * 4096 : 0);
  return { metadata, bytes, fits: numbered && bytes <= MAX_SEGMENT_BYTES };
}

/**
 * Make a segment whose metadata is zero: a new one, or, unless it must be `fresh`, that of a memory that was closed. One whose pages
 * are to be bound to nodes of the host must be fresh, and is not taken over later.
 *
 * @throws {@link LieuError} EINVAL if it would not fit 4 GiB, ENOMEM if the process may not have that much
 */
export function createSegment(shape: SegmentShape, fresh = false): Segment {
  const { metadata, bytes, fits } = segmentSize(shape);
  if (!fits) {
    const size = `${(bytes / 2 ** 30).toFixed(2)} GiB`;
    throw new LieuError("EINVAL", `the nodes and their metadata need ${size}; one shard holds at most 4 GiB`);
  }
  const pages = Math.ceil(bytes / WASM_PAGE);
  const used = fresh ? undefined : takeClosed(pages * WASM_PAGE);
  const memory = used?.memory ?? newMemory(pages);
  const { buffer } = memory;
  const hf = new Float64Array(buffer, 0, (pages * WASM_PAGE) >>> 3);
  if (used !== undefined) hf.fill(0, 0, Math.ceil(metadata / 8));
  return {
    memory,
    h8: new Uint8Array(buffer, 0, pages * WASM_PAGE),
    h32: new Int32Array(buffer, 0, (pages * WASM_PAGE) >>> 2),
    hf,
    metadata,
    data: shape.bytes ? metadata : 0,
    secondHand: used !== undefined,
    touched: used?.touched === true,
    undo: [],
    untouchable: [],
    lent: false,
    last: fresh,
  };
}

function newMemory(pages: number): SharedMemory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new LieuError("ENOMEM", `the process could not reserve ${pages * WASM_PAGE} bytes`, { cause });
  }
}

/** What is left of a segment when its memory is closed: nothing, so that whoever holds the memory holds no bytes. */
export const NO_SEGMENT: Segment = {
  memory: { buffer: new SharedArrayBuffer(0) },
  h8: new Uint8Array(0),
  h32: new Int32Array(0),
  hf: new Float64Array(0),
  metadata: 0,
  data: 0,
  secondHand: false,
  touched: true,
  undo: [],
  untouchable: [],
  lent: false,
  last: true,
};

/** Give a segment up. Nobody of ours may have a view of it any more. */
export function giveUpSegment(segment: Segment): void {
  for (const undo of segment.undo.splice(0)) undo();
  putClosed(segment);
}
