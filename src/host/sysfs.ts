/**
 * What Linux says of its memory, read from sysfs, procfs and cgroupfs: nodes, sizes, distances, HMAT's access classes, memory
 * tiers, and the limits of the process's cgroup. Reads and parses; draws no conclusions (topology.ts does).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LieuError } from "../errors.ts";

/** What the nearest CPU gets of a node's memory (HMAT; sysfs access classes): nanoseconds and MB/s. */
export interface Performance {
  readonly readLatency: number;
  readonly writeLatency: number;
  readonly readBandwidth: number;
  readonly writeBandwidth: number;
}

/** A memory node, as sysfs has it. */
export interface SysfsNode {
  readonly id: number;
  readonly hasCpu: boolean;
  /** Bytes. */
  readonly size: number;
  readonly free: number;
  /** NUMA distance to each online node, by its number. */
  readonly distances: ReadonlyMap<number, number>;
  /** Undefined where the firmware has no HMAT. */
  readonly performance: Performance | undefined;
}

/** The limits of the process's cgroup, the tightest of it and those above: bytes, Infinity where there is none. */
export interface CgroupLimits {
  readonly path: string;
  readonly max: number;
  readonly high: number;
  readonly current: number;
  /** Nodes that it may use (cpuset.mems.effective); undefined where there is no cpuset. */
  readonly mems: readonly number[] | undefined;
}

/** What sysfs says of a machine. */
export interface SysfsMemory {
  /** Nodes with memory, by number. */
  readonly nodes: readonly SysfsNode[];
  /** The kernel's memory tiers, fastest first; undefined before Linux 6.1. */
  readonly tiers: readonly { readonly id: number; readonly nodes: readonly number[] }[] | undefined;
  /** Whether the kernel demotes by itself (/sys/kernel/mm/numa/demotion_enabled); undefined before Linux 6.1. */
  readonly demotionEnabled: boolean | undefined;
  readonly cgroup: CgroupLimits | undefined;
  /** Bytes that may still be taken until a limit of the cgroup or of one above it is reached, which others may fill, too. */
  readonly room: number;
}

/** Read what there is under `root`: "/" for this machine, or a folder with a copy of these files. @throws {@link LieuError} ENOTSUP without sysfs's nodes */
export function readSysfs(root = "/"): SysfsMemory {
  const base = join(root, "sys/devices/system/node");
  const online = readText(join(base, "online"));
  if (online === undefined) {
    const why = process.platform === "linux" ? "this kernel has no NUMA support" : `${process.platform} is not Linux`;
    throw new LieuError("ENOTSUP", `there is no ${join(base, "online")}: ${why}`);
  }
  const ids = parseList(online);
  const withMemory = new Set(parseList(readText(join(base, "has_memory")) ?? online));
  const withCpu = new Set(parseList(readText(join(base, "has_cpu")) ?? online));
  const nodes = ids
    .filter((id) => withMemory.has(id))
    .map((id) => readNode(join(base, `node${id}`), id, withCpu.has(id), ids));
  return {
    nodes,
    tiers: readTiers(join(root, "sys/devices/virtual/memory_tiering")),
    demotionEnabled: readFlag(join(root, "sys/kernel/mm/numa/demotion_enabled")),
    ...(readCgroup(root) ?? { cgroup: undefined, room: Number.POSITIVE_INFINITY }),
  };
}

/** A list as the kernel prints it: "0-1,4" is 0, 1 and 4. What is no such list is not in it. */
export function parseList(text: string): number[] {
  const out: number[] = [];
  for (const part of text.trim().split(",")) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (first !== undefined) for (let i = Number(first); i <= Number(last); i++) out.push(i);
  }
  return out;
}

function readNode(folder: string, id: number, hasCpu: boolean, online: readonly number[]): SysfsNode {
  const meminfo = readText(join(folder, "meminfo")) ?? "";
  const row = (readText(join(folder, "distance")) ?? "").trim().split(/\s+/).map(Number);
  // The row has a number for each online node, in order. 10 is the least that there is.
  const distanceTo = (to: number, given = 0): number => (given >= 10 ? given : to === id ? 10 : 20);
  const distances = new Map(online.map((to, i) => [to, distanceTo(to, row[i])]));
  return {
    id,
    hasCpu,
    size: kilobytes(meminfo, "MemTotal"),
    free: kilobytes(meminfo, "MemFree"),
    distances,
    performance: readPerformance(folder),
  };
}

/** "Node 0 MemTotal:  1024 kB" as bytes. */
function kilobytes(meminfo: string, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(meminfo)?.[1] ?? 0) * 1024;
}

/** Access class 1 is from the nearest CPU, class 0 from the nearest initiator of any kind. */
function readPerformance(folder: string): Performance | undefined {
  for (const access of ["access1", "access0"]) {
    const read = (name: string): number => number(readText(join(folder, access, "initiators", name))) ?? 0;
    const performance = {
      readLatency: read("read_latency"),
      writeLatency: read("write_latency"),
      readBandwidth: read("read_bandwidth"),
      writeBandwidth: read("write_bandwidth"),
    };
    if (performance.readLatency > 0 && performance.writeLatency > 0) return performance;
  }
  return undefined;
}

function readTiers(folder: string): SysfsMemory["tiers"] {
  const names = list(folder).filter((name) => /^memory_tier\d+$/.test(name));
  if (names.length === 0) return undefined;
  return names
    .map((name) => ({
      id: Number(name.slice("memory_tier".length)),
      nodes: parseList(readText(join(folder, name, "nodelist")) ?? ""),
    }))
    .filter((tier) => tier.nodes.length > 0)
    .sort((a, b) => a.id - b.id);
}

/** The limits of the cgroup that this process is in, version 2 or, for memory alone, version 1. */
function readCgroup(root: string): Pick<SysfsMemory, "cgroup" | "room"> | undefined {
  const lines = (readText(join(root, "proc/self/cgroup")) ?? "").split("\n");
  const unified = lines.find((line) => line.startsWith("0::"))?.slice(3);
  const base = join(root, "sys/fs/cgroup");
  if (unified !== undefined && readText(join(base, "cgroup.controllers")) !== undefined) {
    return limitsUpwards(base, unified, {
      max: "memory.max",
      high: "memory.high",
      current: "memory.current",
      mems: "cpuset.mems.effective",
    });
  }
  const old = lines
    .map((line) => line.split(":"))
    .find(([, controllers]) => controllers?.split(",").includes("memory"));
  if (old === undefined) return undefined;
  const files = { max: "memory.limit_in_bytes", high: "", current: "memory.usage_in_bytes", mems: "" };
  return limitsUpwards(join(base, "memory"), old[2] as string, files);
}

/** The tightest limits of a group and those above it, as far as they can be seen. */
function limitsUpwards(
  base: string,
  path: string,
  files: { max: string; high: string; current: string; mems: string },
): Pick<SysfsMemory, "cgroup" | "room"> | undefined {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  let max = Number.POSITIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  let current: number | undefined;
  let room = Number.POSITIVE_INFINITY;
  let mems: number[] | undefined;
  for (let depth = parts.length; depth >= 0; depth--) {
    const folder = join(base, ...parts.slice(0, depth));
    const own = {
      max: limit(readText(join(folder, files.max))),
      high: files.high === "" ? Number.POSITIVE_INFINITY : limit(readText(join(folder, files.high))),
    };
    const used = number(readText(join(folder, files.current)));
    max = Math.min(max, own.max);
    high = Math.min(high, own.high);
    current ??= used;
    // Where a group does not say what it uses, it is at least what those below do.
    room = Math.min(room, Math.max(0, Math.min(own.max, own.high) - (used ?? current ?? 0)));
    const allowed = parseList(files.mems === "" ? "" : (readText(join(folder, files.mems)) ?? ""));
    if (mems === undefined && allowed.length > 0) mems = allowed;
  }
  if (current === undefined && max === Number.POSITIVE_INFINITY && high === max && mems === undefined) return undefined;
  return { cgroup: { path, max, high, current: current ?? 0, mems }, room };
}
function limit(text: string | undefined): number {
  const bytes = number(text);
  // Version 1 says "no limit" with the largest number of whole pages that fits.
  return bytes === undefined || bytes >= 2 ** 62 ? Number.POSITIVE_INFINITY : bytes;
}
function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

function readFlag(path: string): boolean | undefined {
  const text = readText(path)?.trim();
  return text === undefined ? undefined : text === "true" || text === "1";
}
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
