/**
 * A feed over HTTP: the page, the events, the latest snapshot, and what a replay can be told.
 *
 *     GET  /           the page: no secret, so that it can ask for the token
 *     GET  /events     server-sent events: "header", "snapshots" (those kept, then each new one), "state"
 *     GET  /snapshot   { header, state, snapshot }, the latest one
 *     GET  /requests   what is asked of a cache from now on (?cache=NAME): lines of JSON, a RecordHead, then RecordLines
 *     POST /control    a FeedCommand as JSON
 *
 * What a browser has open elsewhere must not get at it. A page of another origin cannot read an answer, as none allows it to; one
 * whose name has been bound to our address (DNS rebinding) could, so what the request calls us (Host) must be one of our names. It
 * cannot tell us anything either: JSON is what no page may send to another origin unasked. Beyond the loopback interface a
 * token is needed. It comes in a header, never in the address, which logs and histories keep: the page is given it behind the
 * "#", which browsers keep to themselves.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isLieuError, LieuError } from "../errors.ts";
import type { Feed } from "./feed.ts";
import { dashboardPage } from "./page.ts";
import type { RecordSource } from "./record.ts";
import type { FeedCommand } from "./wire.ts";

const MOST_WATCHERS = 32;
/** Bytes that a watcher may be behind before it is let go. It may come again. */
const MOST_BEHIND = 16 << 20;
const MOST_COMMAND = 1024;
/** Milliseconds. */
const MOST_PACE = 10_000;
const METHODS: Readonly<Record<string, string>> = {
  "/": "GET",
  "/events": "GET",
  "/snapshot": "GET",
  "/requests": "GET",
  "/control": "POST",
};
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/i;

/** Where to be found. */
export interface Address {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
}

/** A server at work. */
export interface FeedServer {
  /** Where the page is, with the token behind the "#" if there is one. */
  readonly url: string;
  readonly token: string | undefined;
  close(): Promise<void>;
}

/**
 * Serve a feed. Neither the server nor who is connected to it keeps the process alive.
 *
 * @throws {@link LieuError} EBUSY, EACCES, EINVAL: the port or the host cannot be had
 */
export async function serveFeed(feed: Feed, address: Address, source?: RecordSource): Promise<FeedServer> {
  const { port } = address;
  const host = address.host.replace(/^\[(.*)\]$/, "$1");
  const local = LOOPBACK.test(host);
  const token = address.token ?? (local ? undefined : randomBytes(24).toString("base64url"));
  const page = dashboardPage();
  const handler = new Handler(feed, page, token, local, source);
  const server = createServer((request, response) => handler.handle(request, response));
  server.on("connection", (socket) => socket.unref());
  server.unref();
  await listening(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}/${token === undefined ? "" : `#token=${encodeURIComponent(token)}`}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const code = error.code === "EADDRINUSE" ? "EBUSY" : error.code === "EACCES" ? "EACCES" : "EINVAL";
      reject(new LieuError(code, `cannot listen on port ${port} of ${host}: ${error.message}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

class Handler {
  readonly #feed: Feed;
  readonly #page: Buffer;
  readonly #policy: string;
  readonly #token: Buffer | undefined;
  readonly #local: boolean;
  readonly #source: RecordSource | undefined;
  #watchers = 0;

  constructor(feed: Feed, page: string, token: string | undefined, local: boolean, source: RecordSource | undefined) {
    this.#feed = feed;
    this.#source = source;
    this.#page = Buffer.from(page);
    this.#policy = contentPolicy(page);
    this.#token = token === undefined ? undefined : digest(token);
    this.#local = local;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("referrer-policy", "no-referrer");
    response.setHeader("cache-control", "no-store");
    try {
      this.#answer(request, response);
    } catch (error) {
      refuse(response, error);
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // Whoever may have any name needs the token in any case.
    if (this.#local && !isLocal(request.headers.host)) throw new Refusal(421, "this server has another name");
    // Nobody's page but ours has business here; with a token, who has it may pass, also through a proxy with another name.
    if (this.#token === undefined && isForeign(request.headers.origin)) throw new Refusal(403, "another site's page");
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    const method = METHODS[path];
    if (method === undefined) throw new Refusal(404, "there is nothing here");
    if (path !== "/" && !this.#mayPass(request)) {
      response.setHeader("www-authenticate", "Bearer");
      throw new Refusal(401, "the token is missing or wrong");
    }
    if (request.method !== method) throw new Refusal(405, `only ${method}`);
    if (path === "/") this.#sendPage(response);
    else if (path === "/events") this.#sendEvents(response);
    else if (path === "/snapshot") {
      const { header, state, snapshots } = this.#feed;
      sendJson(response, { header, state, snapshot: snapshots.at(-1) ?? null });
    } else if (path === "/requests") this.#sendRequests(new URL(request.url ?? "/", "http://x/"), response);
    else this.#obey(request, response);
  }

  /** Digests are compared, which are of one length whatever was sent, in a time that tells nothing. */
  #mayPass(request: IncomingMessage): boolean {
    if (this.#token === undefined) return true;
    const [, given = ""] = /^Bearer (.*)$/i.exec(request.headers.authorization ?? "") ?? [];
    return timingSafeEqual(digest(given), this.#token);
  }

  #sendPage(response: ServerResponse): void {
    response.setHeader("content-security-policy", this.#policy);
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": this.#page.length });
    response.end(this.#page);
  }

  #sendEvents(response: ServerResponse): void {
    if (this.#watchers >= MOST_WATCHERS) throw new Refusal(503, `${MOST_WATCHERS} are watching already`);
    this.#watchers++;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
    const send = (event: string, data: unknown): void => {
      if (response.writableLength > MOST_BEHIND) response.destroy();
      else response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const { header, state, snapshots, control } = this.#feed;
    send("header", { header, controls: control !== undefined });
    send("snapshots", snapshots);
    send("state", state);
    const stop = this.#feed.watch({
      snapshot: (snapshot) => send("snapshots", [snapshot]),
      state: (news) => send("state", news),
    });
    response.on("close", () => {
      stop();
      this.#watchers--;
    });
    response.on("error", () => response.destroy());
  }

  #sendRequests({ searchParams }: URL, response: ServerResponse): void {
    if (this.#source === undefined) throw new Refusal(409, "this is a replay: plan for its trace");
    const send = (line: unknown): void => {
      if (response.writableLength > MOST_BEHIND) response.destroy();
      else response.write(`${JSON.stringify(line)}\n`);
    };
    const { head, stop } = this.#source.begin(searchParams.get("cache") ?? undefined, send);
    response.on("close", stop);
    response.writeHead(200, { "content-type": "application/x-ndjson", "x-accel-buffering": "no" });
    send(head);
  }

  #obey(request: IncomingMessage, response: ServerResponse): void {
    const { control } = this.#feed;
    if (control === undefined) throw new Refusal(409, "this is a program's memory: there is nothing to control");
    if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new Refusal(415, "send JSON");
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (part: string) => {
      text += part;
      if (text.length > MOST_COMMAND) request.destroy();
    });
    request.on("end", () => {
      try {
        control(commandOf(text));
        sendJson(response, this.#feed.state);
      } catch (error) {
        refuse(response, error);
      }
    });
  }
}

/** Why a request is not answered. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isLocal(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK.test(host.replace(/:\d+$/, ""));
}

/** Whether a request comes from a page that this machine has not. */
function isForeign(origin: string | undefined): boolean {
  return origin !== undefined && !(URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname));
}

function refuse(response: ServerResponse, error: unknown): void {
  const [status, why] = isLieuError(error)
    ? [error.code === "EINVAL" ? 400 : 409, error.message]
    : error instanceof Refusal
      ? [error.status, error.message]
      : [500, String(error)];
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${why}\n`);
}

function sendJson(response: ServerResponse, data: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(data));
}

/** Only the scripts that are in the page run, and it talks to nobody but us. */
function contentPolicy(page: string): string {
  const scripts = [...page.matchAll(/<script\b(?![^>]*\btype="application\/json")[^>]*>([\s\S]*?)<\/script>/g)];
  const hashes = scripts.map(
    ([, code]) =>
      `'sha256-${createHash("sha256")
        .update(code as string)
        .digest("base64")}'`,
  );
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ") || "'none'"}`,
    "style-src 'unsafe-inline'",
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** What was sent, if it is a command. */
function commandOf(text: string): FeedCommand {
  const { command, to, ms } = objectOf(text);
  switch (command) {
    case "pause":
    case "resume":
    case "step":
      return { command };
    case "seek":
      if (typeof to === "number" && to >= 0) return { command, to };
      break;
    case "pace":
      if (typeof ms === "number" && ms >= 0 && ms <= MOST_PACE) return { command, ms };
  }
  throw new Refusal(400, "this is no command");
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const sent: unknown = JSON.parse(text);
    if (typeof sent === "object" && sent !== null) return { ...sent };
  } catch {
    // Said below.
  }
  throw new Refusal(400, "this is no JSON object");
}
