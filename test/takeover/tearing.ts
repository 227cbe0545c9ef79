/**
 * Death at any store: the engine's JavaScript twin over a machine that stops after so many stores, as though its thread had been killed there. A test
 * mocks `src/mm/machine.ts` with {@link tearable}. Of what is copied or zeroed in one call, pieces are stores of their own; what a
 * device is asked is one, too.
 */
import type * as machine from "../../src/mm/machine.ts";

/** Stores that are left, and those that were made; whether it has died. */
const state = { left: Number.POSITIVE_INFINITY, made: 0, torn: false, died: (): void => undefined };

/** Thrown where the thread dies. */
export class Torn extends Error {
  override name = "Torn";
}

/** The machine, which counts its stores and stops where it is told to. */
export function tearable(real: typeof machine): typeof machine {
  const step = (): void => {
    if (state.left <= 0) {
      if (!state.torn) state.died();
      state.torn = true;
      throw new Torn();
    }
    state.left--;
    state.made++;
  };
  const PIECES = 4;
  /** `part(at, n)` for the pieces of so many bytes, from the first on. */
  const inPieces = (bytes: number, part: (at: number, n: number) => void): void => {
    const size = Math.max(8, (bytes / PIECES + 7) & ~7);
    for (let at = 0; at < bytes; at += size) {
      step();
      part(at, Math.min(size, bytes - at));
    }
  };
  const stepped =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      step();
      return call(...args);
    };
  /** Asked, and maybe not heard any more. */
  const asked =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      step();
      const answer = call(...args);
      step();
      return answer;
    };
  return {
    ...real,
    st: stepped(real.st),
    stf: stepped(real.stf),
    st8: stepped(real.st8),
    st16: stepped(real.st16),
    copySteps: stepped(real.copySteps),
    copyShort: stepped(real.copyShort),
    copyBytes: (to: number, from: number, bytes: number) =>
      inPieces(bytes, (at, n) => real.copyBytes(to + at, from + at, n)),
    zeroBytes: (to: number, bytes: number) => inPieces(bytes, (at, n) => real.zeroBytes(to + at, n)),
    hostSwapWrite: asked(real.hostSwapWrite),
    hostSwapRead: asked(real.hostSwapRead),
    hostSwapFree: asked(real.hostSwapFree),
    hostDiscard: asked(real.hostDiscard),
  };
}

/**
 * Do something that dies after `stores` stores. Returns whether it did; it has ended otherwise. `died` is called where it dies, to see what the dead one's own
 * clean-up would not have come to.
 */
export function dies(stores: number, work: () => void, died = (): void => undefined): boolean {
  state.left = stores;
  state.torn = false;
  state.died = died;
  try {
    work();
    return false;
  } catch (error) {
    // What the dead one's own clean-up makes of it is never said.
    if (!state.torn) throw error;
    return true;
  } finally {
    state.left = Number.POSITIVE_INFINITY;
  }
}
/** How many stores something takes. */
export function storesOf(work: () => void): number {
  const before = state.made;
  work();
  return state.made - before;
}
