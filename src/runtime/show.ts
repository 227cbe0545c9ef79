import { shown } from "../errors.ts";

/** What util.inspect(), and so console.log(), shows of a thing. */
const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
type Inspect = (value: unknown, options: object) => string;

/**
 * Show `thing`, or whatever has it as its prototype, as `Kind "name" { parts }` from now on. `parts` is asked each time; it may throw,
 * as when the thing is closed.
 */
export function showAs<Thing extends object>(
  thing: Thing,
  kind: string,
  parts: (self: Thing) => object,
  name?: string,
): void {
  function value(this: Thing, depth: number, options: object, inspect: Inspect): string {
    const title = name === undefined ? kind : `${kind} ${shown(name)}`;
    if (depth < 0) return `[${title}]`;
    let it: object;
    try {
      it = parts(this);
    } catch {
      return `${title} { closed }`;
    }
    return `${title} ${inspect(it, { ...options, depth })}`;
  }
  Object.defineProperty(thing, CUSTOM, { value });
}
