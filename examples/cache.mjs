import { openMemory } from "lieu";

const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "64MiB" } } });
const users = memory.cache({
  maxSize: "32MiB", // true bytes, index included
  ttl: 60_000,
  fetchMethod: async (id) => ({ id, name: `user ${id}` }), // your database
});

console.log(await users.fetch("42")); // loaded once, however many ask at the same time
console.log(users.get("42"), users.size);
await memory.close();
