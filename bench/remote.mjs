/**
 * What swap on a server takes beside the server's client, on the loopback interface: pages a second that are swapped out, and the time of a
 * page that is swapped in at random in times of the client's own GET of 4 KiB. In turns, the best of five each.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createClient, RESP_TYPES } from "redis";
import { openMemorySync } from "../dist/index.js";

const MIB = 2 ** 20;
const ROUNDS = 5;

/** A server on a port of its own, which ends with the process at the latest, and a client of it. */
export async function startServer() {
  const port = await new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = spawn("redis-server", args, { stdio: "ignore" });
  process.once("exit", () => server.kill("SIGKILL"));
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", () => undefined);
  await client.connect();
  return { server, client, url: `redis://127.0.0.1:${port}` };
}

/** { out: pages/s, in: us, get: us } */
export async function remoteJob() {
  const { server, client, url } = await startServer();
  const own = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  const size = 32 * MIB;
  const pages = size / 4096;
  const memory = openMemorySync({
    nodes: { dram: { kind: "dram", size: 2 * size } },
    swap: [{ kind: "remote", url, size: 2 * size, sole: true }],
  });
  const region = memory.map(size);
  const order = Array.from({ length: 2000 }, (_, i) => (i * 7919) % pages);
  const page = Buffer.alloc(4096, 5);
  for (const n of order) await client.set(`page:${n}`, page);
  const best = { out: 0, in: Infinity, get: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = 0; at < size; at += 4096) region.writeInt32(at, at ^ round);
    let start = performance.now();
    const gone = region.advise("pageout");
    best.out = Math.max(best.out, (gone / (performance.now() - start)) * 1000);
    start = performance.now();
    for (const n of order) if ((await own.get(`page:${n}`)).length !== 4096) throw new Error("not a page");
    best.get = Math.min(best.get, ((performance.now() - start) * 1000) / order.length);
    start = performance.now();
    for (const n of order) if (region.readInt32(n * 4096) !== ((n * 4096) ^ round)) throw new Error("wrong byte");
    best.in = Math.min(best.in, ((performance.now() - start) * 1000) / order.length);
  }
  await memory.close();
  client.destroy();
  server.kill();
  return best;
}
