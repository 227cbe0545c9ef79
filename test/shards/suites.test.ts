/** What is true of plain caches, regions and groups is true of those of a memory of three shards: the same tests, on one. */
import { describe, vi } from "vitest";
import type { Harness, MemoryOptions } from "../../src/index.ts";

vi.mock("../../src/memory/open.ts", async (load) => {
  const plain = await load<typeof import("../../src/memory/open.ts")>();
  const { parseSize } = await import("../../src/memory/size.ts");
  /** Three shards, each of the size that the test asks for. */
  const sharded = (options: MemoryOptions): MemoryOptions => {
    if (typeof options !== "object" || typeof options.nodes !== "object") return options;
    const larger = Object.entries(options.nodes).map(([name, node]) => {
      return [name, { ...node, size: 3 * parseSize(node.size, "size") }] as const;
    });
    return { shards: 3, ...options, nodes: Object.fromEntries(larger) };
  };
  return {
    openMemory: (options: MemoryOptions, harness?: Harness) => plain.openMemory(sharded(options), harness),
    openMemorySync: (options: MemoryOptions, harness?: Harness) => plain.openMemorySync(sharded(options), harness),
  };
});

// What differs there: bounds that hold for each shard, and views over a border.
process.env.LIEU_SHARDS = "3";
const SUITES = [
  "../cache/extras.test.ts",
  "../cache/fetch.test.ts",
  "../cache/grace.test.ts",
  "../cache/loads.test.ts",
  "../cache/many.test.ts",
  "../api/lifecycle.test.ts",
  "../api/diagnostics.test.ts",
];
for (const suite of SUITES) describe(suite, async () => void (await import(suite)));
