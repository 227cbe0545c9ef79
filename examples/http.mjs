/**
 * An HTTP service with a read-through cache in front of a slow origin: rendered pages of 4 KiB for 10 seconds, users as objects for a
 * minute. `node examples/http.mjs [PORT]`, then `curl localhost:PORT/page/1` and `/user/1`.
 */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { openMemory } from "lieu";

/** What a cache loads when it has not got it: stands for a database and a template. */
export const origin = {
  loads: 0,
  page(id) {
    origin.loads++;
    return Buffer.from(`<html><h1>Page ${id}</h1>${"lorem ipsum ".repeat(400)}`.slice(0, 4096));
  },
  user(id) {
    origin.loads++;
    return {
      id,
      name: `user ${id}`,
      mail: `user${id}@example.com`,
      roles: ["reader", "writer"],
      since: 1_700_000_000 + id,
    };
  },
};

/** Serve `/page/ID` and `/user/ID` from two caches that have `fetch(key)`. */
export function createService(pages, users) {
  return createServer(async (request, response) => {
    const [, kind, id] = request.url.split("/");
    try {
      if (kind === "page") {
        const page = await pages.fetch(id);
        response.writeHead(200, { "content-type": "text/html", "content-length": page.length }).end(page);
      } else if (kind === "user") {
        const user = await users.fetch(id);
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(user));
      } else response.writeHead(404).end();
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  });
}

/** Both caches in one memory: what leaves the fast node is compressed before anything is dropped. */
export async function openCaches(dram, compressed) {
  const memory = await openMemory({
    nodes: { dram: { kind: "dram", size: dram } },
    ...(compressed && { zswap: { size: compressed } }),
  });
  const pages = memory.cache({ name: "pages", ttl: 10_000, fetchMethod: async (id) => origin.page(id) });
  const users = memory.cache({ name: "users", ttl: 60_000, fetchMethod: async (id) => origin.user(Number(id)) });
  return { memory, pages, users };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { pages, users } = await openCaches("64MiB", "32MiB");
  const server = createService(pages, users).listen(Number(process.argv[2] ?? 3000), () => {
    console.log(`http://localhost:${server.address().port}/page/1`);
  });
}
