/** Swap on a server, as users have it: packed, with the client that their project has or has not, and bundled. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithRedis, type Server, startRedis } from "../support/redis.ts";
import { root } from "../support/sources.ts";
import { describePackage, linkPackages, packInto, unpackIn } from "./installed.ts";

const PROGRAM = `
import { openMemory } from "lieu";

async function main() {
  const swap = [{ kind: "remote", url: process.argv[2], size: "16MiB" }];
  const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "1MiB" } }, swap });
  const cache = memory.cache({ codec: "bytes", heap: 0 });
  for (let i = 0; i < 2000; i++) cache.set(i, Buffer.alloc(1000, i));
  let right = 0;
  for (let i = 0; i < 2000; i++) if (cache.get(i)?.every((byte) => byte === (i & 255))) right++;
  console.log(right > 1900 && memory.swapDevices()[0].used > 0);
  await memory.close();
}
main().catch((error) => console.log(error.code, error.message));
`;

describePackage("the package", () => {
  describeWithRedis("with swap on a server", () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "lieu-remote-")));
    const project = join(folder, "project");
    let server: Server;
    beforeAll(async () => {
      server = await startRedis();
      mkdirSync(project);
      unpackIn(project, packInto(folder));
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
      writeFileSync(join(project, "main.mjs"), PROGRAM);
    });
    afterAll(() => {
      server.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    const run = (file: string): string => {
      const { stdout, stderr } = spawnSync(process.execPath, [file, server.url], { cwd: project, encoding: "utf8" });
      return stdout + stderr;
    };

    test("says what to install where the client is not", () => {
      expect(run("main.mjs")).toMatch(/^ENOTSUP .*npm install redis\n$/);
    });

    test("works where it is", () => {
      linkPackages(project, ["redis"]);
      expect(run("main.mjs")).toBe("true\n");
    });

    test.each(["esm", "cjs"] as const)("works in a bundle (%s)", async (format) => {
      const outfile = join(project, format === "esm" ? "bundle.mjs" : "bundle.cjs");
      const entryPoints = [join(project, "main.mjs")];
      await esbuild({ entryPoints, outfile, bundle: true, minify: true, platform: "node", format, logLevel: "error" });
      rmSync(join(project, "node_modules/lieu"), { recursive: true });
      try {
        expect(run(outfile)).toBe("true\n");
      } finally {
        unpackIn(
          project,
          join(folder, `lieu-${JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version}.tgz`),
        );
      }
    });

    test("what docs/host-memory.md shows of it runs as printed, but for the server's name", () => {
      const text = readFileSync(join(root, "docs/host-memory.md"), "utf8");
      const blocks = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string);
      const shown = blocks.filter((code) => code.includes('kind: "remote"'));
      expect(shown.length).toBe(2);
      for (const [i, code] of shown.entries()) {
        const here = code.replaceAll(/redis:\/\/[\w.:-]+/g, server.url);
        writeFileSync(
          join(project, `block${i}.mjs`),
          `import { openMemory } from "lieu";\n${here}\nawait memory.close();\n`,
        );
        expect(run(`block${i}.mjs`)).toBe("");
      }
    });
  });
});
