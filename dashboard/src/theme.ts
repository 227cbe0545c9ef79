/** Colours, of which the style sheet has a set for light and one for dark. */
import { useEffect, useState } from "preact/hooks";

const NODES = 4;
const DEVICES = 2;

export interface Theme {
  readonly text: string;
  readonly faint: string;
  readonly grid: string;
  readonly background: string;
  node(i: number): string;
  device(i: number): string;
  /** What was read where it lay in swap. */
  readonly inPlace: string;
  readonly miss: string;
  readonly drop: string;
  readonly min: string;
  readonly low: string;
  readonly high: string;
}

function read(): Theme {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: get("text"),
    faint: get("faint"),
    grid: get("grid"),
    background: get("panel"),
    node: (i) => get(`node-${i % NODES}`),
    device: (i) => get(`device-${i % DEVICES}`),
    inPlace: get("in-place"),
    miss: get("miss"),
    drop: get("drop"),
    min: get("min"),
    low: get("low"),
    high: get("high"),
  };
}

export type Choice = "auto" | "light" | "dark";
const DARK = matchMedia("(prefers-color-scheme: dark)");

function apply(choice: Choice): void {
  document.documentElement.dataset.theme = choice === "auto" ? (DARK.matches ? "dark" : "light") : choice;
}

/** The theme in force, what was chosen, and what chooses. */
export function useTheme(): [Theme, Choice, (choice: Choice) => void] {
  const [choice, setChoice] = useState<Choice>("auto");
  const [theme, setTheme] = useState<Theme>(() => {
    apply("auto");
    return read();
  });
  useEffect(() => {
    const change = () => {
      apply(choice);
      setTheme(read());
    };
    change();
    DARK.addEventListener("change", change);
    return () => DARK.removeEventListener("change", change);
  }, [choice]);
  return [theme, choice, setChoice];
}

/** The colour with this much of it: for areas under lines. */
export function faded(colour: string, share: number): string {
  return `${colour}${Math.round(share * 255)
    .toString(16)
    .padStart(2, "0")}`;
}

/** Ages from in use to coldest: equal steps for the eye, of matplotlib's plasma. */
const PLASMA = ["#f0f921", "#fdc328", "#f89441", "#e56b5d", "#cb4679", "#a82296", "#7d03a8", "#4b03a1", "#0d0887"];

export function ageColour(level: number, levels: number): string {
  const at = (level / (levels - 1)) * (PLASMA.length - 1);
  const from = PLASMA[Math.floor(at)] as string;
  const to = PLASMA[Math.ceil(at)] as string;
  const mix = (i: number) => {
    const [a, b] = [from, to].map((colour) => Number.parseInt(colour.slice(i, i + 2), 16)) as [number, number];
    return Math.round(a + (b - a) * (at % 1))
      .toString(16)
      .padStart(2, "0");
  };
  return `#${mix(1)}${mix(3)}${mix(5)}`;
}
