/** How another thread comes by a memory: what it is sent, and what it makes of that. */
import { LieuError, shown } from "../errors.ts";
import { LAYOUT_VERSION } from "../mm/layout.ts";
import type { EngineKind } from "../runtime/engine.ts";
import { STEPS_PER_TURN } from "../runtime/inline.ts";
import type { Segment, SegmentShape, SharedMemory } from "../runtime/segment.ts";
import { Membership, type NamedFile, processSleeper } from "../runtime/shared-name.ts";
import { SharedVm } from "../runtime/shared-vm.ts";
import { attachDevice } from "../swap/attach.ts";
import type { DeviceDescriptor, SwapDevice } from "../swap/device.ts";
import type { MemoryConfig } from "./options.ts";

/**
 * A memory, as a message to another thread of the process carries it: made by `memory.descriptor()`, taken by attachMemory(). What is in
 * it is lieu's own.
 */
export interface MemoryDescriptor {
  /** That of the segment's layout: threads must run the same lieu. */
  readonly layout: number;
  readonly pid: number;
  readonly memory: SharedMemory;
  readonly control: SharedArrayBuffer;
  readonly shape: SegmentShape;
  readonly metadata: number;
  readonly data: number;
  readonly secondHand: boolean;
  readonly engine: EngineKind;
  readonly nodes: readonly string[];
  readonly swap: readonly string[];
  readonly devices: readonly DeviceDescriptor[];
  /** What the process's clock said when the memory's said 0, ms. */
  readonly clock: number;
  /** If processes share it: the file that it is in. */
  readonly file?: NamedFile | undefined;
  /** If it is of several shards: those of all of them. The rest is the first one's then. */
  readonly shards?: readonly MemoryDescriptor[] | undefined;
}

/** What of a descriptor is the same in all processes. */
export type SharedDescription = Omit<MemoryDescriptor, "pid" | "memory" | "control" | "file" | "shards">;

/** The descriptor of a memory. @throws {@link LieuError} ENOTSUP if a device serves one thread alone */
export function describeMemory(vm: SharedVm, config: MemoryConfig, zero: number): MemoryDescriptor {
  const { memory, metadata, data, secondHand } = vm.segment;
  const devices = vm.devices.map((device, dev) => {
    if (device.descriptor !== undefined) return device.descriptor();
    throw new LieuError("ENOTSUP", `swap ${config.swap[dev]?.name}: a device of this kind serves one thread alone`);
  });
  return {
    layout: LAYOUT_VERSION,
    pid: process.pid,
    memory,
    control: vm.control.buffer,
    shape: vm.shape,
    metadata,
    data,
    secondHand,
    engine: config.engine,
    nodes: config.nodes.map(({ name }) => name),
    swap: config.swap.map(({ name }) => name),
    devices,
    clock: zero,
  };
}

/** The descriptor of a memory of these shards. */
export function wholeOf(shards: readonly MemoryDescriptor[]): MemoryDescriptor {
  return { ...(shards[0] as MemoryDescriptor), shards };
}

/** How far the process's clock is ahead of this thread's `performance.now()`, ms: what was least late of some looks. */
export function clockOffset(): number {
  let offset = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 16; i++) {
    const process = processClock();
    offset = Math.max(offset, process - performance.now());
  }
  return offset;
}
/** What the process's clock says, ms: the machine's time since it was started, the same in all processes. */
export function processClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * The engine of a memory that another thread has opened, or that is in a file; `unmap` are this process's mappings of that, if it has just
 * made them.
 *
 * @throws {@link LieuError} EINVAL, ENOTSUP, ECLOSED, EOWNERDEAD, ENOMEM
 */
export function attachVm(descriptor: MemoryDescriptor, unmap?: readonly (() => void)[]): SharedVm {
  check(descriptor);
  const { file } = descriptor;
  const sleeper = file && processSleeper(descriptor.control);
  const { memory, metadata, data, secondHand, shape, engine, control, clock } = descriptor;
  const { buffer } = memory;
  const segment: Segment = {
    memory,
    h8: new Uint8Array(buffer),
    h32: new Int32Array(buffer),
    hf: new Float64Array(buffer),
    metadata,
    data,
    secondHand,
    touched: true,
    undo: [],
    untouchable: [],
    lent: true,
    last: true,
  };
  const devices: SwapDevice[] = [];
  const offset = clockOffset() - clock;
  const crank = { now: () => performance.now() + offset, stepsPerTurn: STEPS_PER_TURN };
  let vm: SharedVm | undefined;
  try {
    for (const device of descriptor.devices) devices.push(attachDevice(device));
    vm = new SharedVm(segment, shape, devices, crank, engine, { control, sleeper });
    vm.storeCalls.attach();
    const { gate } = vm;
    vm.locked(() => gate.joined());
    if (file !== undefined) new Membership(file, unmap).join(vm);
    return vm;
  } catch (error) {
    vm?.control.part(vm.slot);
    for (const device of devices) device.close();
    throw error;
  }
}

function check(descriptor: MemoryDescriptor): void {
  const isOurs = typeof descriptor === "object" && descriptor !== null && descriptor.layout !== undefined;
  if (!isOurs) {
    throw new LieuError("EINVAL", `attachMemory(): ${shown(descriptor)} is no descriptor; give memory.descriptor()`);
  }
  if (descriptor.layout !== LAYOUT_VERSION) {
    throw new LieuError("EINVAL", "attachMemory(): the memory is another version of lieu's; use one version");
  }
  if (descriptor.pid !== process.pid) {
    throw new LieuError(
      "ENOTSUP",
      `attachMemory(): the memory is process ${descriptor.pid}'s; only its threads may attach`,
    );
  }
}
