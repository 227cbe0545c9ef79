/** `lieu study`: files where they were asked for, answers on stdout, mistakes explained. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lieu } from "./support.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lieu-study-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("writes a report with its plots, and takes away those of an earlier one", async () => {
  const out = join(folder, "report");
  expect(await lieu("study", "--quick", "--only", "limit,count", "--out", out)).toMatchObject({
    status: 0,
    stderr: "",
  });
  expect(readdirSync(out).sort()).toEqual(["README.md", "count.svg", "limit.svg"]);
  writeFileSync(join(out, "mine.svg"), "<svg/>");
  const { status, stdout } = await lieu("study", "--quick", "--only", "limit", "--out", out);
  expect(status).toBe(0);
  expect(stdout).toContain("Useless demotion under memory.max: ");
  expect(stdout).toContain(`The report is ${join(out, "README.md")}.`);
  expect(readdirSync(out).sort(), "another's plot is left alone").toEqual(["README.md", "limit.svg", "mine.svg"]);
  expect(readFileSync(join(out, "README.md"), "utf8")).toContain("](limit.svg)");
});

test("takes traces of one's own", async () => {
  const traces = join(folder, "traces");
  const out = join(folder, "with-traces");
  rmSync(traces, { recursive: true, force: true });
  const rows = Array.from({ length: 4000 }, (_, i) => `k${(i * 7) % 900}`);
  mkdirSync(traces);
  writeFileSync(join(traces, "mine.csv"), `key\n${rows.join("\n")}\n`);
  writeFileSync(join(traces, "notes.txt"), "not a trace");
  expect(await lieu("study", "--only", "wake", "--traces", traces, "--out", out, "--quick")).toMatchObject({
    status: 0,
  });
  expect(await lieu("study", "--only", "nothing", "--out", out)).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringMatching(/^lieu: EINVAL: there is no experiment "nothing"; there are demotion, .*\n$/),
  });
  const none = await lieu("study", "--only", "wake", "--traces", join(folder, "none"), "--out", out);
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining("ENOENT")]);
});

test("--help names the experiments", async () => {
  const { status, stdout } = await lieu("study", "--help");
  expect(status).toBe(0);
  for (const word of ["hostile", "--only", "--traces", "--quick", "--out"]) expect(stdout).toContain(word);
});
