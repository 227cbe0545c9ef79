/** What is shown: a header, the snapshots so far, and how it stands. Those who watch are told of what is new. */
import type { FeedCommand, FeedState, Header, Snapshot } from "./wire.ts";

/** Snapshots kept for those who come later: ten minutes, one a second. */
export const MOST_SNAPSHOTS = 600;

/** Who watches a feed. */
export interface Watcher {
  snapshot(snapshot: Snapshot): void;
  state(state: FeedState): void;
}

export class Feed {
  readonly header: Header;
  /** Told what those who watch want; without it the feed goes its own way. */
  readonly control: ((command: FeedCommand) => void) | undefined;
  #state: FeedState;
  #snapshots: Snapshot[] = [];
  readonly #watchers = new Set<Watcher>();

  constructor(header: Header, state: FeedState, control?: (command: FeedCommand) => void) {
    this.header = header;
    this.#state = state;
    this.control = control;
  }

  get state(): FeedState {
    return this.#state;
  }
  /** The oldest first. */
  get snapshots(): readonly Snapshot[] {
    return this.#snapshots;
  }

  push(snapshot: Snapshot): void {
    this.#snapshots.push(snapshot);
    if (this.#snapshots.length > MOST_SNAPSHOTS) this.#snapshots.shift();
    for (const watcher of this.#watchers) watcher.snapshot(snapshot);
  }

  setState(state: FeedState): void {
    this.#state = state;
    for (const watcher of this.#watchers) watcher.state(state);
  }

  /** Tell `watcher` of what is new from now on. Returns what ends it. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
