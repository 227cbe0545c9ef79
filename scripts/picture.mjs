/**
 * Takes a picture of a page with Debian's Chromium, whole, for the documentation:
 *
 *     node scripts/picture.mjs PAGE.html PICTURE.png [--width 1280] [--height N] [--dark]
 *
 * --height cuts what is further down.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    width: { type: "string", default: "1280" },
    height: { type: "string" },
    dark: { type: "boolean", default: false },
  },
});
const [from, to] = positionals;
const width = Number(values.width);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({
  viewport: { width, height: Number(values.height ?? 900) },
  colorScheme: values.dark ? "dark" : "light",
});
await page.goto(pathToFileURL(resolve(from)).href);
await page.locator("h2").first().waitFor();
// The plots are drawn in the frame after the one in which they are laid out.
await page.waitForTimeout(500);
await page.screenshot({ path: to, fullPage: values.height === undefined });
await browser.close();
