/** What a running program asks of a cache, recorded for a while (server/record.ts). */
import type { RecordHead, RecordLine } from "../cache/recording.ts";
import { LieuError } from "../errors.ts";
import { type Recorded, RecordingReader } from "../plan/live.ts";
import type { Context } from "./context.ts";
import { startProgress } from "./progress.ts";
import { askServed, jsonOf, type Served } from "./served.ts";

/** How long a program is listened to, ns, and the most, ms: timers know no longer time. */
const DEFAULT_FOR = 30e9;
const MOST_FOR = 2 ** 31 - 1;

/** Of which cache, and for how long, ns. */
export interface RecordFlags {
  readonly cache?: string;
  readonly for?: number;
}

/** Record. @throws {@link LieuError} what askServed() does; EINVAL if nothing was asked for meanwhile */
export async function record(
  served: Served,
  { cache, for: ns = DEFAULT_FOR }: RecordFlags,
  context: Context,
): Promise<Recorded> {
  const ms = Math.min(ns / 1e6, MOST_FOR);
  const enough = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let begun = 0;
  const progress = startProgress(context.stderr, "recording", Math.ceil(ms / 1000), "seconds");
  const path = `requests${cache === undefined ? "" : `?cache=${encodeURIComponent(cache)}`}`;
  let reader: RecordingReader | undefined;
  let rest = "";
  try {
    for await (const text of askServed(served, path, AbortSignal.any([enough.signal, context.signal]))) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        if (reader === undefined) {
          reader = new RecordingReader(jsonOf(line, served) as RecordHead);
          begun = performance.now();
          timer = setTimeout(() => enough.abort(), ms);
        } else reader.add(jsonOf(line, served) as RecordLine);
      }
      progress.update(Math.floor((performance.now() - begun) / 1000));
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (!enough.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    progress.stop();
  }
  if (reader === undefined) throw new LieuError("ENOENT", `${served.url.href} serves no memory`);
  return reader.done();
}
