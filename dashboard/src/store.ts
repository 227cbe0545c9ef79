/** What the page knows, and who wants to hear when that changes. */
import type { FeedState, Header, Snapshot } from "../../src/server/wire.ts";

/** Snapshots kept, of a program that is watched for long. */
export const MOST_FRAMES = 600;

export interface Run {
  readonly header: Header;
  readonly frames: readonly Snapshot[];
}

export interface State {
  readonly run: Run | undefined;
  readonly feed: FeedState;
  /** Whether what is watched can be paused, stepped, sent on. */
  readonly controls: boolean;
  /** Why nothing comes; undefined if something does. */
  readonly trouble: string | undefined;
  /** What the server says is wrong with the token; the page asks for one then. */
  readonly tokenWanted: boolean;
  /** The snapshots as they were when the view was halted; undefined: it follows. */
  readonly halted: readonly Snapshot[] | undefined;
  /** The moment that the pointer is on, and the one that was chosen. */
  readonly hover: number | undefined;
  readonly chosen: number | undefined;
}

type Listener = () => void;

export class Store {
  #state: State;
  readonly #listeners = new Set<Listener>();
  #frame = 0;

  constructor(run?: Run) {
    this.#state = {
      run,
      feed: { phase: run === undefined ? "live" : "ended" },
      controls: false,
      trouble: run === undefined ? "Connecting …" : undefined,
      tokenWanted: false,
      halted: undefined,
      hover: undefined,
      chosen: undefined,
    };
  }

  get state(): State {
    return this.#state;
  }

  set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#frame !== 0) return;
    // However much comes in, it is drawn as often as the screen is.
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const listener of this.#listeners) listener();
    });
  }

  begin(header: Header, controls: boolean): void {
    this.set({ run: { header, frames: [] }, controls, trouble: undefined, tokenWanted: false });
  }

  add(snapshots: readonly Snapshot[]): void {
    const { run } = this.#state;
    if (run === undefined) return;
    const frames = [...run.frames, ...snapshots].slice(-MOST_FRAMES);
    this.set({ run: { ...run, frames } });
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The snapshots that are shown. */
export function shownFrames({ run, halted }: State): readonly Snapshot[] {
  return halted ?? run?.frames ?? [];
}

/** The snapshot that the cursor is on: the last that is not after it. */
export function cursorIndex(frames: readonly Snapshot[], { hover, chosen }: State): number {
  const at = hover ?? chosen;
  if (at === undefined) return frames.length - 1;
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((frames[middle] as Snapshot).at <= at) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
