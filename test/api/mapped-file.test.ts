/** Nodes of every kind under one contract; and what is special about one that is a file. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { libcIfThere } from "../../src/host/libc.ts";
import { type Memory, openMemorySync } from "../../src/index.ts";
import { nodeContract } from "../contract/node.ts";
import { describePackage } from "../package/installed.ts";
import { requireThat } from "../support/requires.ts";
import { expectError } from "./helpers.ts";

const folder = mkdtempSync(join(tmpdir(), "lieu-mapped-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);
const open = (path: string, keep = false, size = "4MiB"): Memory =>
  openMemorySync({
    nodes: { dram: { kind: "dram", size: "1MiB" }, file: { kind: "mapped-file", path, size, keep } },
  });
const maps = () => (readFileSync("/proc/self/maps", "latin1").match(/lieu-mapped-/g) ?? []).length;

nodeContract("dram", () => ({ kind: "dram", size: "4MiB" }));
const describeMapped = requireThat(libcIfThere() !== undefined, "needs Linux and the package koffi: npm install koffi");

describeMapped("kind mapped-file", () => {
  let n = 0;
  nodeContract("mapped-file", () => ({ kind: "mapped-file", path: file(`contract-${n++}`), size: "4MiB" }));

  test("its pages are the file's, allocated, without a name; after close() there is neither mapping nor file", () => {
    const memory = open(file("plain"));
    expect(memory.node("file")).toMatchObject({ tier: 1, latency: 500 });
    expect([existsSync(file("plain")), maps()]).toEqual([false, 1]);
    const region = memory.map("4MiB");
    region.fill(3);
    memory[Symbol.dispose]();
    expect(maps()).toBe(0);
    expect(readdirSync(folder).filter((name) => name.startsWith("plain"))).toEqual([]);
  });

  test("keep shows it, with the bytes in it and room on the disk; close() removes it", () => {
    const memory = open(file("kept"), true);
    const { size, blocks, mode } = statSync(file("kept"));
    expect([size, blocks * 512 >= 4 * 2 ** 20, mode & 0o777]).toEqual([4 * 2 ** 20 + 4096, true, 0o600]);
    const region = memory.map("4MiB");
    for (let at = 0; at < region.size; at += 4096) region.write(at, Buffer.from("a page of this region"));
    expect(readFileSync(file("kept"), "latin1").split("a page of this region").length).toBeGreaterThan(500);
    memory[Symbol.dispose]();
    expect(existsSync(file("kept"))).toBe(false);
  });

  test.each([false, true])("a second user of a path is told (keep: %s)", (keep) => {
    const memory = open(file("shared"), keep);
    expectError(() => open(file("shared")), "EBUSY", "in use");
    memory[Symbol.dispose]();
    open(file("shared"))[Symbol.dispose]();
  });

  test("bad paths", () => {
    expectError(() => open(join(folder, "none", "file")), "ENOENT", "create the folder");
    expectError(() => open("a\0b"), "EINVAL");
    expectError(
      () => openMemorySync({ nodes: { a: { kind: "mapped-file", size: "1MiB" } as never } }),
      "EINVAL",
      "path",
    );
  });
});

describePackage("kind mapped-file, in a process of its own", () => {
  test("what a killed process has left is replaced; anything else at the path is left alone", () => {
    const program = `
      import { openMemorySync } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      openMemorySync({ nodes: { file: { kind: "mapped-file", path: ${JSON.stringify(file("left"))}, size: "1MiB", keep: true } } });
      process.kill(process.pid, "SIGKILL");`;
    spawnSync(process.execPath, ["--input-type=module", "-e", program]);
    expect(existsSync(file("left"))).toBe(true);
    open(file("left"))[Symbol.dispose]();
    expect(existsSync(file("left"))).toBe(false);
    writeFileSync(file("mine"), "precious");
    symlinkSync(file("mine"), file("link"));
    for (const name of ["mine", "link"]) expectError(() => open(file(name)), "EINVAL", "not a lieu node file");
    expectError(() => open(folder), "EINVAL");
    expect(readFileSync(file("mine"), "utf8")).toBe("precious");
  });

  test("a disk that is full is an error when it is opened, and leaves nothing", () => {
    const program = `
      import { openMemorySync } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      const path = ${JSON.stringify(file("full"))};
      try {
        openMemorySync({ nodes: { dram: { kind: "dram", size: "1MiB" }, file: { kind: "mapped-file", path, size: "64MiB" } } });
      } catch (error) {
        console.log(error.code);
      }
      // The process goes on.
      const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "1MiB" } } });
      memory.map("512KiB").fill(1);
      console.log(memory.node("dram").residentPages);`;
    const args = ["-c", 'ulimit -f 16384; exec "$0" --input-type=module -e "$1"', process.execPath, program];
    const { status, stdout } = spawnSync("bash", args, { encoding: "utf8" });
    expect({ status, stdout: stdout.split("\n") }).toEqual({ status: 0, stdout: ["ENOSPC", "128", ""] });
    expect(existsSync(file("full"))).toBe(false);
  });
});
