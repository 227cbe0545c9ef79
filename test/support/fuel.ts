/**
 * A bound on work: each choice that a store makes at random costs a unit, and whoever has none left throws, where the engine runs as JavaScript. What
 * would go on for ever fails so, after as many choices in every run, and says where. To be used with
 * `vi.mock("…/src/store/random.ts", burning)` (imported within, as calls of it are hoisted).
 */
let left = Number.POSITIVE_INFINITY;

/** From now on there is so much. */
export function refuel(units: number): void {
  left = units;
}
/** The module with a price on its choices. */
export async function burning<M extends { randomBelow(c: number, n: number): number }>(
  original: () => Promise<M>,
): Promise<M> {
  const module = await original();
  const randomBelow = (c: number, n: number): number => {
    if (--left < 0) throw new Error("this goes on and on");
    return module.randomBelow(c, n);
  };
  return { ...module, randomBelow };
}
