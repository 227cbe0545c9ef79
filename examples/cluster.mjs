/**
 * An HTTP service of four processes (node:cluster) with one cache for all of them: what one has rendered, the others serve. A process that is
 * killed takes the others' time for a few hundredths of a second at most, and the one in its place finds what they have. `node examples/cluster.mjs [PORT]`, then
 * `curl -i localhost:PORT/1` a few times: header `x-rendered-by` says who has rendered it, `x-served-by` who answered.
 */
import cluster from "node:cluster";
import { createServer } from "node:http";
import { openMemory } from "lieu";

const PROCESSES = 4;

if (cluster.isPrimary) {
  const fork = () => cluster.fork({ PORT: process.argv[2] ?? "3000" });
  for (let i = 0; i < PROCESSES; i++) fork();
  // Whoever is killed is replaced.
  cluster.on("exit", fork);
  let listening = 0;
  cluster.on("listening", (_, address) => {
    if (++listening === PROCESSES) console.log(`http://localhost:${address.port}/1`);
  });
  process.on("SIGTERM", () => {
    cluster.removeAllListeners("exit");
    cluster.disconnect();
  });
} else await serve(Number(process.env.PORT));

async function render(path) {
  return JSON.stringify({ by: process.pid, text: `<h1>${path}</h1>${"lorem ipsum ".repeat(300)}` });
}

/** The memory, and the cache on it: the same lines in each process. */
async function serve(port) {
  const memory = await openMemory({
    nodes: { dram: { kind: "dram", size: "16MiB" } },
    shared: process.env.LIEU_MEMORY ?? `/lieu-example-${process.ppid}`,
  });
  const pages = memory.cache({ name: "pages", codec: "string", maxSize: "8MiB", fetchMethod: render });
  const server = createServer(async (request, response) => {
    try {
      const { by, text } = JSON.parse(await pages.fetch(request.url));
      response
        .writeHead(200, { "content-type": "text/html", "x-rendered-by": by, "x-served-by": process.pid })
        .end(text);
    } catch (error) {
      response.writeHead(500).end(`${error.message}\n`);
    }
  });
  server.listen(port);
  process.on("disconnect", () => process.exit());
}
