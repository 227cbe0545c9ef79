/**
 * Clients in threads and processes that hammer few hot keys of one cache, and what they did: for the checker of test/support/linearizable.ts. The
 * memory is much too small for what they set beside, so that entries sink, rise, are swapped and lost all the time.
 */
import { LinearizabilityChecker, type Operations } from "../support/linearizable.ts";
import { freshPath, Peer, smallMemory } from "./helpers.ts";

const HOT_KEYS = 6;
/** Numbers of values that one client may set. */
const NUMBERS = 2 ** 24;

const JOIN = `
  state.memory = await lieu.openMemory(data.options);
  state.cache = state.memory.cache({ name: "hot", codec: "bytes", maxSize: "3MiB", heap: data.heap });
  state.region = state.memory.map("5MiB", { name: "pressure" });`;

/**
 * One round of one client. A value is its number, over and over; how long it is follows from the number: half of them are of one length, so that they are
 * written over one another in place.
 */
const ROUND = `
  const { cache, region } = state;
  const { ops, hotKeys } = data;
  let x = data.seed | 0;
  const random = (n) => ((x = (Math.imul(x, 1664525) + 1013904223) | 0), (x >>> 8) % n);
  const now = () => Number(process.hrtime.bigint());
  const sizeOf = (n) => (n & 1) !== 0 ? 1600 : 8 + 4 * (Math.imul(n, 0x9e3779b1) >>> ((n & 15) === 0 ? 19 : 24));
  const bytesOf = (n) => new Uint8Array(new Uint32Array(sizeOf(n) >>> 2).fill(n).buffer);
  const numberOf = (bytes) => {
    if (bytes.length < 8 || bytes.length % 4 !== 0) return -1;
    const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    for (const word of words) if (word !== words[0]) return -1;
    return bytes.length === sizeOf(words[0]) ? words[0] : -1;
  };
  const kinds = new Uint8Array(ops), keys = new Uint8Array(ops), values = new Int32Array(ops);
  const begun = new Float64Array(ops), ended = new Float64Array(ops);
  const noise = crypto.getRandomValues(new Uint8Array(16384));
  const pages = region.size / 4096;
  let number = data.number;
  for (let i = 0; i < ops; i++) {
    if (random(16) === 0) cache.set("cold" + random(400), noise.subarray(random(1000), 5000 + random(8000)));
    if (random(16) === 0) region.write(random(pages) * 4096, noise.subarray(random(8000)).subarray(0, 4096));
    const key = random(hotKeys);
    const what = random(100);
    const kind = what < 25 ? 0 : what < 85 ? 1 : what < 92 ? 2 : 3;
    const value = kind === 0 ? bytesOf(number) : undefined;
    let got;
    const name = "k" + key;
    begun[i] = now();
    if (kind === 0) cache.set(name, value);
    else if (kind === 1) got = cache.get(name);
    else if (kind === 2) got = cache.has(name);
    else got = cache.delete(name);
    ended[i] = now();
    kinds[i] = kind;
    keys[i] = key;
    values[i] = kind === 0 ? number++ : kind === 1 ? (got === undefined ? 0 : numberOf(got)) : got ? 1 : 0;
  }
  return { length: ops, kinds, keys, values, begun, ended, number };`;

/** What was seen. */
export interface HistoryResult {
  readonly operations: number;
  /** What is wrong; undefined: nothing. */
  readonly wrong: string | undefined;
  /** Gets that found something. */
  readonly hits: number;
  readonly vmstat: { readonly pswpout: number; readonly pgdemote_kswapd: number; readonly pgdemote_direct: number };
}

/** Have `threads` and `processes` do `ops` operations in all, in rounds, and check them. */
export async function runHistories(
  threads: number,
  processes: number,
  ops: number,
  seed: number,
  roundOps = 20_000,
): Promise<HistoryResult> {
  const swap = [{ kind: "file", path: freshPath(), size: "16MiB" }] as const;
  const options = smallMemory(freshPath(), { swap, zswap: { size: "256KiB" } });
  const clients = await Promise.all([
    ...Array.from({ length: threads }, () => Peer.startThread()),
    ...Array.from({ length: processes }, () => Peer.start()),
  ]);
  try {
    // Every other one holds nothing on its heap, and gets all from the nodes.
    await Promise.all(
      clients.map((client, i) => client.run(JOIN, { options, heap: i % 2 === 0 ? 0 : { entries: 32 } })),
    );
    const numbers = clients.map((_, client) => 1 + client * NUMBERS);
    const checker = new LinearizabilityChecker(clients.length);
    let hits = 0;
    let wrong: string | undefined;
    for (let round = 0; wrong === undefined && checker.operations < ops; round++) {
      const each = Math.min(roundOps, Math.ceil((ops - checker.operations) / clients.length));
      const history = await Promise.all(
        clients.map((peer, client) =>
          peer.run<Operations & { number: number }>(ROUND, {
            ops: each,
            hotKeys: HOT_KEYS,
            seed: Math.imul(seed + round, 7919) + client,
            number: numbers[client],
          }),
        ),
      );
      history.forEach(({ kinds, values, number }, client) => {
        numbers[client] = number;
        for (let i = 0; i < each; i++) if (kinds[i] === 1 && values[i] !== 0) hits++;
      });
      wrong = checker.check(history);
      await clients[0]?.run("state.memory.check()");
    }
    const vmstat = (await clients[0]?.run("return state.memory.vmstat()")) as HistoryResult["vmstat"];
    await Promise.all(clients.map((client) => client.run("await state.memory.close()")));
    return { operations: checker.operations, wrong, hits, vmstat };
  } finally {
    await Promise.all(clients.map((client) => client.kill()));
  }
}
