/** lieu with undici, which needs Node's declarations itself: compiled by declarations.test.ts, not run. */
import { openMemory } from "lieu";
import LieuCacheStore from "lieu/undici";
import { Agent, interceptors } from "undici";

const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
const store = new LieuCacheStore(memory.cache(), { maxEntrySize: 2 ** 20 });
export const agent = new Agent().compose(interceptors.cache({ store }));
