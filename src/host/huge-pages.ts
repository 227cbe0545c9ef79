/**
 * Transparent huge pages for a segment (madvise, MADV_HUGEPAGE). Scattered reads of 4 KiB pages miss the TLB nearly each time
 * once there are more than some thousand of them, and under a hypervisor each such miss is two walks of page tables, which
 * push the engine's own page table out of the cache. With pages of 2 MiB a gigabyte takes 512 entries of the TLB.
 *
 * Most systems give huge pages to who asks ("madvise"), so lieu asks; where they are "always" or "never" given, there is
 * nothing to ask for.
 */
import { readFileSync } from "node:fs";
import { LieuError } from "../errors.ts";
import { libc, SystemError } from "./libc.ts";

const SETTING = "/sys/kernel/mm/transparent_hugepage/enabled";
/** Where nobody said whether, segments smaller than this are left alone: they gain little, and koffi takes 30 ms to load. */
const LEAST = 64 * 2 ** 20;

/** What the system does: "always", "madvise", "never"; undefined where it does not say, or has no huge pages. */
export function hugePageSetting(file = SETTING): string | undefined {
  try {
    return /\[(\w+)\]/.exec(readFileSync(file, "latin1"))?.[1];
  } catch {
    return undefined;
  }
}

/**
 * Have `range` backed by huge pages as it is touched. `wish`: true = it must be possible; undefined = if it is large enough and the
 * system lets one ask; false = do not ask.
 *
 * @throws {@link LieuError} ENOTSUP if the wish is true and the system, or want of koffi, is against it
 */
export function useHugePages(
  range: Uint8Array,
  wish: boolean | undefined,
  setting: string | null = hugePageSetting() ?? null,
): void {
  if (wish === false || setting === "always") return;
  if (wish === undefined && (setting !== "madvise" || range.length < LEAST)) return;
  try {
    if (setting !== "madvise")
      throw new LieuError("ENOTSUP", `hugePages: the system has none (${setting ?? "no"} setting)`);
    libc("hugePages").adviseHuge(range);
  } catch (error) {
    if (wish !== true) return;
    if (!(error instanceof SystemError)) throw error;
    throw new LieuError("ENOTSUP", `hugePages: ${error.message}`, { cause: error });
  }
}
