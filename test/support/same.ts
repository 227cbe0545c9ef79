/** Whether two values are the same, for tests of what encodes values and decodes them. */
import { type InspectOptions, inspect, isDeepStrictEqual } from "node:util";

const EVERYTHING: InspectOptions = { depth: null, maxArrayLength: null, maxStringLength: null };

/** As isDeepStrictEqual(), which takes no invalid date for equal to another: what has one is compared by what can be seen of it. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (isDeepStrictEqual(a, b)) return true;
  const text = inspect(a, EVERYTHING);
  return text.includes("Invalid Date") && text === inspect(b, EVERYTHING);
}
