/**
 * How a process comes by a memory that processes share by a name: who comes first makes it, others join, and who asks for something else
 * than what is there is told so. All of it is done with the file locked (runtime/shared-file.ts), so of several who come at once one makes it.
 */
import { createHash } from "node:crypto";
import { LieuError } from "../errors.ts";
import { mappersOf } from "../host/file-users.ts";
import { LAYOUT_VERSION } from "../mm/layout.ts";
import { CONTROL_VERSION, OPEN } from "../runtime/control.ts";
import { engineBytes } from "../runtime/engine-bytes.ts";
import { STEPS_PER_TURN } from "../runtime/inline.ts";
import type { Segment, SharedMemory } from "../runtime/segment.ts";
import { LockedFile, type MappedControl, pidNamespace, type SharedHeader, sharedPath } from "../runtime/shared-file.ts";
import { Membership, processSleeper } from "../runtime/shared-name.ts";
import type { SharedVm, Sharing } from "../runtime/shared-vm.ts";
import { boot } from "./boot.ts";
import {
  attachVm,
  clockOffset,
  describeMemory,
  type MemoryDescriptor,
  processClock,
  type SharedDescription,
} from "./descriptor.ts";
import type { Harness } from "./harness.ts";
import { fingerprint, othersThan } from "./named-config.ts";
import type { MemoryConfig } from "./options.ts";

const WASM_PAGE = 65536;

/** The header of the file of a memory. */
export interface NamedHeader extends SharedHeader {
  readonly about: SharedDescription;
  /** What it was asked to be, by option. */
  readonly config: Readonly<Record<string, string>>;
}

/** A memory, as one thread has it. */
export interface OpenedMemory {
  readonly vm: SharedVm;
  readonly descriptor: MemoryDescriptor;
}

let stamp: string | undefined;
/** Who has another must not touch the memory: of the segment's layout, the control buffer's, and the engine's code. */
export function stampOf(): string {
  stamp ??= `${LAYOUT_VERSION}.${CONTROL_VERSION}.${createHash("sha256").update(engineBytes()).digest("hex").slice(0, 16)}`;
  return stamp;
}

/** Make the memory of that name, or join it. @throws {@link LieuError} EINVAL, EACCES, EBUSY, ENOENT, ENOMEM, ENOSPC, ENOTSUP */
export function openNamed(name: string, config: MemoryConfig, harness: Harness): OpenedMemory {
  const path = sharedPath(name);
  const asked = fingerprint(config);
  for (;;) {
    const file = LockedFile.open(path, true);
    try {
      if (file.isEmpty) return create(file, config, asked, harness);
      const header = file.header() as NamedHeader | undefined;
      if (header === undefined || !isAlive(file, header)) {
        // Of one that cannot be used any more there may be members who have not found out yet.
        file.remove(header, header?.stamp === stampOf() && anyLives(file));
        continue;
      }
      const others = othersThan(header.config, asked);
      if (others.length > 0) {
        const rule = "open it with the same options, or take another name";
        throw new LieuError("EINVAL", `the memory ${path} is there, with other ${others.join(", ")}: ${rule}`);
      }
      return join(file, { ...header, about: { ...header.about, engine: config.engine } });
    } finally {
      file.release();
    }
  }
}

/** Join the memory of that name. @throws {@link LieuError} ENOENT if there is none; as {@link openNamed} */
export function attachNamed(name: string): OpenedMemory {
  const file = LockedFile.open(sharedPath(name), false);
  try {
    const header = file.header() as NamedHeader | undefined;
    if (header !== undefined && isAlive(file, header)) return join(file, header);
    throw new LieuError("ENOENT", `shared memory ${file.path}: nobody who made it lives; openMemory() makes a new one`);
  } finally {
    file.release();
  }
}

/**
 * Whether a memory is in use, and can be used: one that is not may be removed.
 *
 * @throws {@link LieuError} EINVAL if it is in use by another version of lieu, ENOTSUP if it is another container's
 */
function isAlive(file: LockedFile, header: NamedHeader): boolean {
  if (header.stamp !== stampOf()) {
    const [pid] = mappersOf(file.path);
    if (pid === undefined) return false;
    throw new LieuError("EINVAL", `${file.path} is a memory of another version of lieu's, in use by process ${pid}`);
  }
  if (header.namespace !== pidNamespace()) {
    const why = "whether they live cannot be known from here; take another name, or remove it with lieu rm --force";
    throw new LieuError("ENOTSUP", `the processes of ${file.path} are another container's: ${why}`);
  }
  return file.control().state === OPEN && anyLives(file);
}
function anyLives(file: LockedFile): boolean {
  return file
    .control()
    .members()
    .some(({ alive }) => alive);
}

function create(
  file: LockedFile,
  config: MemoryConfig,
  asked: Readonly<Record<string, string>>,
  harness: Harness,
): OpenedMemory {
  const { crank } = harness;
  const zero = crank === undefined ? processClock() : clockOffset() + performance.now() - crank.now();
  const offset = clockOffset() - zero;
  const own = crank ?? { now: () => performance.now() + offset, stepsPerTurn: STEPS_PER_TURN };
  const unmap: (() => void)[] = [];
  const publish = (segment: Segment): Sharing => {
    file.allocate(segment.h8.length);
    const unmapSegment = file.mapSegment(segment.h8);
    unmap.push(unmapSegment);
    segment.undo.push(unmapSegment);
    // Its pages are there.
    segment.touched = true;
    const control: MappedControl = file.mapControl();
    unmap.push(control.unmap);
    return { control: control.buffer, sleeper: processSleeper(control.buffer) };
  };
  try {
    const namespace = pidNamespace();
    const vm = boot(config, own, { ...harness, publish }) as SharedVm;
    const { path, identity } = file;
    const descriptor = { ...describeMemory(vm, config, zero), file: { path, identity } };
    const { pid: _, memory: __, control: ___, file: ____, ...about } = descriptor;
    const files = about.devices.flatMap((device) => (device.kind === "file" ? [device] : []));
    const header: NamedHeader = {
      stamp: stampOf(),
      namespace,
      bytes: vm.segment.h8.length,
      files: files.map(({ path, identity }) => ({ path, identity })),
      about,
      config: asked,
    };
    file.finish(header);
    new Membership(path, identity, unmap).join(vm);
    return { vm, descriptor };
  } catch (error) {
    file.remove(undefined);
    throw error;
  }
}

function join(file: LockedFile, { about, bytes }: NamedHeader): OpenedMemory {
  const pages = bytes / WASM_PAGE;
  const memory: SharedMemory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const unmapSegment = file.mapSegment(new Uint8Array(memory.buffer));
  const control = file.mapControl();
  const { path, identity } = file;
  const descriptor = { ...about, pid: process.pid, memory, control: control.buffer, file: { path, identity } };
  return { vm: attachVm(descriptor, [unmapSegment, control.unmap]), descriptor };
}
