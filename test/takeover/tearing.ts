/**
 * Death at any store: the engine's JavaScript twin over a machine that stops after so many stores, as though its thread had been killed there, or that has
 * something done before each. A test mocks `src/mm/machine.ts` with {@link tearable}. Of what is copied or zeroed in one call, pieces are
 * stores of their own; what a device is asked is one, too.
 */
import type * as machine from "../../src/mm/machine.ts";

interface State {
  /** Stores that are left, and those that were made; whether it has died. */
  left: number;
  made: number;
  torn: boolean;
  died: () => void;
  /** Called before each store, of {@link between}; not while it is itself under way. */
  between: (() => void) | undefined;
  /** Of each word, what was done to it first while it is watched: 0 nothing, {@link READ}, {@link WRITTEN}. */
  readonly marks: Uint8Array;
  watching: boolean;
  /** Whether anything has changed that was read when it was watched, or may have. */
  changed: boolean;
  always: boolean;
  plugged: machine.Machine | undefined;
}
const READ = 1;
const WRITTEN = 2;

/** One for all copies of this module: the machine may have been given another than who tears. */
const ROOM = Symbol.for("lieu.test.tearing");
const store = globalThis as unknown as Record<symbol, State | undefined>;
store[ROOM] ??= {
  ...{ left: Number.POSITIVE_INFINITY, made: 0, torn: false, died: (): void => undefined, between: undefined },
  ...{ marks: new Uint8Array(1 << 21), watching: false, changed: true, always: false, plugged: undefined },
};
const state = store[ROOM];

/** Thrown where the thread dies. */
export class Torn extends Error {
  override name = "Torn";
}

/** Words [from, to) of bytes [at, at + bytes) were read. */
function read(at: number, bytes: number): void {
  if (!state.watching) return;
  const { marks } = state;
  for (let w = at >>> 2, end = (at + bytes + 3) >>> 2; w < end; w++) if (marks[w] === 0) marks[w] = READ;
}
/** They are about to be written. What is written in part counts as read. */
function write(at: number, bytes: number): void {
  const { marks } = state;
  const first = at >>> 2;
  const end = (at + bytes + 3) >>> 2;
  if (state.between !== undefined) {
    for (let w = first; w < end && !state.changed; w++) if (marks[w] === READ) state.changed = true;
    return;
  }
  if (!state.watching) return;
  for (let w = first; w < end; w++)
    if (marks[w] === 0) marks[w] = w * 4 < at || w * 4 + 4 > at + bytes ? READ : WRITTEN;
}
function step(): void {
  if (state.between !== undefined) {
    const { between, changed, plugged } = state;
    state.between = undefined;
    try {
      if (changed || state.always) between();
    } finally {
      state.between = between;
    }
    if (plugged !== state.plugged && plugged !== undefined) replug(plugged);
    state.made++;
    return;
  }
  if (state.left <= 0) {
    if (!state.torn) state.died();
    state.torn = true;
    throw new Torn();
  }
  state.left--;
  state.made++;
}
let replug: (plugged: machine.Machine) => void = () => undefined;

/** The machine, which counts its stores and stops where it is told to. */
export function tearable(real: typeof machine): typeof machine {
  const PIECES = 4;
  /** `part(at, n)` for the pieces of so many bytes, from the first on, or from the last. */
  const inPieces = (bytes: number, part: (at: number, n: number) => void, fromLast = false): void => {
    const size = Math.max(8, (bytes / PIECES + 7) & ~7);
    const starts: number[] = [];
    for (let at = 0; at < bytes; at += size) starts.push(at);
    for (const at of fromLast ? starts.reverse() : starts) part(at, Math.min(size, bytes - at));
  };
  const loaded =
    <R>(load: (p: number) => R, bytes: number) =>
    (p: number): R => {
      if (state.watching) read(p >>> 0, bytes);
      return load(p);
    };
  const stored =
    (put: (p: number, v: number) => void, bytes: number) =>
    (p: number, v: number): void => {
      step();
      write(p >>> 0, bytes);
      put(p, v);
    };
  const copied =
    (copy: (to: number, from: number, bytes: number) => void, spare: number) =>
    (to: number, from: number, bytes: number): void => {
      step();
      read(from >>> 0, bytes + spare);
      write(to >>> 0, bytes + spare);
      copy(to, from, bytes);
    };
  /** Asked, and maybe not heard any more. */
  const asked =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      step();
      const answer = call(...args);
      state.changed = true;
      step();
      return answer;
    };
  const copyPiece = copied(real.copyBytes, 0);
  replug = (plugged) => {
    state.plugged = plugged;
    real.plug(plugged);
  };
  const plug = (plugged: machine.Machine): void => {
    // Between two calls of the engine, its caller may have written anything.
    if (state.between !== undefined) state.changed = true;
    replug(plugged);
  };
  const PAGE = 4096;
  return {
    ...real,
    plug,
    ld: loaded(real.ld, 4),
    ldf: loaded(real.ldf, 8),
    ldfOrdered: loaded(real.ldfOrdered, 8),
    ld8: loaded(real.ld8, 1),
    ld16: loaded(real.ld16, 2),
    ld32: loaded(real.ld32, 4),
    sumLanes: loaded(real.sumLanes, PAGE),
    matchTags: (p: number, tag: number) => {
      read(p >>> 0, 64);
      return real.matchTags(p, tag);
    },
    equalBytes: (a: number, b: number, most: number) => {
      read(a >>> 0, most);
      read(b >>> 0, most);
      return real.equalBytes(a, b, most);
    },
    st: stored(real.st, 4),
    stf: stored(real.stf, 8),
    st8: stored(real.st8, 1),
    st16: stored(real.st16, 2),
    copySteps: copied(real.copySteps, 7),
    copyShort: copied(real.copyShort, 7),
    copyBytes: (to: number, from: number, bytes: number) =>
      // As where ranges overlap: what is yet to be copied is not written over.
      inPieces(bytes, (at, n) => copyPiece(to + at, from + at, n), to >>> 0 > from >>> 0),
    zeroBytes: (to: number, bytes: number) =>
      inPieces(bytes, (at, n) => {
        step();
        write((to + at) >>> 0, n);
        real.zeroBytes(to + at, n);
      }),
    hostSwapWrite: asked((dev, slot, n, addrs) => {
      for (let i = 0; i < n; i++) read(real.ld(addrs + 4 * i) >>> 0, PAGE);
      return real.hostSwapWrite(dev, slot, n, addrs);
    }),
    hostSwapRead: asked((dev, slot, addr) => {
      write(addr >>> 0, PAGE);
      return real.hostSwapRead(dev, slot, addr);
    }),
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
/**
 * Do something, and have `look(n)` called before its n-th store, as though it had died there: what `look` does must be to another segment. Unless `always`, it is
 * not called where it can see no difference to the last time: no word that it has read in {@link watched}, before it wrote to it, has changed since, nor may have.
 */
export function between(work: () => void, look: (n: number) => void, always: boolean): void {
  const before = state.made;
  state.changed = true;
  state.always = always;
  let made = 0;
  state.between = () => {
    made = state.made;
    look(made - before);
    // What it stored is its own.
    state.made = made;
  };
  try {
    work();
  } finally {
    state.between = undefined;
  }
}
/** Note what `work` reads; `seen(at, bytes)` is for what it reads past the machine. What is read after it is not noted. */
export function watched(work: (seen: (at: number, bytes: number) => void) => void): void {
  state.marks.fill(0);
  state.changed = false;
  state.watching = true;
  try {
    work(read);
  } finally {
    state.watching = false;
  }
}
