/** `lieu top`: a served memory in the terminal. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { picture, sparkline } from "../../src/cli/top.ts";
import { openMemory } from "../../src/index.ts";
import { readRun } from "../../src/server/run-file.ts";
import { lieu } from "./support.ts";

const TRACE = fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url));

test("shows what is in use, what moves and what serves, with a token or without", async () => {
  await using memory = await openMemory({
    nodes: { dram: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } },
    seed: 1,
  });
  const region = memory.map("3MiB");
  for (let page = 0; page < 768; page++) region.writeUint8(page * 4096, 1);
  const cache = memory.cache<string>({ name: "users", maxSize: "512KiB" });
  cache.set("a", "b");
  for (const token of [undefined, "s3cret"]) {
    await using server = await memory.serve({ title: "shop", token });
    const where = token === undefined ? new URL(server.url).port : server.url;
    const { status, stdout, stderr } = await lieu("top", where, "--once");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^shop, \d\d:\d\d:\d\d\n/);
    for (const node of memory.nodes()) {
      const used = node.size - node.free;
      const shown = `${Number.isInteger(used / 2 ** 20) ? used / 2 ** 20 : (used / 2 ** 20).toFixed(1)} MiB`;
      expect(stdout).toMatch(new RegExp(`${node.name} .* ${shown} .* ${node.size >> 20} MiB`));
    }
    expect(stdout).toMatch(/cache users .* 512 KiB /);
    expect(stdout).toMatch(/demoted +│ +0 /);
  }
  await using server = await memory.serve({ token: "s3cret" });
  const { status, stderr } = await lieu("top", server.url.replace("s3cret", "wrong"), "--once");
  expect({ status, stderr }).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^lieu: EACCES: .* wants a token/),
  });
});

test("says what is wrong with where it is to look", async () => {
  const page = createServer((_, response) => response.end("hello"));
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  const { port } = page.address() as AddressInfo;
  expect(await lieu("top", "what")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("is no file and no URL"),
  });
  expect((await lieu("top", `http://127.0.0.1:${port}/`)).stdout).toBe("");
  page.close();
  page.closeAllConnections();
  expect(await lieu("top", `http://127.0.0.1:${port}/`)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("nothing answers"),
  });
});

test("shows the end of a recorded run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lieu-top-"));
  const [file, other] = [join(folder, "run.html"), join(folder, "other.html")];
  await lieu("replay", TRACE, "--as", "region", "--limit", "50000", "--dram", "2MiB", "--report", file);
  const { status, stdout } = await lieu("top", file);
  expect(status).toBe(0);
  expect(stdout).toMatch(/, request 50,000\n[\s\S]*dram .* 2 MiB [\s\S]*demoted[^\n]*[▁-█]/);
  // As wide as the terminal, if that has room for the numbers.
  const { header, frames } = readRun(file);
  const width = (columns?: number) =>
    Math.max(
      ...picture(header, frames.slice(-41), columns)
        .split("\n")
        .map((line) => line.length),
    );
  expect(width()).toBeGreaterThan(100);
  for (const columns of [72, 80, 96, 200]) expect(width(columns)).toBeLessThanOrEqual(columns);
  writeFileSync(other, "<p>hello");
  expect(await lieu("top", other)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^lieu: EFORMAT: .*no report/),
  });
  rmSync(folder, { recursive: true });
});

test("sparklines have the heights of their values", () => {
  expect(sparkline([0, 1, 4, 8, 99], 8)).toBe(" ▁▄██");
  expect(sparkline([0, 0], 0)).toBe("  ");
});
