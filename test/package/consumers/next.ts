/** lieu with Next.js, as its two kinds of cache handlers: compiled by declarations.test.ts, not run. */
import { openMemorySync } from "lieu";
import { lieuCacheHandler, lieuUseCacheHandler, type NextUseCacheHandler } from "lieu/next";

const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
export default lieuCacheHandler(memory.cache({ name: "pages" }));
export const handler: NextUseCacheHandler = lieuUseCacheHandler(memory.cache({ name: "use cache" }), { maxTags: 1000 });
