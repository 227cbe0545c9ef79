/**
 * `node bench/http.mjs [--seconds N] [--rounds N]`: examples/http.mjs under load: 60,000 pages of 4 KiB and 100,000 objects by
 * Zipf's law (0.9), times to live of 10 and 60 s, autocannon on the loopback. The same service with lru-cache first; lieu, with and
 * without compressed pages, is then tried with more memory or less until its process is as large. Requests a second, and what the origin had to make.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { zipf } from "./peers/keys.mjs";
import { median } from "./peers/run.mjs";
import { markdown } from "./peers/table.mjs";

const { values: options } = parseArgs({
  options: { seconds: { type: "string", default: "8" }, rounds: { type: "string", default: "3" } },
});
const MIB = 2 ** 20;
const PAGES = 60_000;
const USERS = 100_000;
const pages = zipf(PAGES, 500_000, 0.9);
const users = zipf(USERS, 500_000, 0.9);
let at = 0;
const nextPath = () => {
  at = (at + 1) % 500_000;
  return at % 2 === 0 ? `/page/${pages[at]}` : `/user/${users[at]}`;
};

/** What each is given at first. Of compressed pages there are three quarters as many as of others. */
const SIDES = {
  "lru-cache": { cache: "lru-cache", max: 96 * MIB },
  lieu: { cache: "lieu", dram: 56 * MIB },
  "lieu, compressed pages": { cache: "lieu", dram: 32 * MIB, compressed: 24 * MIB },
};
/** Runs until a process is as large as lru-cache's, within a fiftieth. */
const TRIES = 4;
const NEAR = 0.02;

/** Give a side more or less memory until its RSS is `rss` MiB. */
async function adjust(side, rss) {
  for (let i = 0; i < TRIES; i++) {
    const missing = rss - (await run(side)).rss;
    if (Math.abs(missing) <= NEAR * rss) return;
    const given = SIDES[side];
    const all = given.dram + (given.compressed ?? 0);
    const factor = Math.max(0.3, (all + missing * MIB) / all);
    for (const part of ["dram", "compressed"])
      if (given[part] !== undefined) given[part] = Math.round((given[part] * factor) / MIB) * MIB;
  }
}

async function run(side) {
  const file = fileURLToPath(new URL("./http-server.mjs", import.meta.url));
  const child = fork(file, [JSON.stringify(SIDES[side])]);
  const heard = () => new Promise((resolve) => child.once("message", resolve));
  const { port } = await heard();
  const load = async (duration) =>
    await autocannon({
      url: `http://127.0.0.1:${port}`,
      ...{ connections: 16, pipelining: 4, duration },
      requests: [{ setupRequest: (request) => ({ ...request, path: nextPath() }) }],
    });
  const ask = async () => {
    child.send("how");
    return await heard();
  };
  await load(Number(options.seconds) / 2);
  const before = await ask();
  const { requests, latency, non2xx, errors } = await load(Number(options.seconds));
  const after = await ask();
  child.kill();
  if (non2xx + errors > 0) throw new Error(`${side}: ${non2xx + errors} requests failed`);
  return {
    rate: requests.average,
    cpu: ((after.cpu - before.cpu) * 1e6) / requests.total,
    p99: latency.p99,
    rss: after.rss / MIB,
    loads: (after.loads - before.loads) / requests.total,
  };
}

const results = Object.fromEntries(Object.keys(SIDES).map((side) => [side, []]));
const first = await run("lru-cache");
for (const side of Object.keys(SIDES)) if (side !== "lru-cache") await adjust(side, first.rss);
for (let round = 0; round < Number(options.rounds); round++)
  for (const side of Object.keys(SIDES)) results[side].push(await run(side));
const lines = Object.entries(results).map(([side, list]) => {
  const of = (name) => median(list.map((result) => result[name]));
  const loads = `${(of("loads") * 100).toFixed(1)} %`;
  return [
    side,
    of("rate").toFixed(0),
    `${of("cpu").toFixed(1)} us`,
    `${of("p99")} ms`,
    `${of("rss").toFixed(0)} MiB`,
    loads,
  ];
});
const head = ["60 k pages of 4 KiB, 100 k objects", "requests/s", "CPU a request", "p99", "RSS", "from the origin"];
process.stdout.write(`${markdown(head, lines)}\n`);
