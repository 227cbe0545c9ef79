/** A memory that processes share, from outside: lieu stat, lieu rm. */
import fs from "node:fs";
import { expect, test } from "vitest";
import { openMemory } from "../../src/index.ts";
import { lieu } from "../cli/support.ts";
import { describeShared, freshPath, Peer, rest, SLOW, smallMemory } from "./helpers.ts";

describeShared("from outside", () => {
  test("lieu stat shows who has it and what it holds; lieu rm what is left", { timeout: SLOW }, async () => {
    const path = freshPath();
    const swap = freshPath();
    const options = smallMemory(path, { swap: [{ kind: "file", path: swap, size: "8MiB" }], promotion: false });
    const peer = await Peer.start();
    await peer.run(
      `const memory = (state.memory = await lieu.openMemory(data));
       const group = memory.group("tenant");
       memory.cache({ name: "users", maxSize: "512KiB", codec: "bytes" }).set("k", new Uint8Array(100_000));
       memory.map("8MiB", { name: "table", group }).fill(1);`,
      options,
    );
    const memory = await openMemory(options);
    const shown = await lieu("stat", path);
    expect(shown.status).toBe(0);
    for (const part of [
      path,
      "open",
      `${peer.pid}`,
      `${process.pid}`,
      "fast",
      "slow",
      "file",
      "cache users",
      "region table",
      "tenant",
    ]) {
      expect(shown.stdout).toContain(part);
    }
    await rest(memory);
    const info = JSON.parse((await lieu("stat", path, "--json")).stdout);
    expect(info).toMatchObject({
      path,
      state: "open",
      nodes: [
        { name: "fast", tier: 0, size: 2 ** 20 },
        { name: "slow", tier: 1 },
      ],
    });
    expect(info.members.map(({ pid }: { pid: number }) => pid).sort()).toEqual([process.pid, peer.pid].sort());
    expect(info.vmstat).toEqual(memory.vmstat());
    expect(info.regions[0].resident + info.regions[0].swapped).toBe(8 * 2 ** 20);
    expect(info.caches[0].maxSize).toBe(512 * 1024);
    const refused = await lieu("rm", path);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(`${process.pid}`);
    expect(fs.existsSync(path)).toBe(true);
    await memory.close();
    await peer.kill();
    const left = await lieu("stat", path);
    expect(left.stdout).toContain("left by the dead");
    expect(left.stdout).toContain("processes: none; 1 that ended without leaving");
    expect((await lieu("rm", path)).status).toBe(0);
    expect([path, swap].filter((file) => fs.existsSync(file))).toEqual([]);
    expect((await lieu("stat", path)).stderr).toContain("ENOENT");
    expect((await lieu("rm", path)).status).toBe(2);
  });

  test("what is in use loses its name by force alone", { timeout: SLOW }, async () => {
    const path = freshPath();
    await using memory = await openMemory(smallMemory(path));
    const cache = memory.cache<string>({ name: "c", maxSize: "256KiB" }).set("k", "v");
    expect((await lieu("rm", "--force", path)).status).toBe(0);
    expect(fs.existsSync(path)).toBe(false);
    expect(cache.get("k")).toBe("v");
    await using next = await openMemory(smallMemory(path));
    expect(next.caches()).toEqual([]);
    await memory.close();
    // That was not its file any more.
    expect(fs.existsSync(path)).toBe(true);
  });
});
