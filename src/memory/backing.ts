/** What backs the nodes of a memory; those on the host's nodes are bound to their ranges of the segment, or degraded where the user allowed that. */
import { emitWarning } from "node:process";
import { isLieuError, LieuError } from "../errors.ts";
import { N_PAGES, N_START, node as nodeField } from "../mm/layout.ts";
import { type DramNode, dramNode } from "../nodes/dram.ts";
import { type MappedFileNode, mapFile, mappedFileNode } from "../nodes/mapped-file.ts";
import { type ModelNode, modelNode } from "../nodes/model.ts";
import { bindNode, hostPlacement, type NumaNode, numaNode, unbindNode } from "../nodes/numa.ts";
import type { Segment } from "../runtime/segment.ts";
import type { Vm } from "../runtime/vm.ts";
import type { NodeOptions } from "./memory-options.ts";

const PAGE = 4096;

/** What backs a node. */
export type Backing = DramNode | NumaNode | MappedFileNode | ModelNode;

/** What backs a node with these options. `what` is what messages call it. @throws {@link LieuError} EINVAL, EACCES, ENOTSUP */
export function openBacking(o: NodeOptions, what: string): Backing {
  switch (o.kind) {
    case "model":
      return modelNode(o.latency);
    case "mapped-file":
      return mappedFileNode(o.path, o.keep === true, what);
    case "numa":
      return openNumaNode(o.hostNode, o.fallback === true, what);
    default:
      return dramNode();
  }
}

/**
 * The backing of a "numa" node; with `fallback`, a "dram" node's, and a warning, if the machine has no such node.
 *
 * @throws {@link LieuError} EINVAL, EACCES, ENOTSUP
 */
function openNumaNode(hostNode: number, fallback: boolean, what: string): Backing {
  try {
    return numaNode(hostNode, fallback, what);
  } catch (error) {
    if (!fallback || !isLieuError(error)) throw error;
    warn(what, error);
    return dramNode();
  }
}

/** NUMA distance between two nodes that both lie on the host's. */
export function hostDistance(a: Backing, b: Backing): number | undefined {
  if (a.kind !== "numa" || b.kind !== "numa") return undefined;
  // Two ranges of one host node are as near as peers are.
  return a.hostNode === b.hostNode ? undefined : a.distances[b.hostNode];
}

/** Bind the ranges of all "numa" nodes. `starts`: first frame of each node. @throws {@link LieuError} what bindNode() does */
export function bindHostNodes(
  segment: Segment,
  nodes: readonly { readonly name: string; readonly backing: Backing; readonly pages: number }[],
  starts: readonly number[],
): void {
  nodes.forEach(({ name, backing, pages }, nid) => {
    if (backing.kind !== "numa") return;
    const range = rangeOf(segment, starts[nid] as number, pages);
    try {
      bindNode(backing, range, `nodes.${name}`);
    } catch (error) {
      if (!backing.fallback || !isLieuError(error)) throw error;
      warn(`nodes.${name}`, error);
      return;
    }
    segment.undo.push(() => {
      unbindNode(range);
      segment.touched = false;
    });
  });
}

/** Map the files of all "mapped-file" nodes over their ranges. @throws {@link LieuError} what mapFile() does */
export function mapNodeFiles(
  segment: Segment,
  nodes: readonly { readonly name: string; readonly backing: Backing; readonly pages: number }[],
  starts: readonly number[],
): void {
  nodes.forEach(({ name, backing, pages }, nid) => {
    if (backing.kind !== "mapped-file") return;
    const range = rangeOf(segment, starts[nid] as number, pages);
    const unmap = mapFile(backing, range, `nodes.${name}`);
    segment.untouchable.push({ from: range.byteOffset, to: range.byteOffset + range.byteLength });
    segment.undo.push(() => {
      unmap();
      segment.touched = false;
    });
  });
}

/** Pages of a node on each of the machine's. @throws {@link LieuError} ENOTSUP */
export function placementOf(vm: Vm, nid: number): Map<number, number> {
  vm.ensureOpen();
  if (!vm.shape.bytes) throw new LieuError("ENOTSUP", "a model node has no bytes, so they lie nowhere");
  vm.inspect();
  return hostPlacement(rangeOf(vm.segment, nodeField(nid, N_START), nodeField(nid, N_PAGES)));
}

function rangeOf(segment: Segment, start: number, pages: number): Uint8Array {
  const from = segment.data + start * PAGE;
  return segment.h8.subarray(from, from + pages * PAGE);
}

function warn(what: string, error: LieuError): void {
  emitWarning(`${what} is ordinary memory now: ${error.message}`, { type: "LieuWarning", code: "LIEU_FALLBACK" });
}
