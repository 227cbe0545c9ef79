/** The README shows the example of two processes as it is, and it does what it says. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/sources.ts";
import { describeShared, SLOW } from "./helpers.ts";

test("the README shows examples/processes.mjs word for word", () => {
  const example = readFileSync(join(root, "examples/processes.mjs"), "utf8");
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`\`\`\`js\n${example}\`\`\``);
});

describeShared("examples/processes.mjs", () => {
  test("one loads, both have it", { timeout: SLOW }, () => {
    const run = spawnSync(process.execPath, [join(root, "examples/processes.mjs")], { encoding: "utf8" });
    expect(run.stderr).toBe("");
    const lines = run.stdout.trim().split("\n");
    expect(lines).toHaveLength(2);
    const [parent, child] = lines.map((line) =>
      /^process (\d+): (Hello world, from process \d+)$/.exec(line),
    ) as string[][];
    expect(parent?.[2]).toBe(`Hello world, from process ${parent?.[1]}`);
    expect(child?.[2]).toBe(parent?.[2]);
    expect(child?.[1]).not.toBe(parent?.[1]);
  });
});
