/**
 * A replay that is looked at: snapshots of it at about four hundred points of the trace, the same ones each time, so that a report of
 * the same run is the same; and where it is served, it waits between them, and does as it is told.
 */
import type { ReplayObserver, ReplayView } from "../trace/replay.ts";
import { Feed } from "./feed.ts";
import { type Address, type FeedServer, serveFeed } from "./http.ts";
import { Recorder } from "./recorder.ts";
import type { FeedCommand, FeedState, Header, Snapshot } from "./wire.ts";

const MOST_LOOKS = 400;
/** The memory turns as often as this (replay.ts): looks in between would all be the same. */
const LEAST_REQUESTS = 1024;

export interface WatchOptions {
  readonly title: string;
  /** Where it is to be served; nowhere without. */
  readonly address?: Address | undefined;
  /** Milliseconds to wait after each look. */
  readonly pace?: number;
  /** It does not begin before it is told to. */
  readonly paused?: boolean;
  /** Ends all waiting. */
  readonly signal?: AbortSignal;
  /** Told where it is served. */
  readonly onServe?: (url: string) => void;
}

export class ReplayWatch implements ReplayObserver {
  readonly #options: WatchOptions;
  #recorder: Recorder | undefined;
  #feed: Feed | undefined;
  #server: FeedServer | undefined;
  #pace: number;
  #requests = 0;
  #done = 0;
  /** Requests up to which it runs, without waiting if it was sent there. */
  #until = Number.POSITIVE_INFINITY;
  #hurry = false;
  #wake: () => void = () => undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#pace = options.address === undefined ? 0 : (options.pace ?? 0);
    if (options.address !== undefined && options.paused === true) this.#until = 0;
  }

  /** What was seen, once the replay has begun. */
  get run(): { readonly header: Header; readonly frames: readonly Snapshot[] } | undefined {
    return this.#feed && { header: this.#feed.header, frames: this.#feed.snapshots };
  }

  async begin({ memory, requests, served, timeAccesses }: ReplayView): Promise<number> {
    const { title, address, onServe } = this.#options;
    const recorder = new Recorder(memory, { title, clock: "requests", ...(served !== undefined && { served }) });
    this.#recorder = recorder;
    timeAccesses((access) => recorder.timed(access));
    this.#requests = requests;
    const control = address === undefined ? undefined : (command: FeedCommand) => this.#obey(command);
    const feed = new Feed(recorder.header, this.#state(), control);
    this.#feed = feed;
    feed.push(recorder.snapshot(0));
    if (address !== undefined) {
      this.#server = await serveFeed(feed, address);
      onServe?.(this.#server.url);
    }
    await this.#hold();
    return Math.max(1, Math.ceil(requests / MOST_LOOKS / LEAST_REQUESTS)) * LEAST_REQUESTS;
  }

  async look(done: number): Promise<void> {
    this.#done = done;
    this.#feed?.push((this.#recorder as Recorder).snapshot(done));
    if (done >= this.#requests) return this.#end();
    this.#feed?.setState(this.#state());
    if (!this.#hurry && this.#pace > 0) await this.#wait(this.#pace);
    await this.#hold();
  }

  /** For as long as it is paused. */
  async #hold(): Promise<void> {
    while (this.#done >= this.#until && this.#options.signal?.aborted !== true) {
      this.#hurry = false;
      this.#feed?.setState(this.#state());
      await this.#wait();
    }
  }

  /** No longer serve it. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  #end(): void {
    this.#recorder?.close();
    this.#feed?.setState({ phase: "ended", done: this.#done, total: this.#requests });
  }

  #state(): FeedState {
    const phase = this.#done >= this.#until ? "paused" : "running";
    return { phase, done: this.#done, total: this.#requests, pace: this.#pace };
  }

  /** Until it is woken, aborted, or so many milliseconds are over. */
  #wait(ms = 1e9): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", this.#wake);
        resolve();
      };
      if (signal?.aborted === true) this.#wake();
      signal?.addEventListener("abort", this.#wake, { once: true });
    });
  }

  #obey(command: FeedCommand): void {
    if (this.#done >= this.#requests) return;
    switch (command.command) {
      case "pause":
        this.#until = this.#done;
        break;
      case "resume":
        this.#until = Number.POSITIVE_INFINITY;
        break;
      case "step":
        this.#until = this.#done + 1;
        break;
      case "seek":
        this.#until = command.to;
        this.#hurry = true;
        break;
      case "pace":
        this.#pace = command.ms;
    }
    this.#feed?.setState(this.#state());
    this.#wake();
  }
}
