/**
 * Who else has a file open. One that has lost its name, as swap files and those of nodes do on POSIX, cannot be found by it any more; on Linux
 * the open files of a user's processes can be read, in all of their threads. Elsewhere, and where /proc is out of reach (Node's
 * permission model, another container), this finds nobody: then each has a file of its own, and no harm is done but that two
 * devices fill one disk.
 */
import fs from "node:fs";
import { basename, dirname, join } from "node:path";

/** The process that has a file of this path open, or undefined. Costs some 50 us a process on the machine. */
export function userOf(path: string): number | undefined {
  if (process.platform !== "linux") return undefined;
  let real: string;
  let processes: string[];
  try {
    real = join(fs.realpathSync(dirname(path)), basename(path));
    processes = fs.readdirSync("/proc");
  } catch {
    return undefined;
  }
  const names = new Set([real, `${real} (deleted)`]);
  for (const pid of processes) if (/^\d+$/.test(pid) && writes(`/proc/${pid}`, names)) return Number(pid);
  return undefined;
}

/** The processes that have a file of this path mapped, as far as they can be seen. */
export function mappersOf(path: string): number[] {
  const end = ` ${path}`;
  return fs
    .readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return fs
          .readFileSync(`/proc/${pid}/maps`, "latin1")
          .split("\n")
          .some((line) => line.endsWith(end));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Whether a process has a file of these names open to write; who only looks at it does no harm. */
function writes(process: string, names: ReadonlySet<string>): boolean {
  let files: string[];
  try {
    files = fs.readdirSync(`${process}/fd`);
  } catch {
    return false;
  }
  return files.some((file) => {
    try {
      if (!names.has(fs.readlinkSync(`${process}/fd/${file}`))) return false;
      const flags = /^flags:\s*([0-7]+)/m.exec(fs.readFileSync(`${process}/fdinfo/${file}`, "utf8"))?.[1];
      return flags === undefined || (Number.parseInt(flags, 8) & 3) !== fs.constants.O_RDONLY;
    } catch {
      return false;
    }
  });
}
