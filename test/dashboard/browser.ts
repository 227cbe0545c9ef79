/** A real Chromium, Debian's, and pages in it that tell what went wrong in them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";
import { requireCommand } from "../support/requires.ts";

/** `describe` for what needs a browser. */
export const describeBrowser = requireCommand("chromium", "apt-get install chromium");

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
}
export const DESKTOP: Look = { width: 1280, height: 900, colorScheme: "light" };
export const PHONE: Look = { width: 360, height: 740, colorScheme: "dark" };

/** A page that keeps what its console says, and its errors. */
export async function openPage(browser: Browser, url: string, { width, height, colorScheme }: Look = DESKTOP) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
  const said: string[] = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`error: ${error.message}`));
  await page.goto(url);
  await page.locator("h2").first().waitFor();
  return { page, said };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core has against the page. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

/** By how many pixels the page is wider than what is seen of it. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/** Numbers of a table's cells, by the attribute that names them. */
export async function numbersBy(page: Page, attribute: string, within = ""): Promise<Record<string, number>> {
  const rows = await page
    .locator(`[${attribute}]${within}`)
    .evaluateAll(
      (cells, name) => cells.map((cell) => [cell.getAttribute(name) ?? "", cell.textContent ?? ""]),
      attribute,
    );
  return Object.fromEntries(rows.map(([name, text]) => [name, Number((text as string).replaceAll(",", ""))]));
}

/** Colours in a canvas, and how many pixels each has. */
export function colours(page: Page, selector: string): Promise<Record<string, number>> {
  return page.locator(selector).evaluate((element) => {
    const canvas = element as unknown as {
      width: number;
      height: number;
      getContext(kind: "2d"): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray } };
    };
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const counts: Record<string, number> = {};
    for (let i = 0; i < data.length; i += 4) {
      const colour = data[i + 3] === 0 ? "none" : `${data[i]},${data[i + 1]},${data[i + 2]}`;
      counts[colour] = (counts[colour] ?? 0) + 1;
    }
    return counts;
  });
}

/** A colour of the page's theme, by the name that the style sheet gives it. */
export function cssColour(page: Page, name: string): Promise<string> {
  return page.evaluate(`getComputedStyle(document.documentElement).getPropertyValue("--${name}").trim()`);
}

/** Of each picture that is shown: how many pixels of it something around it hides, and how tall its smallest letters are. */
export function picturesShown(page: Page): Promise<{ hidden: number; letters: number }[]> {
  return page.evaluate(`[...document.querySelectorAll("svg")].filter((svg) => svg.getClientRects().length > 0).map((svg) => {
    let hidden = 0;
    for (let around = svg.parentElement; around !== document.body; around = around.parentElement) {
      hidden = Math.max(hidden, around.scrollWidth - around.clientWidth, around.scrollHeight - around.clientHeight);
    }
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const letters = [...svg.querySelectorAll("text")].map((text) => scale * Number.parseFloat(getComputedStyle(text).fontSize));
    return { hidden, letters: Math.min(...letters) };
  })`);
}
