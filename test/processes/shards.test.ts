/** A memory of several shards for several processes: what one makes others find, wherever it lies; limits hold over all; nothing is left. */
import fs from "node:fs";
import { basename, dirname } from "node:path";
import { expect, test } from "vitest";
import { attachMemory, type Memory, type MemoryOptions, openMemory } from "../../src/index.ts";
import { NamedRecorder } from "../../src/server/named-recorder.ts";
import { expectError } from "../api/helpers.ts";
import { lieu } from "../cli/support.ts";
import { runSeed, seeded } from "../property/source.ts";
import { describeShared, freshPath, Peer, type ProcessPeer, rest, SLOW, startPeers } from "./helpers.ts";

const MIB = 2 ** 20;
const SHARDS = 4;
function sharded(shared: string, more: Partial<MemoryOptions> = {}): MemoryOptions {
  const nodes = { fast: { kind: "dram", size: "4MiB" }, slow: { kind: "dram", size: "12MiB", tier: 1 } } as const;
  return { nodes, shared, shards: SHARDS, ...more };
}
const withSwap = (): MemoryOptions =>
  sharded(freshPath(), { swap: [{ kind: "file", path: freshPath(), size: "16MiB" }] });
/** Files of a memory that are there, by their names. */
function filesOf({ shared, swap }: MemoryOptions): string[] {
  const paths = [
    shared as string,
    ...(Array.isArray(swap) ? swap.map((device) => (device as { path: string }).path) : []),
  ];
  const folder = dirname(paths[0] as string);
  return fs
    .readdirSync(folder)
    .filter((name) => paths.some((path) => name === basename(path) || name.startsWith(`${basename(path)}.`)));
}

/** Makes, or finds, one of each kind. */
const MAKE = `const memory = (state.memory = await lieu.openMemory(data.options));
  state.group = memory.group("tenant", { max: "2MiB" });
  state.spread = memory.cache({ name: "spread", maxSize: "4MiB", codec: "string", heap: 0 });
  state.small = memory.cache({ name: "small", maxSize: "256KiB", codec: "string", heap: 0 });
  state.theirs = memory.cache({ name: "theirs", maxSize: "4MiB", codec: "string", heap: 0, group: state.group });
  state.wide = memory.map("6MiB", { name: "wide" });
  state.near = memory.map("512KiB", { name: "near" });`;
/** The same in this process. */
async function made(options: MemoryOptions) {
  const memory = await openMemory(options);
  const group = memory.group("tenant", { max: "2MiB" });
  const spread = memory.cache<string>({ name: "spread", maxSize: "4MiB", codec: "string", heap: 0 });
  const small = memory.cache<string>({ name: "small", maxSize: "256KiB", codec: "string", heap: 0 });
  const theirs = memory.cache<string>({ name: "theirs", maxSize: "4MiB", codec: "string", heap: 0, group });
  const wide = memory.map("6MiB", { name: "wide" });
  const near = memory.map("512KiB", { name: "near" });
  return { memory, group, spread, small, theirs, wide, near };
}

describeShared("a memory of several shards that processes share", () => {
  test("whoever makes the same calls has the same caches, regions and groups", { timeout: SLOW }, async () => {
    const options = withSwap();
    const peer = await Peer.start();
    await peer.run(
      `${MAKE}
       for (let i = 0; i < 3000; i++) state.spread.set("k" + i, "value " + i);
       state.small.set("a", "b");
       for (let page = 0; page < 1536; page++) state.wide.writeInt32(page * 4096, page);
       state.near.writeInt32(4096, 42);`,
      { options },
    );
    expect(filesOf(options).length).toBe(2 * SHARDS);
    const here = await made(options);
    for (let i = 0; i < 3000; i++) expect(here.spread.get(`k${i}`)).toBe(`value ${i}`);
    expect(here.small.get("a")).toBe("b");
    for (let page = 0; page < 1536; page++) expect(here.wide.readInt32(page * 4096)).toBe(page);
    expect(here.near.readInt32(4096)).toBe(42);
    here.spread.set("k7", "other").delete("k8");
    here.wide.writeInt32(4096 * 700, -1);
    expect(
      await peer.run(
        `return [state.spread.get("k7"), state.spread.has("k8"), state.spread.size, state.wide.readInt32(4096 * 700)]`,
      ),
    ).toEqual(["other", false, 2999, -1]);
    // Threads too, by descriptor; and other processes that only look for what there is.
    await using thread = await attachMemory(here.memory.descriptor());
    await using named = await attachMemory(options.shared as string);
    for (const other of [thread, named]) {
      expect([...other.cacheNames].sort()).toEqual(["small", "spread", "theirs"]);
      expect([...other.regionNames].sort()).toEqual(["near", "wide"]);
      expect(other.cache<string>("spread", { codec: "string" }).get("k7")).toBe("other");
      expect(other.region("wide").readInt32(4096 * 700)).toBe(-1);
      other.check();
    }
    // What one closes it lets go of.
    await peer.run("state.spread.close(); state.wide.unmap(); await state.memory.close();");
    expect(here.spread.get("k7")).toBe("other");
    expect(here.wide.readInt32(4096 * 700)).toBe(-1);
    here.memory.check();
    await here.memory.close();
  });

  test("who asks for something else is told what", { timeout: SLOW }, async () => {
    const options = sharded(freshPath());
    const { memory } = await made(options);
    await using other = await openMemory(options);
    const cache = { name: "spread", maxSize: "3MiB", codec: "string", heap: 0 } as const;
    expectError(() => other.cache(cache), "EINVAL", '"spread"', `${4 * MIB}`, `${3 * MIB}`);
    expectError(() => other.cache({ ...cache, maxSize: "128KiB" }), "EINVAL", '"spread"', `${4 * MIB}`);
    expectError(() => other.cache({ ...cache, name: "small", maxSize: "4MiB" }), "EINVAL", '"small"', `${256 * 1024}`);
    expectError(() => other.map("5MiB", { name: "wide" }), "EINVAL", '"wide"', `${6 * MIB}`, `${5 * MIB}`);
    expectError(() => other.map("1MiB", { name: "wide" }), "EINVAL", '"wide"', `${6 * MIB}`);
    expectError(() => other.map("6MiB", { name: "near" }), "EINVAL", '"near"', `${512 * 1024}`);
    expectError(() => other.group("tenant", { max: "3MiB" }), "EINVAL", '"tenant"', "2MiB", "3MiB");
    expectError(() => other.map("1MiB"), "EINVAL", "name");
    await expect(openMemory({ ...options, shards: 2 })).rejects.toMatchObject({ code: "EINVAL" });
    await expect(openMemory({ ...options, shards: undefined })).rejects.toThrow(/shards/);
    await expect(attachMemory(`${options.shared}.1`)).rejects.toThrow(/shard 1 of 4/);
    await expect(openMemory({ ...options, shards: 1, shared: `${options.shared}.1` })).rejects.toThrow(/shard 1 of 4/);
    memory.check();
    await memory.close();
  });

  test("of several who come at once one makes it, and each thing in it", { timeout: SLOW }, async () => {
    const options = sharded(freshPath());
    const peers = await startPeers(4);
    await Promise.all(peers.map((peer) => peer.run(MAKE, { options })));
    await Promise.all(
      peers.map((peer, i) =>
        peer.run(
          "for (let n = 0; n < 500; n++) { state.spread.set(data.i + ':' + n, 'of ' + data.i); state.small.set('x' + data.i, 'y'); }",
          { i },
        ),
      ),
    );
    for (const peer of peers) {
      const [found, small] = await peer.run<[number, number]>(
        "let found = 0; for (let i = 0; i < 4; i++) for (let n = 0; n < 500; n++) if (state.spread.get(i + ':' + n) === 'of ' + i) found++; return [found, state.small.size]",
      );
      expect(found).toBe(2000);
      expect(small).toBe(4);
    }
    await peers[0]?.run("state.memory.check()");
  });

  test("of several who ask for things at once each gets the same one, whichever shard it is in", {
    timeout: SLOW,
  }, async () => {
    const options = sharded(freshPath(), { addressSpace: "1GiB" });
    const peers = await startPeers(4);
    await Promise.all(peers.map((peer) => peer.run("state.memory = await lieu.openMemory(data.options)", { options })));
    const begin = Date.now() + 200;
    const seen = await Promise.all(
      peers.map((peer, i) =>
        peer.run<number[]>(
          `while (Date.now() < data.begin);
           const all = [];
           for (let n = 0; n < 60; n++) {
             const region = state.memory.map("100KiB", { name: "r" + n });
             const cache = state.memory.cache({ name: "c" + n, maxSize: "64KiB", codec: "string", heap: 0 });
             region.writeInt32(data.i * 4, 1);
             cache.set("from" + data.i, "here");
             all.push([region, cache]);
           }
           state.all = all;`,
          { i, begin },
        ),
      ),
    );
    expect(seen.length).toBe(4);
    for (const peer of peers) {
      const missing = await peer.run(
        `const missing = [];
         for (const [n, [region, cache]] of state.all.entries())
           for (let i = 0; i < 4; i++) {
             if (region.readInt32(i * 4) !== 1) missing.push("r" + n);
             if (cache.get("from" + i) !== "here") missing.push("c" + n);
           }
         return missing;`,
      );
      expect(missing).toEqual([]);
    }
    await peers[0]?.run("state.memory.check()");
  });

  test("shares of a limit come to it, though several divide at once", { timeout: SLOW }, async () => {
    const options = sharded(freshPath());
    const { memory, group, theirs } = await made(options);
    const peers = await startPeers(3);
    await Promise.all(peers.map((peer) => peer.run(MAKE, { options })));
    const working = peers.map((peer) =>
      peer.run(
        `for (let n = 0; n < 3000; n++) {
           // Much on few keys, and they change: so use moves from shard to shard.
           state.theirs.set("k" + (n % 7) + (n >>> 6), "x".repeat(2000));
           if (n % 3 === 0) state.memory.tick();
           if (n % 16 === 0) state.theirs.delete("k" + (n % 7) + (n >>> 6));
         }`,
      ),
    );
    for (let round = 0; round < 300; round++) {
      theirs.set(`own${round}`, "y".repeat(1000));
      memory.tick();
      expect(group.usage).toBeLessThanOrEqual(2 * MIB);
      if (round % 10 === 0) {
        memory.check();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await Promise.all(working);
    memory.check();
    await memory.close();
  });

  test("the last one out removes all of it; of one who was killed, who comes next", { timeout: SLOW }, async () => {
    const options = withSwap();
    const [one, two] = (await startPeers(2)) as [ProcessPeer, ProcessPeer];
    await one.run(MAKE, { options });
    await two.run(MAKE, { options });
    await one.run("await state.memory.close()");
    expect(filesOf(options).length).toBe(2 * SHARDS);
    // By itself, at its end.
    await two.exit();
    expect(filesOf(options)).toEqual([]);
    const three = await Peer.start();
    await three.run(`${MAKE}; state.spread.set("k", "v"); state.wide.writeInt32(0, 1);`, { options });
    await three.kill();
    expect(filesOf(options).length).toBe(2 * SHARDS);
    const next = await made(options);
    expect(next.spread.size).toBe(0);
    expect(next.wide.readInt32(0)).toBe(0);
    await next.memory.close();
    expect(filesOf(options)).toEqual([]);
    // Or whoever cleans up.
    const four = await Peer.start();
    await four.run(MAKE, { options });
    expect((await lieu("rm", options.shared as string)).status).toBe(2);
    expect((await lieu("rm", `${options.shared}.2`)).stderr).toContain("shard 2 of 4");
    await four.kill();
    expect((await lieu("rm", options.shared as string)).status).toBe(0);
    expect(filesOf(options)).toEqual([]);
  });

  test("where something else is in the way nothing is made, and that stays", { timeout: SLOW }, async () => {
    const options = withSwap();
    const other = await openMemory({ nodes: { fast: { kind: "dram", size: "1MiB" } }, shared: `${options.shared}.2` });
    await expect(openMemory(options)).rejects.toMatchObject({ code: "EBUSY" });
    expect(filesOf(options)).toEqual([`${basename(options.shared as string)}.2`]);
    other.cache({ name: "c" }).set("a", 1);
    await other.close();
    fs.writeFileSync(`${options.shared}.1`, "mine", { mode: 0o600 });
    await expect(openMemory(options)).rejects.toMatchObject({ code: "EINVAL" });
    expect(filesOf(options)).toEqual([`${basename(options.shared as string)}.1`]);
    expect(fs.readFileSync(`${options.shared}.1`, "utf8")).toBe("mine");
    fs.unlinkSync(`${options.shared}.1`);
    await (await openMemory(options)).close();
    expect(filesOf(options)).toEqual([]);
  });

  test("a group's limit holds over all shards, whoever divides it, and whoever dies", { timeout: SLOW }, async () => {
    const random = seeded(runSeed());
    const options = sharded(freshPath());
    const { memory, group, theirs } = await made(options);
    let peer = await Peer.start();
    await peer.run(MAKE, { options });
    const over: number[] = [];
    for (let round = 0; round < 12; round++) {
      const working = peer
        .run("for (let n = 0; n < 4000; n++) state.theirs.set('k' + (n * data.step) % 5000, 'x'.repeat(900))", {
          step: round + 1,
        })
        .catch(() => undefined);
      const max = round % 3 === 0 ? group.limits.max : (1 + random.below(3)) * MIB;
      group.set({ max });
      for (let n = 0; n < 200; n++) {
        theirs.set(`own${n}`, "y".repeat(600));
        if (n % 20 === 0) memory.tick();
        if (group.usage > max) over.push(group.usage - max);
        if (n % 40 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      if (round % 4 === 3) {
        await peer.kill();
        await working;
        peer = await Peer.start();
        await peer.run(MAKE, { options });
      } else await working;
      expect(group.limits.max).toBe(max);
      expect(group.usage).toBeLessThanOrEqual(max);
      memory.check();
    }
    expect(over).toEqual([]);
    // Another may set it as well.
    expect(await peer.run("state.group.set({ max: '1MiB' }); return state.group.limits.max")).toBe(MIB);
    expect(group.limits.max).toBe(MIB);
    expect(group.usage).toBeLessThanOrEqual(MIB);
    expectError(() => group.remove(), "EBUSY", "tenant");
    await memory.close();
  });

  test("what one who was killed had begun to make is made whole by who asks for it next", {
    timeout: SLOW,
  }, async () => {
    const random = seeded(runSeed());
    const options = sharded(freshPath(), { addressSpace: "2GiB" });
    await using memory: Memory = await openMemory(options);
    for (let round = 0; round < 6; round++) {
      const peer = await Peer.start();
      await peer.run("state.memory = await lieu.openMemory(data.options)", { options });
      const names = Array.from({ length: 8 }, (_, i) => `${round}.${i}`);
      const making = peer
        .run(
          `for (const name of data.names) {
             state.memory.group("g" + name, { max: "1MiB" });
             state.memory.map("300KiB", { name: "r" + name, folio: 4096 });
             state.memory.cache({ name: "c" + name, maxSize: "1MiB", codec: "string" }).set("k", name);
           }`,
          { names },
        )
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, random.below(40)));
      await peer.kill();
      await making;
      for (const name of names) {
        const group = memory.group(`g${name}`, { max: "1MiB" });
        expect(group.limits.max).toBe(MIB);
        const region = memory.map("300KiB", { name: `r${name}`, folio: 4096 });
        region.writeInt32(256 * 1024, round);
        expect(region.readInt32(256 * 1024)).toBe(round);
        const cache = memory.cache<string>({ name: `c${name}`, maxSize: "1MiB", codec: "string" });
        for (let i = 0; i < 50; i++) cache.set(`x${i}`, name);
        expect(cache.get("x49")).toBe(name);
        cache.close();
        region.unmap();
      }
      memory.check();
    }
  });

  test("from outside every number is the memory's own", { timeout: SLOW }, async () => {
    const options = { ...withSwap(), promotion: false };
    const { memory, group, spread, theirs, wide } = await made(options);
    wide.fill(1);
    for (let i = 0; i < 4000; i++) theirs.set(`k${i}`, "x".repeat(900));
    for (let i = 0; i < 4000; i++) spread.set(`k${i}`, "x".repeat(900));
    for (let i = 0; i < 4000; i++) spread.get(`k${i}`);
    await rest(memory);
    const info = JSON.parse((await lieu("stat", options.shared as string, "--json")).stdout);
    expect(info.vmstat).toEqual(memory.vmstat());
    expect(
      info.nodes.map(({ name, size, free }: { name: string; size: number; free: number }) => [name, size, free]),
    ).toEqual(memory.nodes().map(({ name, size, free }) => [name, size, free]));
    expect(info.swap[0].used).toBe(memory.swapDevices()[0]?.used);
    expect(info.groups).toEqual([{ name: "tenant", usage: group.usage }]);
    const region = info.regions.find(({ name }: { name: string }) => name === "wide");
    expect([region.maxSize, region.resident + region.swapped]).toEqual([6 * MIB, 6 * MIB]);
    const recorder = new NamedRecorder(options.shared as string, "shop");
    const frame = recorder.snapshot(100);
    if (frame === undefined) throw new Error("it is there");
    const { header } = recorder;
    expect(Object.fromEntries(header.counters.map((name, i) => [name, frame.vmstat[i]]))).toEqual(memory.vmstat());
    memory.nodes().forEach((node, nid) => {
      expect(header.nodes[nid]).toMatchObject({ name: node.name, tier: node.tier, size: node.size });
      expect(frame.nodes[nid]).toEqual({ size: node.size, free: node.free, vmstat: Object.values(node.vmstat()) });
    });
    expect(frame.groups).toMatchObject([{ name: "tenant", usage: group.usage, max: 2 * MIB, high: null }]);
    const { hits, misses } = spread.stats();
    expect(frame.caches.find(({ name }) => name === "spread")).toMatchObject({
      entries: spread.size,
      maxSize: 4 * MIB,
      requests: hits + misses,
      misses,
    });
    // Of each shard as many rows as it has pages.
    expect(frame.map.place.length).toBeGreaterThan(140);
    const swapped = (frame.map.pages / frame.map.place.length) * [...frame.map.place].filter((c) => c === "a").length;
    expect(swapped / memory.vmstat().nr_swapped).toBeGreaterThan(0.3);
    expect(swapped / memory.vmstat().nr_swapped).toBeLessThan(2);
    const top = await lieu("top", options.shared as string, "--once");
    expect(top).toMatchObject({ status: 0, stderr: "" });
    for (const shown of [/fast .* 4 MiB │/, /slow .* 12 MiB │/, /group tenant .* 2 MiB/, /cache spread .* 4 MiB/])
      expect(top.stdout).toMatch(shown);
    await memory.close();
    expect(recorder.snapshot(102)).toBeUndefined();
  });
});
