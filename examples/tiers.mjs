import { openMemory } from "lieu";

const memory = await openMemory({
  nodes: { dram: { kind: "dram", size: "8MiB" }, slow: { kind: "dram", size: "16MiB", tier: 1 } },
  swap: [{ kind: "file", path: "example.swap", size: "32MiB" }],
});
const users = memory.cache({ name: "users", maxSize: "48MiB" });

let loads = 0;
async function load(id) {
  loads++;
  return { id, name: `user ${id}`, about: "x".repeat(900) };
}

async function user(id) {
  const cached = users.get(id);
  if (cached !== undefined) return cached;
  const loaded = await load(id);
  users.set(id, loaded);
  return loaded;
}

// 300 000 requests for 60 000 users, some far more popular than others.
for (let i = 0; i < 300_000; i++) await user(Math.floor(60_000 * Math.random() ** 3));
console.log(loads, "loads; hits by tier:", users.stats().hitsByTier);
await memory.close();
