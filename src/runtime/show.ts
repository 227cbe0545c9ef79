/** What util.inspect(), and so console.log(), shows of a thing. */
const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
type Inspect = (value: unknown, options: object) => string;

/**
 * Show `thing`, or whatever has it as its prototype, as `Title { parts }` from now on. `parts` is asked each time; it may throw,
 * as when the thing is closed.
 */
export function showAs<Thing extends object>(thing: Thing, title: string, parts: (self: Thing) => object): void {
  function value(this: Thing, depth: number, options: object, inspect: Inspect): string {
    if (depth < 0) return `[${title}]`;
    let shown: object;
    try {
      shown = parts(this);
    } catch {
      return `${title} { closed }`;
    }
    return `${title} ${inspect(shown, { ...options, depth })}`;
  }
  Object.defineProperty(thing, CUSTOM, { value });
}
