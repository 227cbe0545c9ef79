/** `memory.serve()`: the memory of a running program, looked at once a second. */
import { LieuError, shown } from "../errors.ts";
import { checkKeys } from "../memory/arguments.ts";
import type { MemoryServer, ServeOptions } from "../memory/requests.ts";
import type { Watched } from "../memory/watched.ts";
import { Feed } from "./feed.ts";
import { serveFeed } from "./http.ts";
import { recordSource } from "./record.ts";
import { isClosed, Recorder } from "./recorder.ts";

/** The least time between snapshots, and the most: milliseconds. */
const LEAST_INTERVAL = 50;
const MOST_INTERVAL = 3_600_000;

/**
 * Show a memory as it works.
 *
 * @throws {@link LieuError} EINVAL for options; EBUSY, EACCES: the port cannot be had; ECLOSED
 */
export async function serve(memory: Watched, options: ServeOptions = {}): Promise<MemoryServer> {
  checkKeys(options, ["port", "host", "token", "interval", "title"], "serve()");
  const { port = 0, host = "127.0.0.1", token, interval = 1000, title = "lieu" } = options;
  checkNumber(port, 0, 65535, "port");
  checkNumber(interval, LEAST_INTERVAL, MOST_INTERVAL, "interval");
  for (const [name, text] of Object.entries({ host, title, token: token ?? "none" })) {
    if (typeof text !== "string" || text === "") {
      throw new LieuError("EINVAL", `serve(): ${name} is ${shown(text)}; it must be a string that is not empty`);
    }
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    // It is not shown: it is a secret.
    throw new LieuError(
      "EINVAL",
      "serve(): token has a character that cannot be sent; it may have those of ASCII, no space",
    );
  }
  const recorder = new Recorder(memory, { title, clock: "seconds" });
  const feed = new Feed(recorder.header, { phase: "live" });
  const look = (): void => feed.push(recorder.snapshot(Date.now() / 1000));
  look();
  let server: Awaited<ReturnType<typeof serveFeed>>;
  try {
    server = await serveFeed(feed, { port, host, token }, recordSource(memory));
  } catch (error) {
    recorder.close();
    throw error;
  }
  const timer = setInterval(() => {
    // Whoever closes the memory need not know that it is looked at.
    if (isClosed(memory)) void close();
    else look();
  }, interval);
  timer.unref();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    clearInterval(timer);
    recorder.close();
    closed ??= server.close();
    return closed;
  };
  return { url: server.url, token: server.token, close, [Symbol.asyncDispose]: close };
}

function checkNumber(value: number, least: number, most: number, what: string): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new LieuError("EINVAL", `serve(): ${what} is ${shown(value)}; it can be ${least} to ${most}`);
}
