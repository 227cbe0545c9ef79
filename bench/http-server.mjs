/** A service of `http.mjs`, in a process of its own: `node http-server.mjs '{"cache":"lieu","dram":...}'`. Says its port to its parent. */
import { createService, openCaches, origin } from "../examples/http.mjs";

const { cache, dram, compressed, max } = JSON.parse(process.argv[2]);

async function open() {
  if (cache === "lieu") return await openCaches(dram, compressed);
  const { LRUCache } = await import("lru-cache");
  // As many bytes of values as it is given, 10 users for a page.
  const sized = (share, sizeCalculation, options) =>
    new LRUCache({ maxSize: Math.floor(max * share), sizeCalculation, ...options });
  return {
    pages: sized(0.9, (page) => page.length, { ttl: 10_000, fetchMethod: async (id) => origin.page(id) }),
    users: sized(0.1, () => 300, { ttl: 60_000, fetchMethod: async (id) => origin.user(Number(id)) }),
  };
}

const { pages, users } = await open();
const server = createService(pages, users).listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ loads: origin.loads, rss: process.memoryUsage().rss, cpu: (user + system) / 1e6 });
});
