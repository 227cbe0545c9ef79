import { bind, openMemory } from "lieu";

const memory = await openMemory({
  nodes: {
    dram: { kind: "dram", size: "8MiB" },
    slow: { kind: "dram", size: "16MiB", tier: 1 }, // stands for slower memory: one tier below
  },
  swap: [{ kind: "file", path: "example.swap", size: "32MiB" }],
});

const table = memory.map("40MiB"); // more than both nodes hold; never loses a byte
for (let at = 0; at < table.size; at += 4096) table.writeFloat64(at, at / 2);

const index = memory.map("1MiB", { policy: bind("dram") }); // stays on dram, whatever the pressure
index.fill(1);

const row = table.pin(4096 * 1000, 256); // a view of the memory itself, in place until released
console.log("row 1000 holds", new DataView(row.bytes.buffer, row.bytes.byteOffset).getFloat64(0, true));
row.release();

for (const { name, residentPages } of memory.nodes()) console.log(name, residentPages, "pages");
const { pgdemote_kswapd, pswpout, policy_violations } = memory.vmstat();
console.log({ pgdemote_kswapd, pswpout, policy_violations });
await memory.close();
