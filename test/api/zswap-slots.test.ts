/** A pool of compressed pages whose slots are all taken, while compaction has room in its pages to give yet. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openMemory } from "../../src/index.ts";

test("where pages compress to next to nothing, the oldest make way for slots", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lieu-zswap-"));
  try {
    const nodes = { fast: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } } as const;
    const swap = [{ kind: "file", path: join(folder, "swap"), size: "32MiB" }] as const;
    await using memory = await openMemory({ nodes, swap, zswap: { size: "512KiB" }, pretouch: false });
    const cache = memory.cache<Uint8Array>({ codec: "bytes", maxSize: "16MiB" });
    const region = memory.map("8MiB");
    const counts = new Int32Array(2048);
    let x = 3;
    const random = (n: number): number => {
      x = (Math.imul(x, 1103515245) + 12345) >>> 0;
      return (x >>> 8) % n;
    };
    for (let i = 0; i < 5000; i++) {
      const page = random(2048);
      if (region.readInt32(page * 4096) !== counts[page]) throw new Error(`page ${page} after ${i}`);
      counts[page] = (counts[page] as number) + 1;
      region.writeInt32(page * 4096, counts[page] as number);
      const key = `k${random(3000)}`;
      if (random(3) > 0) cache.set(key, new Uint8Array(100 + random(4000)).fill(i & 255));
      else cache.get(key);
    }
    expect(memory.vmstat().zswpwb).toBeGreaterThan(0);
    memory.check();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
