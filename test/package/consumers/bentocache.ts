/** lieu with bentocache, which needs Node's declarations itself: compiled by declarations.test.ts, not run. */
import { BentoCache, bentostore } from "bentocache";
import { openMemory } from "lieu";
import { lieuDriver } from "lieu/bentocache";

const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
const bento = new BentoCache({
  default: "users",
  stores: { users: bentostore().useL1Layer(lieuDriver({ cache: memory.cache<string>(), prefix: "users" })) },
});
export const user = await bento.getOrSet({ key: "1", factory: async () => ({ name: "Ada" }) });
