/** The README shows the examples as they are, and the examples run. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { requireThat } from "./support/requires.ts";
import { root } from "./support/sources.ts";

const { upToDate } = await import(pathToFileURL(join(root, "scripts/fingerprint.mjs")).href);
const describeExamples = requireThat(upToDate(root).all, "needs dist/ as these sources make it: npm run build");
const readme = readFileSync(join(root, "README.md"), "utf8");
const EXAMPLES = ["cache", "tiers", "region"];

test.each(EXAMPLES)("the README shows examples/%s.mjs word for word", (name) => {
  const example = readFileSync(join(root, `examples/${name}.mjs`), "utf8");
  expect(readme).toContain(`\`\`\`js\n${example}\`\`\``);
});

test("every file that the README links to is there", () => {
  const links = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)/g)].map((match) => match[1] as string);
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
});

describeExamples("examples", () => {
  test.each(EXAMPLES)("examples/%s.mjs runs, and leaves no swap file behind", (name) => {
    const cwd = mkdtempSync(join(tmpdir(), "lieu-example-"));
    const run = spawnSync(process.execPath, [join(root, `examples/${name}.mjs`)], { cwd, encoding: "utf8" });
    const left = existsSync(join(cwd, "example.swap"));
    rmSync(cwd, { recursive: true });
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
    expect(run.stdout).not.toBe("");
    expect(left).toBe(false);
  });
});
