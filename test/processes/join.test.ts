/** One memory for several processes: who makes it, who finds what, who is refused, and what is left. */
import fs from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { attachMemory, attachMemorySync, openMemory, openMemorySync } from "../../src/index.ts";
import { expectError } from "../api/helpers.ts";
import { messageOf, startWorker } from "../threads/helpers.ts";
import { describeShared, freshPath, Peer, type ProcessPeer, SLOW, smallMemory, startPeers } from "./helpers.ts";

const OPEN = "state.memory = await lieu.openMemory(data);";

describeShared("a memory that processes share", () => {
  test("who makes the same calls has the same caches, regions and groups", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = smallMemory(path);
    await using memory = await openMemory(options);
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    const group = memory.group("tenant", { max: "2MiB" });
    const users = memory.cache<{ n: number }>({ name: "users", maxSize: "512KiB", heap: { entries: 10 }, group });
    const table = memory.map("256KiB", { name: "table", group });
    users.set("a", { n: 1 });
    for (let i = 0; i < 5; i++) users.get("a");
    table.writeInt32(4096, 42);
    const peer = await Peer.start();
    const got = await peer.run(
      `const memory = (state.memory = await lieu.openMemory(data));
       const group = memory.group("tenant", { max: "2MiB" });
       const users = (state.users = memory.cache({ name: "users", maxSize: "512KiB", heap: { entries: 10 }, group }));
       const table = (state.table = memory.map("256KiB", { name: "table", group }));
       const got = [users.get("a"), table.readInt32(4096), group.limits.max, memory.nodeNames];
       users.set("a", { n: 2 }).set("b", { n: 3 });
       table.writeInt32(4096, 43);
       memory.cache({ name: "theirs", maxSize: "256KiB" }).set("k", "v");
       return got;`,
      options,
    );
    expect(got).toEqual([{ n: 1 }, 42, 2 * 2 ** 20, ["fast", "slow"]]);
    expect(users.get("a")).toEqual({ n: 2 });
    expect(users.get("b")).toEqual({ n: 3 });
    expect(table.readInt32(4096)).toBe(43);
    // What one has made the other asks for.
    expect(memory.cache<string>({ name: "theirs", maxSize: "256KiB" }).get("k")).toBe("v");
    for (let n = 0; n < 20; n++) {
      users.set("hot", { n });
      const seen = await peer.run("return [1, 2, 3].map(() => state.users.get('hot').n)");
      expect(seen).toEqual([n, n, n]);
    }
    expect(group.usage).toBeGreaterThan(0);
    memory.check();
    await peer.run("state.memory.check()");
    // What one closes it lets go of.
    await peer.run("state.users.close(); state.table.unmap(); await state.memory.close();");
    expect(users.get("a")).toEqual({ n: 2 });
    expect(table.readInt32(4096)).toBe(43);
    memory.check();
  });

  test("who asks for something else is told what", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = smallMemory(path);
    await using memory = await openMemory(options);
    memory.cache({ name: "c", maxSize: "512KiB", codec: "string" });
    memory.map("64KiB", { name: "r" });
    memory.group("g", { max: "2MiB" });
    await using other = await openMemory(options);
    expectError(
      () => other.cache({ name: "c", maxSize: "256KiB", codec: "string" }),
      "EINVAL",
      '"c"',
      "524288",
      "262144",
    );
    expectError(
      () => other.cache({ name: "c", maxSize: "512KiB", codec: "bytes" }),
      "EINVAL",
      "codec",
      "string",
      "bytes",
    );
    expectError(() => other.cache({ name: "c", maxSize: "512KiB", codec: "string", max: 7 }), "EINVAL", "max");
    expectError(() => other.cache({ maxSize: "512KiB" }), "EINVAL", "name");
    expectError(() => other.map("128KiB", { name: "r" }), "EINVAL", "bytes");
    expectError(() => other.map("64KiB"), "EINVAL", "name");
    expectError(() => other.group("g", { max: "1MiB" }), "EINVAL", "max");
    expectError(() => other.group("g", { max: "2MiB" }).remove(), "ENOTSUP", "stays");
    expectError(() => other.node("fast").resize("512KiB"), "ENOTSUP");
    expectError(() => openMemorySync({ ...options, swappiness: 10 }), "EINVAL", "swappiness");
    expectError(
      () => openMemorySync({ ...options, nodes: { fast: { kind: "dram", size: "2MiB" } } }),
      "EINVAL",
      "nodes",
    );
    expect(other.cache<string>({ name: "c", maxSize: "512KiB", codec: "string", ttl: 1000 }).name).toBe("c");
    memory.check();
  });

  test("of several who come at once one makes it; the last one out removes it", { timeout: SLOW }, async () => {
    const path = freshPath();
    const peers = await startPeers(4);
    for (let round = 0; round < 3; round++) {
      const options = smallMemory(path);
      await Promise.all(peers.map((peer) => peer.run("state.memory = await lieu.openMemory(data)", options)));
      await Promise.all(
        peers.map((peer) =>
          peer.run(
            "state.c = state.memory.cache({ name: 'c', maxSize: '1MiB' }); state.c.set('k' + process.pid, process.pid);",
          ),
        ),
      );
      for (const peer of peers) {
        const got = await peer.run("return data.pids.map((pid) => state.c.get('k' + pid))", {
          pids: peers.map(({ pid }) => pid),
        });
        expect(got).toEqual(peers.map(({ pid }) => pid));
      }
      expect(fs.existsSync(path)).toBe(true);
      await Promise.all(peers.slice(1).map((peer) => peer.run("await state.memory.close()")));
      expect(fs.existsSync(path)).toBe(true);
      expect(await peers[0]?.run("return state.c.get('k' + data.pid)", { pid: peers[3]?.pid as number })).toBe(
        peers[3]?.pid,
      );
      await peers[0]?.run("await state.memory.close()");
      expect(fs.existsSync(path)).toBe(false);
    }
  });

  test("who ends without closing leaves it; what the killed leave is replaced", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = smallMemory(path);
    const [ends, killed] = (await startPeers(2)) as [ProcessPeer, ProcessPeer];
    await ends.run(OPEN, options);
    await killed.run(OPEN, options);
    await killed.run("state.memory.cache({ name: 'c', maxSize: '1MiB' }).set('k', 'old')");
    await ends.exit();
    expect(fs.existsSync(path)).toBe(true);
    await using guest = await attachMemory(path);
    expect(guest.cache<string>("c").get("k")).toBe("old");
    await guest.close();
    await killed.kill();
    expect(fs.existsSync(path)).toBe(true);
    expectError(() => attachMemorySync(path), "ENOENT", "nobody");
    const memory = await openMemory(options);
    expect(memory.cache<string>({ name: "c", maxSize: "1MiB" }).get("k")).toBeUndefined();
    await memory.close();
    expect(fs.existsSync(path)).toBe(false);
  });

  test("a name is a file of /dev/shm", { timeout: SLOW }, async () => {
    const name = `/lieu-test-${process.pid}`;
    const memory = openMemorySync(smallMemory(name));
    try {
      expect(fs.statSync(`/dev/shm${name}`).mode & 0o777).toBe(0o600);
      const cache = memory.cache<string>({ name: "c", maxSize: "256KiB" });
      const other = await attachMemory(name);
      other.cache<string>("c").set("k", "v");
      expect(cache.get("k")).toBe("v");
      await other.close();
    } finally {
      await memory.close();
    }
    expect(fs.existsSync(`/dev/shm${name}`)).toBe(false);
  });

  test("threads of a process that has it attach by its descriptor", { timeout: SLOW }, async () => {
    const path = freshPath();
    const memory = await openMemory(smallMemory(path));
    memory.cache<string>({ name: "c", maxSize: "256KiB" }).set("k", "v");
    const worker = startWorker(
      `const memory = await lieu.attachMemory(data.memory);
       const cache = memory.cache("c");
       post(cache.get("k"));
       parentPort.once("message", async () => { const v = cache.get("k"); await memory.close(); post(v + " closed"); });`,
      { memory: memory.descriptor() },
    );
    expect(await messageOf(worker)).toBe("v");
    // The worker is a member of its own.
    await memory.close();
    expect(fs.existsSync(path)).toBe(true);
    worker.postMessage("");
    expect(await messageOf(worker)).toBe("v closed");
    expect(fs.existsSync(path)).toBe(false);
    await worker.terminate();
  });

  test("pages go to a swap file that all have, and are gone with the last", { timeout: SLOW }, async () => {
    const path = freshPath();
    const swap = freshPath();
    const options = smallMemory(path, {
      swap: [{ kind: "file", path: swap, size: "16MiB" }],
      zswap: { size: "256KiB" },
    });
    const [a, b] = (await startPeers(2)) as [ProcessPeer, ProcessPeer];
    const open = `state.memory = await lieu.openMemory(data); state.r = state.memory.map("8MiB", { name: "r" });`;
    await a.run(open, options);
    await b.run(open, options);
    const fill = `for (let page = data.first; page < 2048; page += 2) {
      const bytes = new Uint8Array(4096);
      for (let i = 0; i < 4096; i++) bytes[i] = Math.imul(i + 1, page + 77) >>> 5;
      state.r.write(page * 4096, bytes);
    }`;
    await Promise.all([a.run(fill, { first: 0 }), b.run(fill, { first: 1 })]);
    const check = `let bad = 0;
      for (let page = 0; page < 2048; page++) {
        const bytes = state.r.read(page * 4096, 4096);
        for (let i = 0; i < 4096; i++) if (bytes[i] !== ((Math.imul(i + 1, page + 77) >>> 5) & 255)) bad++;
      }
      state.memory.check();
      return bad;`;
    expect(await Promise.all([a.run(check), b.run(check)])).toEqual([0, 0]);
    expect(await a.run("return state.memory.vmstat().pswpout")).toBeGreaterThan(0);
    expect(fs.existsSync(swap)).toBe(true);
    // Whoever made it need not stay.
    await a.run("await state.memory.close()");
    expect(await b.run(check)).toBe(0);
    await a.run(open, options);
    expect(await a.run(check)).toBe(0);
    await Promise.all([a.exit(), b.exit()]);
    expect(fs.existsSync(swap)).toBe(false);
    expect(fs.existsSync(path)).toBe(false);
  });

  test("a key that several processes fetch is loaded by one of them", { timeout: SLOW }, async () => {
    const options = smallMemory(freshPath());
    const peers = await startPeers(3);
    const fetch = `state.memory = await lieu.openMemory(data);
      const { setTimeout: after } = await import("node:timers/promises");
      state.c = state.memory.cache({ name: "c", maxSize: "256KiB", fetchMethod: async (key) => (await after(400), key + process.pid) });`;
    await Promise.all(peers.map((peer) => peer.run(fetch, options)));
    const got = await Promise.all(peers.map((peer) => peer.run("return state.c.fetch('k')")));
    expect(new Set(got).size).toBe(1);
    // One that is killed while it loads is not waited for.
    const [loader, waiter] = peers as [ProcessPeer, ProcessPeer];
    const lost = loader.run(
      "state.loading = state.c.fetch('x'); await new Promise((r) => setTimeout(r, 50)); return 'loading'",
    );
    expect(await lost).toBe("loading");
    const waits = waiter.run("return state.c.fetch('x')");
    await loader.kill();
    expect(await waits).toBe(`x${waiter.pid}`);
  });
});

describeShared("the file of a shared memory", () => {
  test("is nothing but lieu's own", async () => {
    const path = freshPath();
    fs.writeFileSync(path, "somebody's", { mode: 0o600 });
    expectError(() => openMemorySync(smallMemory(path)), "EINVAL", "not a memory of lieu's");
    expectError(() => attachMemorySync(path), "EINVAL", "not a memory of lieu's");
    expect(fs.readFileSync(path, "utf8")).toBe("somebody's");
    const link = freshPath();
    fs.symlinkSync(freshPath(), link);
    expectError(() => openMemorySync(smallMemory(link)), "EINVAL", "symbolic link");
    const folder = freshPath();
    fs.mkdirSync(folder);
    expectError(() => openMemorySync(smallMemory(folder)), "EINVAL");
    expectError(() => openMemorySync(smallMemory(join(freshPath(), "x"))), "ENOENT", "no folder");
    expectError(() => attachMemorySync(freshPath()), "ENOENT", "openMemory()");
    for (const name of ["", "x", "/", "/a/../b", "/a//b", "/.."]) {
      expectError(() => openMemorySync(smallMemory(name)), "EINVAL", "/my-app");
    }
    const memory = openMemorySync(smallMemory(path.replace(basename(path), "open")));
    const open = path.replace(basename(path), "open");
    fs.chmodSync(open, 0o660);
    expectError(() => attachMemorySync(open), "EACCES", "other users");
    fs.chmodSync(open, 0o600);
    fs.linkSync(open, freshPath());
    expectError(() => attachMemorySync(open), "EACCES", "another name");
    await memory.close();
  });

  test("that was never finished, or is of another version that nobody has, is replaced", async () => {
    const path = freshPath();
    fs.writeFileSync(path, "", { mode: 0o600 });
    await openMemorySync(smallMemory(path)).close();
    fs.writeFileSync(path, "lieu memory 1\n", { mode: 0o600 });
    expectError(() => attachMemorySync(path), "ENOENT", "nobody");
    await openMemorySync(smallMemory(path)).close();
    const memory = openMemorySync(smallMemory(path));
    const file = fs.readFileSync(path).subarray(0, 65536);
    const strange = Buffer.from(file.toString("latin1").replace(/"stamp":"\d/, '"stamp":"0'), "latin1");
    expect(strange.equals(file)).toBe(false);
    const fd = fs.openSync(path, "r+");
    fs.writeSync(fd, strange, 0, strange.length, 0);
    expectError(() => attachMemorySync(path), "EINVAL", "another version", String(process.pid));
    expectError(() => openMemorySync(smallMemory(path)), "EINVAL", "another version");
    fs.writeSync(fd, file, 0, file.length, 0);
    await memory.close();
    expect(fs.existsSync(path)).toBe(false);
    fs.writeFileSync(path, strange, { mode: 0o600 });
    fs.truncateSync(path, 64 * 2 ** 20);
    await openMemorySync(smallMemory(path)).close();
    expect(fs.existsSync(path)).toBe(false);
  });

  test("needs room for all of it", () => {
    const { bavail, bsize } = fs.statfsSync("/dev/shm");
    const size = Number(bavail) * Number(bsize) + 64 * 2 ** 20;
    if (size > 3.5 * 2 ** 30) return;
    const name = `/lieu-test-full-${process.pid}`;
    const options = { nodes: { dram: { kind: "dram", size } }, shared: name } as const;
    expectError(() => openMemorySync(options), "ENOSPC", "no room", "shm-size");
    expect(fs.existsSync(`/dev/shm${name}`)).toBe(false);
  });

  test("is not for what one process alone can have", () => {
    const dram = { kind: "dram", size: "1MiB" } as const;
    const remote = { kind: "remote", url: "redis://localhost:1", size: "1MiB" } as const;
    expectError(() => openMemorySync({ nodes: { dram }, shared: freshPath(), swap: [remote] }), "ENOTSUP", "remote");
    const file = { kind: "mapped-file", path: freshPath(), size: "1MiB" } as const;
    expectError(() => openMemorySync({ nodes: { dram, file }, shared: freshPath() }), "ENOTSUP", "mapped-file");
    expectError(() => openMemorySync({ nodes: { dram }, shared: freshPath(), pressure: true }), "EINVAL", "pressure");
  });
});
