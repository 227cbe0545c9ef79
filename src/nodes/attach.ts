/**
 * How another thread comes by a node. What backs a node lies in the segment, and what was done to the segment's pages (mbind, mmap of a
 * file) was done to the address space, which all threads of a process share; so who has the segment has the node's bytes,
 * and what describes its backing is its descriptor. Another process would have to bind and map its own, and cannot: the file of a
 * "mapped-file" node has most likely no name.
 */
import { LieuError } from "../errors.ts";
import type { DramNode } from "./dram.ts";
import type { MappedFileNode } from "./mapped-file.ts";
import type { ModelNode } from "./model.ts";
import type { NumaNode } from "./numa.ts";

/** What backs a node, as data that a message to another thread can carry. */
export type NodeDescriptor = {
  readonly backing: DramNode | NumaNode | MappedFileNode | ModelNode;
  /** Of the process that has it. */
  readonly pid: number;
};

/** The descriptor of a node that this process opened. */
export function describeNode(backing: NodeDescriptor["backing"]): NodeDescriptor {
  return { backing, pid: process.pid };
}

/** The node of this descriptor, for this thread. @throws {@link LieuError} ENOTSUP in another process, for what is bound or mapped */
export function attachNode({ backing, pid }: NodeDescriptor): NodeDescriptor["backing"] {
  const placed = backing.kind === "numa" || backing.kind === "mapped-file";
  if (!placed || pid === process.pid) return backing;
  throw new LieuError("ENOTSUP", `a node of kind "${backing.kind}" cannot be attached to from another process`);
}
