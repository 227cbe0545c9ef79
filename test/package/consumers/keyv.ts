/** lieu with Keyv: compiled by declarations.test.ts, not run. */
import Keyv from "keyv";
import { openMemory } from "lieu";
import KeyvLieu from "lieu/keyv";

const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
const store = new KeyvLieu(memory.cache<unknown>({ name: "keyv" }), { exclusive: true });
store.on("error", (error: Error) => error.message);
const keyv = new Keyv<{ name: string }>({ store, namespace: "users" });
await keyv.set("1", { name: "Ada" }, 60_000);
export const name: string | undefined = (await keyv.get("1"))?.name;
// @ts-expect-error a store for Keyv needs keys that are strings
new KeyvLieu(memory.cache<unknown, number>());
