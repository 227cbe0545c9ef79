/**
 * Bentocache's own suite for drivers, over a cache of lieu, in Japa, the runner that it is written for.
 * bentocache.test.ts runs it as a process of its own; it prints a line of JSON for each thing that happens.
 */
import { assert } from "@japa/assert";
import { configure, processCLIArgs, run, test } from "@japa/runner";
import { ndjson } from "@japa/runner/reporters";
import { registerCacheDriverTestSuite } from "bentocache/test_suite";
import { LieuDriver } from "../../src/adapters/bentocache.ts";
import { openMemorySync } from "../../src/index.ts";

const memory = openMemorySync({
  nodes: { dram: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "2MiB", tier: 1 } },
});
// One cache for all drivers of the suite, so that their prefixes meet in it.
const cache = memory.cache<string>({ name: "suite", maxSize: "3MiB" });

function defineTests(): void {
  test.group("LieuDriver", (group) => {
    registerCacheDriverTestSuite({
      test,
      group,
      supportsMilliseconds: true,
      createDriver: (options) => new LieuDriver({ cache, prefix: "japa", ...options }),
    });
  });
}

processCLIArgs([]);
configure({
  // Japa takes tests from files that it imports itself, and from nowhere else.
  files: () => [new URL(import.meta.url)],
  importer: defineTests,
  plugins: [assert()],
  reporters: { activated: ["ndjson"], list: [ndjson()] },
});
await run();
memory.check();
memory[Symbol.dispose]();
