/** A memory that processes share, watched from outside: lieu top, lieu serve. */
import fs from "node:fs";
import { expect, test } from "vitest";
import { INTERRUPTED, runCli } from "../../src/cli/cli.ts";
import { openMemory } from "../../src/index.ts";
import { NamedRecorder } from "../../src/server/named-recorder.ts";
import { CURVE_SIZES } from "../../src/server/wire.ts";
import { lieu } from "../cli/support.ts";
import { describeShared, freshPath, Peer, rest, SLOW, smallMemory } from "./helpers.ts";

/** Fills a memory of two tiers and swap, with a cache, a region and a group in it. */
const FILL = `const memory = (state.memory = await lieu.openMemory(data));
  const group = memory.group("tenant", { max: "8MiB", low: "64KiB" });
  const cache = (state.cache = memory.cache({ name: "users", maxSize: "512KiB", codec: "bytes", heap: 0 }));
  for (let i = 0; i < 300; i++) { cache.set("k" + i, new Uint8Array(1000)); cache.get("k" + i); cache.get("none" + i); }
  state.table = memory.map("5MiB", { name: "table", group });
  state.table.fill(1);`;

describeShared("a memory that processes share, watched from outside", () => {
  test("every number is the memory's own", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = smallMemory(path, {
      swap: [{ kind: "file", name: "disk", path: freshPath(), size: "8MiB" }],
      promotion: false,
    });
    const peer = await Peer.start();
    await peer.run(FILL, options);
    await using memory = await openMemory(options);
    const cache = memory.cache<Uint8Array>({ name: "users", maxSize: "512KiB", codec: "bytes", heap: 0 });
    const recorder = new NamedRecorder(path, "shop");
    await rest(memory);
    const frame = recorder.snapshot(100);
    if (frame === undefined) throw new Error("it is there");
    const { header } = recorder;
    expect(header).toMatchObject({
      title: "shop",
      clock: "seconds",
      swap: [{ name: "disk", kind: "file", size: 8 << 20 }],
    });
    expect(Object.fromEntries(header.counters.map((name, i) => [name, frame.vmstat[i]]))).toEqual(memory.vmstat());
    memory.nodes().forEach((node, nid) => {
      expect(header.nodes[nid]).toMatchObject({ name: node.name, tier: node.tier, size: node.size });
      expect(frame.nodes[nid]).toEqual({ size: node.size, free: node.free, vmstat: Object.values(node.vmstat()) });
    });
    const used = memory.swapDevices().map(({ size, used, stored }) => ({ size, used, stored, failed: false }));
    expect(used[0]?.used).toBeGreaterThan(0);
    expect(frame.swap).toEqual(used);
    const { usage, swapUsage: swap, limits } = memory.group("tenant", { max: "8MiB", low: "64KiB" });
    const { min, low, max } = limits;
    expect(frame.groups).toEqual([{ name: "tenant", usage, swap, min, low, high: null, max }]);
    const { hits, misses, hitsByTier } = cache.stats();
    expect(misses).toBeGreaterThanOrEqual(300);
    expect(frame.caches).toEqual([
      {
        name: "users",
        entries: cache.size,
        size: cache.calculatedSize,
        maxSize: 512 * 1024,
        requests: hits + misses,
        misses,
        curve: CURVE_SIZES.map(() => null),
      },
    ]);
    expect(frame.served).toEqual([hitsByTier.fast, hitsByTier.slow, hitsByTier.disk, misses]);
    // Pages of all mappings, in nodes and in swap: as many in the map as its rows stand for.
    const rows = frame.map.place.length / frame.map.pages;
    expect([...frame.map.place].filter((c) => c === "a").length / rows).toBeCloseTo(memory.vmstat().nr_swapped, -3);
    expect(frame.idle.flat().reduce((sum, n) => sum + n, 0)).toBeGreaterThan(800);
    // It looks, and nothing more: what is there has not moved for it.
    expect(recorder.snapshot(101)?.vmstat).toEqual(frame.vmstat);
    await memory.close();
    await peer.exit();
    expect(recorder.snapshot(102)).toBeUndefined();
  });

  test("lieu top shows it until it is gone, lieu serve in a browser", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = smallMemory(path);
    const peer = await Peer.start();
    await peer.run(FILL, { ...options, swap: [{ kind: "file", path: freshPath(), size: "8MiB" }] });
    await peer.run(
      `state.timer = setInterval(() => { for (let i = 0; i < 100; i++) state.cache.get("k" + i); state.table.fill(2); }, 50);`,
    );
    const once = await lieu("top", path, "--once");
    expect(once).toMatchObject({ status: 0, stderr: "" });
    for (const shown of [
      /^\/.*memory\d+, \d\d:\d\d:\d\d\n/,
      /fast .* 1 MiB │ █+░* │ [▁-█ ]{2}/,
      /slow .* 3 MiB │ █+░* │ [▁-█ ]{2}/,
      /group tenant .* 8 MiB/,
      /cache users .* 512 KiB/,
      /swapped in +│ +[\d,]*[1-9][\d,]* │/,
      /scanned +│ +[\d,]*[1-9][\d,]* │/,
      /(fast|slow|file) +│ +\d+\.\d+ % │/,
    ])
      expect(once.stdout).toMatch(shown);

    let said = "";
    const interrupted = {
      stdout: { isTTY: true, write: () => void process.emit("SIGINT") },
      stderr: {
        write(text: string) {
          said += text;
        },
      },
    };
    expect(await runCli(["top", path], interrupted)).toBe(INTERRUPTED);
    expect(said).toBe("");

    let screen = "";
    let drawn = 0;
    const stdout = {
      isTTY: true,
      write(text: string) {
        screen = text;
        drawn++;
        if (drawn === 2) void peer.run("clearInterval(state.timer); await state.memory.close();");
      },
    };
    expect(await runCli(["top", path], { stdout, stderr: { write: () => undefined } })).toBe(0);
    expect(drawn).toBeGreaterThanOrEqual(2);
    expect(screen.startsWith("\x1b[H\x1b[J")).toBe(true);
    expect(fs.existsSync(path)).toBe(false);
    for (const verb of ["top", "serve"])
      expect(await lieu(verb, path)).toMatchObject({ status: 2, stderr: expect.stringContaining("there is none") });
  });
});
