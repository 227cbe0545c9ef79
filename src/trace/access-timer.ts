/**
 * How long accesses of a replay take, for who looks at it: some of them are timed, without what the replay itself does with the bytes
 * (to write them, and to compare them all). No decision is another one for it.
 */
import type { Pattern } from "./pattern.ts";

/** An access that was timed. */
export interface TimedAccess {
  /** Where the value was before, as in `hitsByTier`; "miss" if it was nowhere. */
  readonly tier: string;
  readonly seconds: number;
}

/** One in so many is timed: no power of two, which loops in a trace might keep step with. */
const EVERY = 13;

export class AccessTimer {
  /** The request that is to be timed next. */
  next = 0;
  /** The pattern, whose time does not count. */
  readonly pattern: Pattern;
  readonly #listener: (access: TimedAccess) => void;
  #begun = 0;
  #spent = 0;
  #seconds = 0;

  constructor(pattern: Pattern, listener: (access: TimedAccess) => void) {
    this.#listener = listener;
    this.pattern = {
      fill: (...value) => {
        const begun = performance.now();
        pattern.fill(...value);
        this.#spent += performance.now() - begun;
      },
      check: (...value) => {
        const begun = performance.now();
        const intact = pattern.check(...value);
        this.#spent += performance.now() - begun;
        return intact;
      },
    };
  }
  /** The access begins. */
  begin(): void {
    this.#spent = 0;
    this.#begun = performance.now();
  }
  /** It has come to its end. */
  end(): void {
    this.#seconds = Math.max(0, performance.now() - this.#begun - this.#spent) / 1000;
    this.next += EVERY;
  }
  /** Where the last one was served from. */
  tell(tier: string): void {
    this.#listener({ tier, seconds: this.#seconds });
  }
}
