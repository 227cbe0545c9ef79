/** Numbers of a plan as people read them. */

/** Nanoseconds as people read them. */
export function time(ns: number): string {
  const [unit, by] = ns < 1000 ? ["ns", 1] : ns < 1e6 ? ["µs", 1e3] : ns < 1e9 ? ["ms", 1e6] : ["s", 1e9];
  return `${Number((ns / (by as number)).toPrecision(3))} ${unit}`;
}
/** Money, whatever it is. */
export function money(cost: number): string {
  return cost.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}
export function share(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}
