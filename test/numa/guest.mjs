/** What scripts/test-numa.mjs runs in a machine with two memory nodes. Plain JavaScript on the built package: there is no test runner in there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { openMemory } from "../../dist/index.js";

const MIB = 2 ** 20;
const PAGE = 4096;
const NODES = "/sys/devices/system/node";
const hostVmstat = (node, name) =>
  Number(new RegExp(`^${name} (\\d+)`, "m").exec(readFileSync(`${NODES}/node${node}/vmstat`, "utf8"))?.[1] ?? 0);
const pagesOn = (memory, name) => Object.fromEntries(memory.node(name).hostPlacement());

let failed = 0;
async function check(name, body) {
  const start = Date.now();
  try {
    await body();
    console.log(`✓ ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`✗ ${name}\n${error.stack}`);
  }
}
const refused =
  (code, ...parts) =>
  (error) => {
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  };
const cli = (...args) => {
  const run = spawnSync(process.execPath, ["dist/cli/main.js", ...args], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
};

/** Runs a script in a cgroup of its own, of such limits, in a folder on a disk. Gives what became of it, and the cgroup's events. */
function runIn(cgroup, limits, script, ...args) {
  const folder = `/sys/fs/cgroup/${cgroup}`;
  mkdirSync(folder, { recursive: true });
  for (const [name, value] of Object.entries(limits)) writeFileSync(`${folder}/${name}`, value);
  const command = `echo $$ > ${folder}/cgroup.procs; cd /data; exec ${process.execPath} --expose-gc ${script} ${args.join(" ")}`;
  const run = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  const kills = Number(/^oom_kill (\d+)/m.exec(readFileSync(`${folder}/memory.events`, "utf8"))[1]);
  return { ...run, kills };
}
/** The configuration of docs/host-memory.md that has `mark` in it, word for word, as a script that goes on with `more`. */
function printed(mark, name, more) {
  const text = readFileSync("docs/host-memory.md", "utf8");
  const section = text.slice(text.indexOf("## A configuration each"), text.indexOf("## `lieu topology`"));
  const blocks = [...section.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]);
  const [block] = blocks.filter((code) => code.includes(mark));
  assert.ok(block.includes("await openMemory("), mark);
  const path = `/data/${name}.mjs`;
  writeFileSync(path, `import { openMemory } from "${process.cwd()}/dist/index.js";\n${block}\n${more}\n`);
  return path;
}

if (process.argv[2] === "--limited") {
  const nodes = { far: { kind: "numa", hostNode: 1, size: "1MiB" } };
  await assert.rejects(openMemory({ nodes }), refused("EACCES", "cpuset.mems"));
  process.exit(0);
}

writeFileSync("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset +memory");

await check("lieu topology tells the tiers as Linux does", () => {
  const topology = JSON.parse(cli("topology", "--json"));
  assert.deepEqual(topology.tiers, [[0], [1]]);
  const [near, far] = topology.nodes;
  assert.deepEqual([near.hasCpu, near.demotionTargets, near.distances["1"]], [true, [1], 20]);
  assert.deepEqual([far.hasCpu, far.demotionTargets], [false, []]);
  assert.ok(far.adistance > near.adistance);
  console.log(cli("topology"));
});

await check('nodes: "host" makes a node of each, the faster first', async () => {
  const memory = await openMemory({ nodes: "host", pretouch: false });
  assert.deepEqual(
    memory.nodes().map(({ kind, tier }) => [kind, tier]),
    [
      ["numa", 0],
      ["numa", 1],
    ],
  );
  await memory.close();
});

await check("256 MiB of a node's pages are where they belong, after demotion and after promotion", async () => {
  writeFileSync("/sys/kernel/mm/numa/demotion_enabled", "0");
  const memory = await openMemory({
    nodes: {
      dram: { kind: "numa", hostNode: 0, size: 64 * MIB },
      cxl: { kind: "numa", hostNode: 1, size: 320 * MIB },
    },
    pretouch: false,
  });
  const region = memory.map(360 * MIB);
  for (let from = 0; from < region.size; from += 40 * MIB) {
    for (let at = from; at < from + 40 * MIB; at += PAGE) region.writeFloat64(at, at);
    if (pagesOn(memory, "cxl")["1"] < (300 * MIB) / PAGE || from === 0)
      memory.reclaim(40 * MIB, { nodes: ["dram"], mode: "demote" });
  }
  const counts = memory.vmstat();
  const nrDemoted = counts.pgdemote_kswapd + counts.pgdemote_direct + counts.pgdemote_proactive;
  assert.ok(nrDemoted >= 65536, `${nrDemoted} pages demoted`);
  const demoted = { dram: pagesOn(memory, "dram"), cxl: pagesOn(memory, "cxl") };
  assert.deepEqual(Object.keys(demoted.dram), ["0"]);
  assert.deepEqual(Object.keys(demoted.cxl), ["1"]);
  assert.ok(demoted.cxl["1"] >= 65536);
  // A part of what lies on the slower node is used until it has come up.
  for (let round = 0; round < 400 && memory.vmstat().pgpromote_success < 2000; round++) {
    for (let at = 0; at < 12 * MIB; at += PAGE) assert.equal(region.readFloat64(at), at);
    memory.tick();
  }
  const { pgpromote_success } = memory.vmstat();
  assert.ok(pgpromote_success >= 2000, `${pgpromote_success} pages promoted`);
  const promoted = { dram: pagesOn(memory, "dram"), cxl: pagesOn(memory, "cxl") };
  assert.deepEqual(Object.keys(promoted.dram), ["0"]);
  assert.deepEqual(Object.keys(promoted.cxl), ["1"]);
  for (let at = 0; at < region.size; at += PAGE) assert.equal(region.readFloat64(at), at);
  memory.check();
  console.log(`  after demotion ${JSON.stringify(demoted)}, after promotion ${JSON.stringify(promoted)}`);
  await memory.close();
});

await check("the configuration for a CXL machine runs as printed", () => {
  const script = printed(
    "cxl:",
    "cxl",
    `const region = memory.map("64MiB");
    for (let at = 0; at < region.size; at += 4096) region.writeFloat64(at, at);
    memory.reclaim("48MiB", { nodes: ["dram"], mode: "demote" });
    for (let at = 0; at < region.size; at += 4096) if (region.readFloat64(at) !== at) throw new Error("wrong byte");
    const [dram, cxl] = ["dram", "cxl"].map((name) => Object.fromEntries(memory.node(name).hostPlacement()));
    console.log(JSON.stringify({ dram, cxl, demoted: memory.vmstat().pgdemote_proactive }));
    await memory.close();`,
  );
  const run = runIn("machine", {}, script);
  assert.equal(run.status, 0, `${run.signal} ${run.stderr}`);
  const { dram, cxl, demoted } = JSON.parse(run.stdout);
  assert.ok(demoted >= (48 * MIB) / PAGE, `${demoted} demoted`);
  // Pages that nothing lies on yet are touched beside, and count as they are.
  assert.deepEqual([Object.keys(dram), Object.keys(cxl)], [["0"], ["1"]]);
  assert.ok(cxl["1"] >= demoted, `${cxl["1"]} pages on the slower node`);
  console.log(`  ${run.stdout.trim()}`);
});

await check("the configuration for a container runs as printed, in one of 256 MiB that others fill, too", () => {
  const script = printed(
    "pressure: true",
    "container",
    `const cache = memory.cache({ name: "users" });
    const value = (i) => ({ id: i, text: "lieu ".repeat(100), noise: Array.from({ length: 300 }, (_, k) => Math.imul(i * 300 + k + 1, 0x9e3779b1)) });
    for (let i = 0; i < 30_000; i++) cache.set(i, value(i));
    const others = [];
    for (let i = 0; i < 14; i++) {
      others.push(Buffer.alloc(8 * 2 ** 20, 1));
      await new Promise((done) => setTimeout(done, 400));
    }
    let found = 0;
    for (let i = 0; i < 30_000; i += 13) {
      const got = cache.get(i);
      if (got === undefined) continue;
      found++;
      if (JSON.stringify(got) !== JSON.stringify(value(i))) throw new Error("wrong value of " + i);
    }
    console.log(JSON.stringify({ others: others.length, found, of: Math.ceil(30_000 / 13), dram: memory.node("dram").size / 2 ** 20, pool: memory.swapDevices()[0].size / 2 ** 20 }));
    await memory.close();`,
  );
  const run = runIn("container", { "memory.max": `${256 * MIB}` }, script);
  assert.deepEqual([run.status, run.signal, run.kills], [0, null, 0], run.stderr);
  assert.ok(JSON.parse(run.stdout).found > 0);
  console.log(`  ${run.stdout.trim()}`);
});

await check(
  "under pressure RSS follows down, nobody is killed, every byte stays, and the node grows again; without, the kernel kills",
  () => {
    writeFileSync(
      "/data/pressure.mjs",
      `import { readFileSync } from "node:fs";
    import { openMemory } from "${process.cwd()}/dist/index.js";
    const MIB = 2 ** 20;
    // Without the pages of Node's own program, which come as they are run, and are another cgroup's.
    const resident = () => 1024 * /^RssAnon:\\s*(\\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1];
    const pressure = process.argv[2] === "with" ? { reserve: "24MiB" } : undefined;
    const memory = await openMemory({
      nodes: { dram: { kind: "dram", size: "128MiB" } },
      swap: [{ kind: "file", path: "/data/" + process.argv[2], size: "256MiB" }],
      // All of the node is there before anybody counts.
      pretouch: "wait",
      ...(pressure ? { pressure } : {}),
    });
    const region = memory.map("120MiB");
    for (let at = 0; at < region.size; at += 512) region.writeFloat64(at, at);
    const full = resident();
    let others = [];
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    for (let i = 0; i < 12; i++) {
      others.push(Buffer.alloc(8 * MIB, 1));
      await wait(400);
    }
    const size = memory.node("dram").size;
    const squeezed = resident();
    let wrong = 0;
    for (let at = 0; at < region.size; at += 4096) if (region.readFloat64(at + 512) !== at + 512) wrong++;
    others = [];
    for (let i = 0; i < 300 && memory.node("dram").size < 128 * MIB; i++) {
      globalThis.gc();
      await wait(200);
    }
    const mib = (bytes) => Math.round(bytes / MIB);
    console.log(JSON.stringify({ wrong, full: mib(full), squeezed: mib(squeezed), size: mib(size), again: mib(memory.node("dram").size) }));
    await memory.close();`,
    );
    const limits = { "memory.max": `${256 * MIB}` };
    const without = runIn("killed", limits, "/data/pressure.mjs", "without");
    assert.deepEqual([without.signal, without.kills > 0], ["SIGKILL", true], without.stdout + without.stderr);
    const run = runIn("pressed", limits, "/data/pressure.mjs", "with");
    assert.deepEqual([run.status, run.signal, run.kills], [0, null, 0], run.stderr);
    console.log(`  ${run.stdout.trim()}`);
    const { wrong, full, squeezed, size, again } = JSON.parse(run.stdout);
    assert.equal(wrong, 0);
    assert.ok(size < 128 && size >= 32, `the node has ${size} MiB`);
    // 96 MiB came, and the node went by as much as it says.
    assert.ok(squeezed <= full + 96 - (128 - size) + 24, `RSS ${full} MiB, then ${squeezed}`);
    assert.ok(again > size, `${size} MiB, and later ${again}`);
  },
);

await check("what the kernel's own demotion does to a bound node when its host node is short of memory", async () => {
  writeFileSync("/sys/kernel/mm/numa/demotion_enabled", "1");
  const memory = await openMemory({
    nodes: { dram: { kind: "numa", hostNode: 0, size: 256 * MIB } },
    pretouch: false,
  });
  const region = memory.map(240 * MIB);
  for (let at = 0; at < region.size; at += PAGE) region.writeFloat64(at, at);
  const before = pagesOn(memory, "dram");
  assert.deepEqual(Object.keys(before), ["0"]);
  const moved = hostVmstat(0, "pgdemote_kswapd") + hostVmstat(0, "pgdemote_direct");
  // More than is free on node 0, ever in use.
  const others = [];
  const free = Number(/MemFree:\s*(\d+)/.exec(readFileSync(`${NODES}/node0/meminfo`, "utf8"))[1]) / 1024;
  for (let mib = 0; mib < free + 100; mib += 16) others.push(Buffer.alloc(16 * MIB, 1));
  const after = pagesOn(memory, "dram");
  const demoted = hostVmstat(0, "pgdemote_kswapd") + hostVmstat(0, "pgdemote_direct") - moved;
  console.log(
    `  the kernel demoted ${demoted} pages of node 0; of lieu's, ${after["1"] ?? 0} of ${before["0"]} are on node 1 now`,
  );
  for (let at = 0; at < region.size; at += PAGE) assert.equal(region.readFloat64(at), at);
  assert.equal(others.length > 0, true);
  await memory.close();
});

await check("a node that the machine has not, and one that the cgroup may not use, are refused by name", async () => {
  const on = (hostNode, more = {}) => openMemory({ nodes: { far: { kind: "numa", hostNode, size: "1MiB", ...more } } });
  await assert.rejects(on(5), refused("EINVAL", "nodes.far.hostNode is 5", "0, 1"));
  const memory = await on(5, { fallback: true });
  assert.equal(memory.node("far").kind, "dram");
  await memory.close();
  mkdirSync("/sys/fs/cgroup/limited");
  writeFileSync("/sys/fs/cgroup/limited/cpuset.mems", "0");
  const script = `echo $$ > /sys/fs/cgroup/limited/cgroup.procs; exec ${process.execPath} test/numa/guest.mjs --limited`;
  const run = spawnSync("sh", ["-c", script], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
});

process.exit(failed === 0 ? 0 : 1);
