/** Flags that would do nothing are refused, rather than left to be wondered about. */
import { LieuError } from "../errors.ts";

/** @throws {@link LieuError} EINVAL for the first of `names` that is given, and why it may not be */
export function refuse<F extends object>(flags: F, names: readonly (keyof F & string)[], why: string): void {
  for (const name of names) {
    if (flags[name] === undefined) continue;
    throw new LieuError("EINVAL", `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${why}`);
  }
}
