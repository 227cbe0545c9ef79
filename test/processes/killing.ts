/**
 * Threads and processes that work on one memory as fast as they can, and are killed at random moments: at any instruction, holding the lock or
 * not. What the others read must be right, they must not be kept waiting, and the memory must be whole after it.
 *
 * A page of the region is its owner's to write: all of its words are the page's number and how often it was written. So whoever
 * reads it knows whether it is that page, whole, and not an older one. Of a page whose owner died, some words may be of the write that he was at.
 */
import type { Source } from "../property/source.ts";
import { freshPath, Peer, type ProcessPeer, smallMemory, type ThreadPeer } from "./helpers.ts";

const JOIN = `
  state.memory = await lieu.openMemory(data.options);
  state.cache = state.memory.cache({ name: "c", codec: "bytes", maxSize: "1536KiB", heap: { entries: 32 } });
  // What each writes to keys of his own: nobody else does, so it is what he wrote last, or not there.
  state.own = state.memory.cache({ name: "own", codec: "bytes", maxSize: "512KiB", heap: { entries: 32 } });
  for (let k = 0; k < 40; k++) state.own.delete(data.client + ":" + k);
  state.last = new Map();
  state.region = state.memory.map("5MiB", { name: "pages" });
  state.big = state.memory.map("1MiB", { name: "folios", folio: "64KiB" });
  state.pages = state.region.size / 4096;
  // What there is of one's own pages: of one who had them before and was killed, whole again.
  state.pins = [];
  state.writes = new Map();
  for (let page = data.client; page < state.pages; page += data.clients) {
    const words = new Uint32Array(state.region.read(page * 4096, 4096).buffer);
    const writes = words.reduce((most, word) => Math.max(most, word & 0x1fffff), 0);
    state.region.write(page * 4096, new Uint8Array(new Uint32Array(1024).fill((page << 21) | writes).buffer));
    state.writes.set(page, writes);
  }`;

/** What of a page can be said: how often it was written, by its words; what is wrong with it. */
const LOOK = `
  const look = (page, bytes) => {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 1024);
    let least = 0x1fffff, most = 0;
    for (const word of words) {
      if (word >>> 21 !== page && word !== 0) return { wrong: "page " + page + " has a word of page " + (word >>> 21) };
      least = Math.min(least, word & 0x1fffff);
      most = Math.max(most, word & 0x1fffff);
    }
    return most - least > 1 ? { wrong: "page " + page + " has words of writes " + least + " to " + most } : { least, most };
  };`;

const WORK = `${LOOK}
  const { memory, cache, own: owned, last, region, big, pages, pins, writes } = state;
  let x = data.seed | 0;
  const random = (n) => ((x = (Math.imul(x, 1664525) + 1013904223) | 0), (x >>> 8) % n);
  const torn = new Set();
  let ops = 0, longest = 0, wrong;
  const own = pages % data.clients > data.client ? Math.floor(pages / data.clients) + 1 : Math.floor(pages / data.clients);
  const end = performance.now() + data.ms;
  for (let now = performance.now(); now < end && wrong === undefined; ops++) {
      const what = random(102);
      const key = random(120);
      if (what < 50 && random(3) === 0) {
        const k = random(40), name = data.client + ":" + k;
        if (what < 25) {
          last.set(k, (last.get(k) ?? 0) + 1);
          owned.set(name, new Uint8Array(new Uint32Array(2 + random(random(8) === 0 ? 2000 : 300)).fill(last.get(k)).buffer));
        } else {
          const got = owned.get(name);
          const words = got && new Uint32Array(got.buffer.slice(got.byteOffset, got.byteOffset + got.length));
          if (words?.some((word) => word !== last.get(k))) wrong = "own value of " + name + " after " + last.get(k) + " has " + words[0];
        }
      } else if (what < 25) {
        const value = new Uint32Array(2 + random(random(8) === 0 ? 4000 : 300)).fill((key << 20) | random(0xfffff));
        cache.set("k" + key, new Uint8Array(value.buffer));
      } else if (what < 50) {
        const got = cache.get("k" + key);
        if (got !== undefined) {
          const words = new Uint32Array(got.buffer.slice(got.byteOffset, got.byteOffset + got.length));
          if (words[0] >>> 20 !== key || words.some((word) => word !== words[0])) wrong = "value of k" + key;
        }
      } else if (what < 55) cache.delete("k" + key);
      else if (what < 75) {
        const page = random(own) * data.clients + data.client;
        const n = writes.get(page) + 1;
        region.write(page * 4096, new Uint8Array(new Uint32Array(1024).fill((page << 21) | n).buffer));
        writes.set(page, n);
      } else if (what < 93) {
        const page = random(pages);
        const found = look(page, region.read(page * 4096, 4096));
        wrong = found.wrong;
        if (found.least !== found.most) torn.add(page % data.clients);
        if (page % data.clients === data.client && found.least !== writes.get(page)) wrong = "own page " + page + " after " + writes.get(page) + " has " + found.least;
      } else if (what >= 100) {
        // Held over other operations, and by some when they die. Two pages of one extent.
        pins.push(region.pin((random(pages - 3) & ~1) * 4096, 8192));
        if (pins.length > 6) pins.shift().release();
      } else if (what < 96) region.advise(["cold", "pageout", "willneed"][random(3)], random(pages) * 4096, 4096);
      else if (what < 98) big.writeInt32(random(big.size / 4) * 4, random(1000));
      else if (what < 99) big.advise("pageout", random(16) * 65536, 65536);
      else memory.reclaim("64KiB", { mode: random(2) === 0 ? "demote" : "any" });
      const then = performance.now();
      longest = Math.max(longest, then - now);
      now = then;
  }
  return { ops, longest, wrong, torn: [...torn] };`;

/** All pages, as they are when nobody writes. */
const SWEEP = `${LOOK}
  const { memory, region, pages } = state;
  const found = { least: new Int32Array(pages), torn: [], wrong: undefined };
  for (let page = 0; page < pages; page++) {
    const { least, most, wrong } = look(page, region.read(page * 4096, 4096));
    found.wrong ??= wrong;
    found.least[page] = least;
    if (least !== most) found.torn.push(page % data.clients);
  }
  memory.check();
  found.takeovers = memory.vmstat().takeover;
  found.kept = state.own.size;
  return found;`;

interface Worked {
  readonly ops: number;
  /** Milliseconds. */
  readonly longest: number;
  readonly wrong: string | undefined;
  readonly torn: readonly number[];
}

interface Swept {
  readonly least: Int32Array;
  readonly torn: readonly number[];
  readonly wrong?: string;
  readonly takeovers: number;
  readonly kept: number;
}

/** What came of it. */
export interface KillResult {
  readonly kills: number;
  /** Times that somebody took over from one who had died in the middle of something. */
  readonly takeovers: number;
  readonly ops: number;
  /** Entries of caches that were there after a kill, in the mean. */
  readonly kept: number;
  /** The longest that an operation of one who was not killed took, ms. */
  readonly longest: number;
  readonly wrong: string | undefined;
}

/** Whom to kill, and what they have together. */
interface Kills {
  readonly threads: number;
  readonly processes: number;
  readonly shards: number;
  readonly kswapd: "inline" | "thread";
}

/** The next thread and the next process, begun before they are needed: so nobody waits for them to start. */
class Spares {
  #thread = Peer.startThread();
  #process = Peer.start();

  async take(thread: boolean): Promise<ThreadPeer | ProcessPeer> {
    if (!thread) {
      const ready = await this.#process;
      this.#process = Peer.start();
      return ready;
    }
    const ready = await this.#thread;
    this.#thread = Peer.startThread();
    return ready;
  }
  async kill(): Promise<void> {
    await Promise.all([this.#thread, this.#process].map(async (peer) => (await peer).kill()));
  }
}

/** Kill `kills` of some threads and processes, one at a time and sometimes two. */
export async function runKills(given: Kills, kills: number, random: Source): Promise<KillResult> {
  const { threads, processes, shards, kswapd } = given;
  const clients = threads + processes;
  const swap = [{ kind: "file", path: freshPath(), size: "16MiB" }] as const;
  const options = smallMemory(freshPath(), { swap, zswap: { size: "256KiB" }, shards, kswapd });
  const spares = new Spares();
  const start = (client: number): Promise<ThreadPeer | ProcessPeer> => spares.take(client < threads);
  const all: (ThreadPeer | ProcessPeer)[] = [];
  for (let client = 0; client < clients; client++) all.push(await start(client));
  const join = (client: number): Promise<unknown> => (all[client] as Peer).run(JOIN, { options, client, clients });
  const result = { kills: 0, takeovers: 0, ops: 0, kept: 0, longest: 0, wrong: undefined as string | undefined };
  let rounds = 0;
  let before: Int32Array | undefined;
  try {
    for (const [client] of all.entries()) await join(client);
    while (result.kills < kills && result.wrong === undefined) {
      const ms = 40 + random.below(40);
      const victims = new Set([random.below(clients), ...(random.below(8) === 0 ? [random.below(clients)] : [])]);
      const seed = random.below(2 ** 30);
      const working = all.map((peer, client) =>
        peer.run<Worked>(WORK, { client, clients, ms, seed: seed + client }).catch((error: unknown) => {
          if (victims.has(client)) return undefined;
          throw error;
        }),
      );
      await Promise.all(
        [...victims].map(async (client) => {
          await new Promise((resolve) => setTimeout(resolve, random.below(ms)));
          await all[client]?.kill();
        }),
      );
      const worked = await Promise.all(working);
      result.kills += victims.size;
      const survivors = all.flatMap((_, client) => (victims.has(client) ? [] : [client]));
      const reports = survivors.map((client) => worked[client] as Worked);
      for (const { ops, longest, wrong, torn } of reports) {
        result.ops += ops;
        result.longest = Math.max(result.longest, longest);
        result.wrong ??= wrong;
        const odd = torn.find((owner) => !victims.has(owner));
        if (odd !== undefined) result.wrong ??= `a page of client ${odd}, who lives, was seen half written`;
      }
      const [first] = survivors.map((client) => all[client] as Peer);
      const found = await (first as Peer).run<Swept>(SWEEP, { clients });
      for (const client of victims) all[client] = await start(client);
      result.takeovers = found.takeovers;
      result.kept += (found.kept - result.kept) / ++rounds;
      result.wrong ??= found.wrong;
      const odd = found.torn.find((owner) => !victims.has(owner));
      if (odd !== undefined) result.wrong ??= `a page of client ${odd}, who lives, is half written`;
      const known = before;
      const back = known === undefined ? -1 : found.least.findIndex((writes, page) => writes < (known[page] as number));
      if (back >= 0) result.wrong ??= `page ${back} is as it was before`;
      before = found.least;
      for (const client of victims) await join(client);
    }
    return result;
  } finally {
    await Promise.all([spares, ...all].map((peer) => peer.kill()));
  }
}
