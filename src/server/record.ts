/** What is asked of a cache of a running program, sent on as it happens, for who plans (`lieu plan URL`). */
import type { RecordHead, RecordLine } from "../cache/recording.ts";
import { LieuError, shown } from "../errors.ts";
import type { Watched } from "../memory/watched.ts";
import { isClosed } from "./recorder.ts";

/** Milliseconds from one part to the next. */
const EVERY = 200;

/** Records for one who listens: gives what is to be sent first, then sends; the function it returns ends that. */
export interface RecordSource {
  begin(cache: string | undefined, send: (line: RecordLine) => void): { head: RecordHead; stop: () => void };
}

/** @throws {@link LieuError} by begin(): EINVAL: which cache; ENOTSUP, EBUSY: it cannot be recorded (now); ECLOSED */
export function recordSource(memory: Watched): RecordSource {
  return {
    begin(name, send) {
      const cache = cacheOf(memory, name);
      const recording = cache.recordRequests();
      const timer = setInterval(() => {
        if (isClosed(memory) || recording.stopped) return stop();
        const { words, ...counts } = recording.take();
        const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
        send({ words: bytes.toString("base64"), ...counts });
      }, EVERY);
      timer.unref();
      const stop = (): void => {
        clearInterval(timer);
        recording.stop();
      };
      return { head: { version: 1, cache: cache.name, maxSize: cache.maxSize, size: cache.calculatedSize }, stop };
    },
  };
}

function cacheOf(memory: Watched, name: string | undefined) {
  const caches = memory.caches();
  const names = caches.map((cache) => shown(cache.name)).join(", ");
  if (caches.length === 0) {
    throw new LieuError(
      "ENOTSUP",
      "the memory has no cache, and what its regions are asked for is not seen: record a trace",
    );
  }
  if (name === undefined && caches.length > 1)
    throw new LieuError("EINVAL", `there are the caches ${names}: say which`);
  const found = name === undefined ? caches[0] : caches.find((cache) => cache.name === name);
  if (found === undefined) throw new LieuError("EINVAL", `there is no cache ${shown(name)}; there is ${names}`);
  return found;
}
