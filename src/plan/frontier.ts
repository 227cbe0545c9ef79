/** Cost against latency as a picture: every configuration, the frontier, and what is recommended. */
import { at, colour, document, label, legend, line, ticks, WIDTH } from "../study/svg.ts";
import type { Option, Plan } from "./plan.ts";
import { money, time } from "./words.ts";

const HEIGHT = 300;
const LEFT = 74;
/** Pixels of a picture for a telephone. */
export const NARROW = 400;
const [OTHER, FRONTIER, CHEAPEST, FASTEST] = [6, 0, 2, 5] as const;
const NAMES = [
  "a configuration",
  "nothing is cheaper and faster",
  "the cheapest that is fast enough",
  "the fastest within the budget",
];
const COLOURS = [OTHER, FRONTIER, CHEAPEST, FASTEST];

/** The picture, an SVG that stands by itself. */
export function frontierSvg(plan: Plan, width: number = WIDTH): string {
  const right = width - 24;
  const { options, cheapest, fastest, goals } = plan;
  const frontier = options.filter((option) => option.frontier);
  const key = legend(NAMES, 48, (i, x, y) => mark(i, x + 10, y), width);
  const top = key.end + 20;
  const bottom = top + HEIGHT;
  const times = options.map(({ mean }) => mean);
  const low = Math.floor(Math.log10(Math.min(...times)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...times))));
  // Where nothing costs anything, all stand at the left.
  const most = Math.max(...options.map(({ cost }) => cost)) || 1;
  const x = (cost: number): number => LEFT + ((right - LEFT) * cost) / (most * 1.04);
  const y = (ns: number): number => bottom - ((bottom - top) * (Math.log10(ns) - low)) / (high - low);
  const parts = [...key.parts, label(16, key.end + 6, "mean latency of a request, logarithmic", "start", "dim")];
  for (let decade = low; decade <= high; decade++) {
    const ns = 10 ** decade;
    parts.push(line(LEFT, y(ns), right, y(ns), "grid"), label(LEFT - 6, y(ns) + 4, time(ns), "end", "dim"));
  }
  for (const cost of ticks(most, width < WIDTH ? 4 : 6)) {
    if (cost <= most) parts.push(label(x(cost), bottom + 16, money(cost), "middle", "dim"));
  }
  parts.push(line(LEFT, bottom, right, bottom, "axis"), line(LEFT, top, LEFT, bottom, "axis"));
  parts.push(label((LEFT + right) / 2, bottom + 34, "cost, in the price list's money", "middle", "dim"));
  if (goals.latency >= 10 ** low && goals.latency <= 10 ** high) {
    parts.push(
      line(LEFT, y(goals.latency), right, y(goals.latency), "mark"),
      label(right - 4, y(goals.latency) - 4, "fast enough", "end", "dim"),
    );
  }
  if (goals.budget <= most)
    parts.push(
      line(x(goals.budget), top, x(goals.budget), bottom, "mark"),
      label(x(goals.budget) + 4, top + 12, "budget", "start", "dim"),
    );
  const steps = frontier.map(
    ({ cost, mean }, i) => `${i === 0 ? "M" : "H"}${at(x(cost))}${i === 0 ? " " : "V"}${at(y(mean))}`,
  );
  parts.push(`<path d="${steps.join("")}" fill="none" stroke="${colour(FRONTIER)}" stroke-width="1.5"/>`);
  const draw = (kind: number, list: readonly (Option | undefined)[]): void => {
    for (const option of list)
      if (option !== undefined) parts.push(mark(kind, x(option.cost), y(option.mean), option.name));
  };
  draw(
    0,
    options.filter((option) => !option.frontier),
  );
  draw(1, frontier);
  draw(2, [cheapest]);
  draw(3, [fastest]);
  const ends = frontier.map(({ name, cost, mean }) => `${name}, ${money(cost)}, ${time(mean)}`).join("; ");
  const text = {
    title: width < WIDTH ? `${plan.trace} as a ${plan.as}` : `What ${plan.trace} takes and costs as a ${plan.as}`,
    width,
    id: width < WIDTH ? "n" : "",
    desc: `Mean latency against cost of ${options.length} configurations. Nothing is cheaper and faster than: ${ends}.`,
  };
  return document(bottom + 46, text, parts);
}

/** The mark of a kind of configuration: kinds differ in shape, too. */
function mark(kind: number, x: number, y: number, name?: string): string {
  const fill = `fill="${colour(COLOURS[kind] as number)}"`;
  const title = name === undefined ? "" : `<title>${name}</title>`;
  if (kind === 0) return `<circle cx="${at(x)}" cy="${at(y)}" r="3" ${fill}>${title}</circle>`;
  if (kind === 1) return `<circle cx="${at(x)}" cy="${at(y)}" r="5" ${fill}>${title}</circle>`;
  const d = kind === 2 ? "m0 -10l9 16h-18z" : "m0 10l9 -16h-18z";
  return `<path d="M${at(x)} ${at(y)}${d}" ${fill} stroke="#fff" stroke-width="1">${title}</path>`;
}
