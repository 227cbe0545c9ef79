/** A recorded run, read back from the report that it was written as. */
import { readFileSync } from "node:fs";
import { LieuError } from "../errors.ts";
import { fileError } from "../trace/source.ts";
import type { Header, Snapshot } from "./wire.ts";

/** What a report has in it. */
export interface RecordedRun {
  readonly header: Header;
  readonly frames: readonly Snapshot[];
}

const RUN = /<script type="application\/json" id="lieu-run">([\s\S]*?)<\/script>/;

/** The run in the bytes of a file, if it is a report. */
export function runIn(text: string): RecordedRun | undefined {
  const json = RUN.exec(text)?.[1];
  if (json === undefined) return undefined;
  try {
    const { header, frames } = JSON.parse(json) as Partial<RecordedRun>;
    if (header?.version === 1 && Array.isArray(frames) && frames.length > 0) return { header, frames };
  } catch {
    // Damaged: it is none.
  }
  return undefined;
}

/** The run in a report. @throws {@link LieuError} ENOENT, EACCES, EINVAL of the file; EFORMAT if it is no report */
export function readRun(path: string): RecordedRun {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(path, error);
  }
  const run = runIn(text);
  if (run !== undefined) return run;
  throw new LieuError("EFORMAT", `${path} is no report of a run; make one with lieu replay --report`);
}
