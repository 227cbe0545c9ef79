/**
 * Which store is being changed by who has the lock: a word of the control buffer. A store changes by many stores of words at a time, so of one that somebody
 * died at nothing is believed; of the others all is (takeover.ts). The word is written when an operation on a store begins, with the lock, and
 * cleared when it is over, before the lock is let go: between two calls of one operation a store may be half way, too.
 */
import { LieuError } from "../errors.ts";
import { CHANGING, type Control } from "./control.ts";
import type { EngineCalls } from "./engine.ts";

/** In the word: more than one. Otherwise the first page of a store's index, plus 1; 0: none is. */
export const SEVERAL = -1;

/** Calls that change nothing, or nothing that has a name yet. */
const OTHERS = new Set(["storeWord", "storeCount", "storeHeld", "storeGlimpse", "storeMetaPages", "storeInit"]);

/** Whether the store whose index begins at page `meta` may be half way. */
export function isChanging({ words }: Control, meta: number): boolean {
  const word = words[CHANGING] as number;
  return word === SEVERAL || word === meta + 1;
}
/** An operation on that store begins. Under the lock. Returns what the word was. */
export function willChange({ words }: Control, meta: number): number {
  const word = words[CHANGING] as number;
  if (word !== meta + 1) words[CHANGING] = word === 0 ? meta + 1 : SEVERAL;
  return word;
}
/** An operation is over; `before` it, the word was that. Under the lock. */
export function hasChanged({ words }: Control, before: number): void {
  if (before === 0 && words[CHANGING] !== 0) words[CHANGING] = 0;
}

type Call = (...args: number[]) => number;

/** Whether a call of the engine may change the store that it is given. */
export function changesStore(name: string): boolean {
  return name.startsWith("store") && !OTHERS.has(name);
}
/** The same calls, which see to it that whoever changes a store has said so. */
export function watched(calls: EngineCalls, control: Control): EngineCalls {
  const made: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(calls) as [string, Call][]) {
    made[name] = !changesStore(name)
      ? call
      : (...args: number[]) => {
          if (!isChanging(control, args[0] as number)) {
            throw new LieuError("EBUG", `broken invariant: ${name}() changes a store, which nobody has said`);
          }
          return call(...args);
        };
  }
  return made as unknown as EngineCalls;
}
