/** docs/study is what `lieu study` makes of these sources, byte for byte. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { study } from "../../src/study/study.ts";
import { root } from "../support/sources.ts";

test("the committed report is the one that the sources make", { timeout: 600_000 }, async () => {
  const folder = join(root, "docs/study");
  const { files } = await study();
  expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort());
  for (const [name, text] of files) {
    expect(readFileSync(join(folder, name), "utf8") === text, `${name} is stale: npx lieu study`).toBe(true);
  }
});
