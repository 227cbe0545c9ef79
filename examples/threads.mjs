/**
 * An HTTP service whose pages are rendered by worker threads, one cache for all of them: a worker writes what it has rendered to the shared
 * memory, and the thread that serves reads it there; no page goes by message. `node examples/threads.mjs [PORT]`, then
 * `curl localhost:PORT/1`.
 */
import { createServer } from "node:http";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, threadId, Worker, workerData } from "node:worker_threads";
import { attachMemory, openMemory } from "lieu";

if (isMainThread) await serve(Number(process.argv[2] ?? 3000));
else await render();

async function serve(port) {
  const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "64MiB" } }, shared: true });
  const pages = memory.cache({ name: "pages", codec: "string", ttl: 10_000 });
  const workers = Array.from(
    { length: Math.min(4, availableParallelism()) },
    () => new Worker(new URL(import.meta.url), { workerData: memory.descriptor() }),
  );
  let turn = 0;
  const rendered = (path) =>
    new Promise((resolve) => {
      const worker = workers[turn++ % workers.length];
      const hear = (done) => {
        if (done !== path) return;
        worker.off("message", hear);
        resolve();
      };
      worker.on("message", hear);
      worker.postMessage(path);
    });
  const server = createServer(async (request, response) => {
    if (!pages.has(request.url)) await rendered(request.url);
    const page = pages.get(request.url);
    if (page === undefined) response.writeHead(503).end("try again\n");
    else response.writeHead(200, { "content-type": "text/html" }).end(page);
  });
  server.listen(port, () => console.log(`http://localhost:${server.address().port}/1`));
}

async function render() {
  const memory = await attachMemory(workerData);
  const pages = memory.cache("pages", {
    codec: "string",
    ttl: 10_000,
    // However many ask, of whatever worker, a page is rendered once.
    fetchMethod: async (path) => `<h1>${path}</h1><p>by worker ${threadId}</p>${"lorem ipsum ".repeat(300)}\n`,
  });
  parentPort.on("message", async (path) => {
    await pages.fetch(path);
    parentPort.postMessage(path);
  });
}
