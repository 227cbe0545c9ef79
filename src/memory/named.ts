/**
 * How a process comes by a memory that processes share by a name: who comes first makes it, others join, and who asks for something else
 * than what is there is told so. All of it is done with the file locked (runtime/shared-file.ts), so of several who come at once one makes it.
 */
import { createHash, randomUUID } from "node:crypto";
import { LieuError } from "../errors.ts";
import { mappersOf } from "../host/file-users.ts";
import { LAYOUT_VERSION } from "../mm/layout.ts";
import { CONTROL_VERSION, OPEN } from "../runtime/control.ts";
import type { EngineKind } from "../runtime/engine.ts";
import { engineBytes } from "../runtime/engine-bytes.ts";
import type { FileGate } from "../runtime/file-gate.ts";
import { STEPS_PER_TURN } from "../runtime/inline.ts";
import type { Segment, SharedMemory } from "../runtime/segment.ts";
import {
  LockedFile,
  lookAt,
  type MappedControl,
  pidNamespace,
  type ShardOf,
  type SharedHeader,
  shardPath,
  sharedPath,
} from "../runtime/shared-file.ts";
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
  return openLocked(name, [config], harness, (_, shards) => shards[0] as OpenedMemory);
}

/** The shards of a memory, as one thread has them, and what those who have it do one at a time. */
export interface OpenedShards {
  readonly shards: readonly OpenedMemory[];
  readonly gate: FileGate;
}
/** Make the memory of that name, of shards with these configurations, or join it. @throws {@link LieuError} as {@link openNamed} */
export function openShards(name: string, configs: readonly MemoryConfig[], harness: Harness): OpenedShards {
  return openLocked(name, configs, harness, (file, shards) => ({ shards, gate: file.gate() }));
}
function openLocked<R>(
  name: string,
  configs: readonly MemoryConfig[],
  harness: Harness,
  result: (file: LockedFile, shards: readonly OpenedMemory[]) => R,
): R {
  const asked = configs.map((config) => ({ ...fingerprint(config), shards: `${configs.length}` }));
  const { file, header } = lockUsable(sharedPath(name), asked[0] as Asked);
  return allOrNothing(file, (shards) => {
    const set = header?.shard?.set ?? randomUUID();
    const zero = zeroOf(harness);
    for (const [index, config] of configs.entries()) {
      const shard = configs.length > 1 ? { index, of: configs.length, set } : undefined;
      const own = { config, asked: asked[index] as Asked, harness, shard, zero };
      const { engine } = config;
      if (header === undefined) shards.push(index === 0 ? create(file, own) : createShard(file.path, own));
      else if (index === 0) shards.push(join(file, { ...header, about: { ...header.about, engine } }));
      else shards.push(joinShard(file.path, own.shard as ShardOf, engine));
    }
    return result(file, shards);
  });
}
/** Open shards with the first one's file locked. If not all can be, none stays open: of a memory that was being made nothing is left, as the last one leaves it. */
function allOrNothing<R>(file: LockedFile, open: (shards: OpenedMemory[]) => R): R {
  const shards: OpenedMemory[] = [];
  try {
    return open(shards);
  } catch (error) {
    file.release();
    for (const { vm } of shards.reverse()) vm.close();
    throw error;
  } finally {
    file.release();
  }
}

type Asked = Readonly<Record<string, string>>;
/** The file at `path`, locked: of a memory that may be joined, or empty. */
function lockUsable(path: string, asked: Asked): { file: LockedFile; header?: NamedHeader } {
  for (;;) {
    const file = LockedFile.open(path, true);
    try {
      if (file.isEmpty) return { file };
      const header = file.header() as NamedHeader | undefined;
      ensureWhole(path, header);
      if (header !== undefined && isAlive(file, header)) {
        const others = othersThan(header.config, asked);
        if (others.length === 0) return { file, header };
        const rule = "open it with the same options, or take another name";
        throw new LieuError("EINVAL", `the memory ${path} is there, with other ${others.join(", ")}: ${rule}`);
      }
      // Of one that cannot be used any more there may be members who have not found out yet.
      file.remove(header, header?.stamp === stampOf() && anyLives(file));
    } catch (error) {
      file.release();
      throw error;
    }
    file.release();
  }
}
/** @throws {@link LieuError} EINVAL: it is part of another */
export function ensureWhole(path: string, header: NamedHeader | undefined): void {
  const { index = 0, of = 1 } = header?.shard ?? {};
  if (index === 0) return;
  const whole = path.slice(0, path.lastIndexOf("."));
  throw new LieuError("EINVAL", `${path} is shard ${index} of ${of} of the memory ${whole}; give that one's name`);
}

/** Join the memory of that name: all of its shards. @throws {@link LieuError} ENOENT if there is none; as {@link openNamed} */
export function attachNamed(name: string): OpenedMemory[] {
  const file = LockedFile.open(sharedPath(name), false);
  return allOrNothing(file, (shards) => {
    const header = file.header() as NamedHeader | undefined;
    ensureWhole(file.path, header);
    if (header === undefined || !isAlive(file, header)) {
      const why = "nobody who made it lives; openMemory() makes a new one";
      throw new LieuError("ENOENT", `shared memory ${file.path}: ${why}`);
    }
    shards.push(join(file, header));
    const { shard, about } = header;
    for (let index = 1; index < (shard?.of ?? 1); index++)
      shards.push(joinShard(file.path, { ...(shard as ShardOf), index }, about.engine));
    return shards;
  });
}

// All of it with the first shard's file locked.
function createShard(path: string, own: Own): OpenedMemory {
  const at = shardPath(path, own.shard?.index ?? 0);
  for (;;) {
    const file = LockedFile.open(at, true);
    try {
      if (file.isEmpty) return create(file, own);
      const header = file.header() as NamedHeader | undefined;
      if (header !== undefined && header.shard?.index !== own.shard?.index) {
        const why = "where a shard of the memory would be there is another memory";
        throw new LieuError("EBUSY", `shared memory ${path}: ${why}, ${at}; take another name`);
      }
      // What is left of an earlier one, whose first shard is no more.
      file.remove(header, header?.stamp === stampOf() && anyLives(file));
    } finally {
      file.release();
    }
  }
}
function joinShard(path: string, { index, set }: ShardOf, engine: EngineKind): OpenedMemory {
  const file = LockedFile.open(shardPath(path, index), false);
  try {
    const header = file.header() as NamedHeader | undefined;
    if (header?.shard?.set === set && header.shard.index === index)
      return join(file, { ...header, about: { ...header.about, engine } });
    throw new LieuError(
      "EINVAL",
      `${file.path} is not of the memory ${path}, which has shards: remove it with lieu rm`,
    );
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
  return file.control().state === OPEN && anyLives(file) && othersAreOpen(file.path, header.shard);
}
/** Whether the other shards of a memory are there, and can be used. */
function othersAreOpen(path: string, first: ShardOf | undefined): boolean {
  const { of, set } = first ?? { of: 1, set: "" };
  try {
    for (let i = 1; i < of; i++) {
      const isOpen = lookAt(
        shardPath(path, i),
        ({ header, control }) => header?.shard?.set === set && control.state === OPEN,
      );
      if (!isOpen) return false;
    }
    return true;
  } catch {
    return false;
  }
}
function anyLives(file: LockedFile): boolean {
  return file
    .control()
    .members()
    .some(({ alive }) => alive);
}

/** What a file is made for. */
interface Own {
  readonly config: MemoryConfig;
  readonly asked: Asked;
  readonly harness: Harness;
  readonly shard: ShardOf | undefined;
  /** What the process's clock said when the memory's said 0, ms: the same for all shards, whose clocks are one. */
  readonly zero: number;
}
function zeroOf({ crank }: Harness): number {
  return crank === undefined ? processClock() : clockOffset() + performance.now() - crank.now();
}
function create(file: LockedFile, { config, asked, harness, shard, zero }: Own): OpenedMemory {
  const { crank } = harness;
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
    const named = { path, identity, shard: shard?.index };
    const descriptor = { ...describeMemory(vm, config, zero), file: named };
    const { pid: _, memory: __, control: ___, file: ____, ...about } = descriptor;
    const files = about.devices.flatMap((device) => (device.kind === "file" ? [device] : []));
    const header: NamedHeader = {
      stamp: stampOf(),
      namespace,
      bytes: vm.segment.h8.length,
      files: files.map(({ path, identity }) => ({ path, identity })),
      about,
      config: asked,
      ...(shard && { shard }),
    };
    file.finish(header);
    new Membership(named, unmap).join(vm);
    return { vm, descriptor };
  } catch (error) {
    file.remove(undefined);
    throw error;
  }
}

function join(file: LockedFile, { about, bytes, shard }: NamedHeader): OpenedMemory {
  const pages = bytes / WASM_PAGE;
  const memory: SharedMemory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const unmapSegment = file.mapSegment(new Uint8Array(memory.buffer));
  const control = file.mapControl();
  const { path, identity } = file;
  const named = { path, identity, shard: shard?.index };
  const descriptor = { ...about, pid: process.pid, memory, control: control.buffer, file: named };
  return { vm: attachVm(descriptor, [unmapSegment, control.unmap]), descriptor };
}
