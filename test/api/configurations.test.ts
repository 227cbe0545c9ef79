/**
 * The configurations that docs/host-memory.md shows run as printed: but for a second host node, a mount of persistent memory and the names of
 * servers, in place of which is what this machine has.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { libcIfThere } from "../../src/host/libc.ts";
import { type Memory, openMemory } from "../../src/index.ts";
import { describeWithRedis, startCluster } from "../support/redis.ts";
import { requireThat } from "../support/requires.ts";
import { root } from "../support/sources.ts";

const text = readFileSync(join(root, "docs/host-memory.md"), "utf8");
const section = text.slice(text.indexOf("## A configuration each"), text.indexOf("## `lieu topology`"));
const blocks = [...section.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1] as string);
const folder = mkdtempSync(join(tmpdir(), "lieu-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The options of the block that has `mark` in it. */
function optionsOf(mark: string, change: (code: string) => string = (code) => code): Parameters<typeof openMemory>[0] {
  const found = blocks.filter((code) => code.includes(mark));
  expect(found, mark).toHaveLength(1);
  const code = change(found[0] as string).replaceAll(/path: "(?!\/)/g, `path: "${folder}/`);
  const literal = /openMemory\((\{[\s\S]*?\n\})\);/.exec(code)?.[1] as string;
  return new Function(`return ${literal}`)();
}
/** The folder of a cgroup that has room. */
function calmCgroup(): string {
  const cgroup = join(folder, "cgroup");
  mkdirSync(cgroup);
  const files = { current: 2 ** 28, max: 2 ** 32, high: "max", stat: "inactive_file 0\nactive_file 0", pressure: "" };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cgroup, `memory.${name}`), `${text}\n`);
  return cgroup;
}
/** More than its fastest node holds, of which nothing that is there is wrong; and it can be closed. */
async function use(memory: Memory, values: number): Promise<void> {
  const cache = memory.cache<string, number>({ name: "configured", codec: "string" });
  const value = (i: number) => `${i}:${"lieu ".repeat(900)}${Math.imul(i + 1, 0x9e3779b1)}`;
  for (let i = 0; i < values; i++) cache.set(i, value(i));
  let found = 0;
  for (let i = 0; i < values; i += 7) {
    const got = cache.get(i);
    if (got === undefined) continue;
    expect(got).toBe(value(i));
    found++;
  }
  expect(found).toBeGreaterThan(0);
  memory.check();
  await memory.close();
}

test("there is one for each of five machines", () => {
  expect(blocks).toHaveLength(5);
});

test("a laptop", async () => {
  await use(await openMemory(optionsOf("everything")), 20_000);
});

requireThat(libcIfThere() !== undefined, "needs Linux and the package koffi: npm install koffi")(
  "the machine's own memory",
  () => {
    test("a container with a limit", async () => {
      const there = existsSync("/sys/fs/cgroup/cgroup.controllers");
      const options = optionsOf("pressure: true", (code) =>
        there ? code : code.replace("pressure: true", `pressure: { cgroup: "${calmCgroup()}" }`),
      );
      await use(await openMemory(options), 20_000);
    });

    test("CXL", async () => {
      const there = existsSync("/sys/devices/system/node/node1");
      const options = optionsOf("cxl:", (code) => {
        const small = code.replace("1GiB", "32MiB").replace("2GiB", "64MiB");
        return there ? small : small.replace("hostNode: 1, ", "hostNode: 0, tier: 1, ");
      });
      await use(await openMemory(options), 10_000);
    });

    test("persistent memory", async () => {
      const options = optionsOf("pmem:", (code) =>
        code.replace("/mnt/pmem/", `${folder}/`).replace("1GiB", "32MiB").replace("2GiB", "64MiB"),
      );
      await use(await openMemory(options), 10_000);
    });
  },
);

describeWithRedis("a cluster", () => {
  test("in front of it", { timeout: 60_000 }, async () => {
    const servers = await startCluster();
    onTestFinished(() => {
      for (const server of servers) server.kill();
    });
    const options = optionsOf("redis://cache-1", (code) =>
      code
        .replace("redis://cache-1:6379", servers[0]?.url as string)
        .replace("redis://cache-2:6379", servers[1]?.url as string)
        .replaceAll("64MiB", "8MiB")
        .replace("1GiB", "64MiB"),
    );
    await use(await openMemory(options), 8000);
  });
});
