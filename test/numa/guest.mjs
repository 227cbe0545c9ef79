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

if (process.argv[2] === "--limited") {
  const nodes = { far: { kind: "numa", hostNode: 1, size: "1MiB" } };
  await assert.rejects(openMemory({ nodes }), refused("EACCES", "cpuset.mems"));
  process.exit(0);
}

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
  writeFileSync("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset");
  mkdirSync("/sys/fs/cgroup/limited");
  writeFileSync("/sys/fs/cgroup/limited/cpuset.mems", "0");
  const script = `echo $$ > /sys/fs/cgroup/limited/cgroup.procs; exec ${process.execPath} test/numa/guest.mjs --limited`;
  const run = spawnSync("sh", ["-c", script], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
});

process.exit(failed === 0 ? 0 : 1);
