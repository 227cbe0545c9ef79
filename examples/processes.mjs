import { fork } from "node:child_process";
import { once } from "node:events";
import { openMemory } from "lieu";

// The same lines in each process: who comes first makes the memory and the cache, the others join.
const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "8MiB" } }, shared: "/lieu-greetings" });
const greetings = memory.cache({
  name: "greetings",
  maxSize: "1MiB",
  fetchMethod: async (name) => `Hello ${name}, from process ${process.pid}`,
});

console.log(`process ${process.pid}: ${await greetings.fetch("world")}`);
if (process.argv[2] !== "child") await once(fork(process.argv[1], ["child"]), "exit");
await memory.close();
