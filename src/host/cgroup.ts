/**
 * How near the process's cgroup (version 2) is to its limits, read anew each time: a few small files, tens of microseconds.
 *
 * The limit that counts is the nearest one of the group and those above it. Page cache is charged too, but the kernel drops it
 * before it kills anybody, so it counts as room.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LieuError } from "../errors.ts";

/** What the cgroup says now, in bytes. */
export interface CgroupState {
  /** The lower of memory.high and memory.max; Infinity: there is none. */
  readonly limit: number;
  /** What may still be taken until the limit is reached. */
  readonly room: number;
  /** Microseconds that some of its processes have waited for memory, ever (memory.pressure, some); 0 where the kernel keeps no count. */
  readonly stalled: number;
}

/** A cgroup that can be read. */
export class Cgroup {
  /** The group's folder, and those of the groups above it. */
  readonly #folders: readonly string[];

  /**
   * The group of this process, or the one whose folder is given, which has none above it then.
   *
   * @throws {@link LieuError} ENOTSUP if there is no cgroup of version 2 with a memory controller
   */
  constructor(folder?: string) {
    this.#folders = folder === undefined ? ownFolders() : [folder];
    if (this.#folders.some((f) => read(f, "memory.current") !== undefined)) return;
    const where = folder ?? "this process's";
    throw new LieuError("ENOTSUP", `pressure needs a cgroup of version 2 with memory.current; ${where} has none`);
  }

  read(): CgroupState {
    let limit = Number.POSITIVE_INFINITY;
    let room = Number.POSITIVE_INFINITY;
    for (const folder of this.#folders) {
      const here = Math.min(bytesOf(read(folder, "memory.max")), bytesOf(read(folder, "memory.high")));
      if (here === Number.POSITIVE_INFINITY) continue;
      const current = bytesOf(read(folder, "memory.current"));
      if (current === Number.POSITIVE_INFINITY) continue;
      const left = here - current + fileCache(read(folder, "memory.stat"));
      if (left < room) [limit, room] = [here, left];
    }
    const pressure = read(this.#folders[0] as string, "memory.pressure");
    const total = /^some .*total=(\d+)/m.exec(pressure ?? "")?.[1];
    return { limit, room, stalled: Number(total ?? 0) };
  }
}

function ownFolders(): string[] {
  const path = (read("/proc/self", "cgroup") ?? "").split("\n").find((line) => line.startsWith("0::"));
  const parts = (path?.slice(3) ?? "").split("/").filter((part) => part !== "" && part !== "..");
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    join("/sys/fs/cgroup", ...parts.slice(0, parts.length - i)),
  );
}
/** "max", and what is not there: Infinity. */
function bytesOf(text: string | undefined): number {
  const number = text === undefined ? Number.NaN : Number.parseInt(text, 10);
  return Number.isNaN(number) ? Number.POSITIVE_INFINITY : number;
}
function fileCache(stat: string | undefined): number {
  let bytes = 0;
  for (const [, number] of (stat ?? "").matchAll(/^(?:in)?active_file (\d+)$/gm)) bytes += Number(number);
  return bytes;
}
function read(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return undefined;
  }
}
