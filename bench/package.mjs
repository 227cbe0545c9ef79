/** What it costs to have lieu in a program: to import it, and to open and close memories. In a process of its own, nothing imported yet. */
const MIB = 2 ** 20;

/** CPU milliseconds and MiB of RSS that `action` takes. */
async function costOf(action) {
  const rss = process.memoryUsage.rss();
  const start = process.cpuUsage();
  const result = await action();
  const { user, system } = process.cpuUsage(start);
  return { result, ms: (user + system) / 1000, mib: (process.memoryUsage.rss() - rss) / MIB };
}

const atMost = (value, bar) => ({ value, bar, holds: value <= bar });

export async function packageBench() {
  const imported = await costOf(() => import("../dist/index.js"));
  const { openMemory } = imported.result;
  const dram = (size) => ({ nodes: { dram: { kind: "dram", size } } });
  await (await openMemory(dram("1MiB"))).close();
  const rounds = await costOf(async () => {
    for (let i = 0; i < 100; i++) {
      const memory = await openMemory({ ...dram("64MiB"), pretouch: "wait" });
      memory.cache().set("key", Buffer.alloc(1000));
      await memory.close();
    }
  });
  let longest = 0;
  let memory;
  const opened = await costOf(async () => {
    memory = await openMemory(dram("1GiB"));
  });
  for (let i = 0; i < 20; i++) {
    longest = Math.max(longest, (await costOf(() => new Promise((resolve) => setImmediate(resolve)))).ms);
  }
  await memory.close();
  return {
    "import, CPU ms": atMost(imported.ms, 60),
    "import, MiB of RSS": atMost(imported.mib, 10),
    "MiB of RSS after 100 memories of 64 MiB, each closed": atMost(rounds.mib, 130),
    "longest that opening 1 GiB keeps the event loop, CPU ms": atMost(Math.max(opened.ms, longest), 50),
  };
}
