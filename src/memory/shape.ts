/** The shape of the segment that a configuration needs. */
import type { SegmentShape } from "../runtime/segment.ts";

/** Frames of the largest folio: every node starts at a multiple. */
const ALIGN = 512;

/** What of a configuration takes room in a segment. */
export interface Sized {
  readonly nodes: readonly { readonly pages: number }[];
  readonly swap: readonly { readonly bytes: number }[];
  readonly zpages: number;
  readonly vpns: number;
  readonly hasBytes: boolean;
  /** Whether several threads use it. */
  readonly shared?: boolean;
}

/** First frame of each node, and the shape of all. */
export function layOut(sized: Sized): { starts: number[]; shape: SegmentShape } {
  const { nodes, swap, zpages, vpns, hasBytes, shared = false } = sized;
  let frames = 0;
  const starts = nodes.map(({ pages }) => {
    const start = Math.ceil(frames / ALIGN) * ALIGN;
    frames = start + pages;
    return start;
  });
  const slots = swap.reduce((n, s) => n + s.bytes / 4096, 0);
  // Whose pins are: of a page that several hold at a time there is a record for each, for as many as an eighth of all pages.
  const pins = shared ? Math.max(1024, Math.ceil(frames / 8)) : 0;
  return { starts, shape: { nodes: nodes.length, frames, vpns, slots, zpages, pins, bytes: hasBytes } };
}
