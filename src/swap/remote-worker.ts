/**
 * What runs in the worker of a remote device. It is started from its text (remote-source.ts), so that bundlers have no file to find: it
 * refers to nothing but what it is given.
 *
 * 32 neighbouring slots are one hash, `prefix:id:number`, so that a batch is two commands, its pages lie on one node of a cluster, and
 * their time to live is set at once. A field is a slot's number and its generation, another for every write: a write that was
 * given up but reaches the server after all, when the slot has been written again, writes what nobody will read.
 *
 * While requests come, the worker waits for the next one without going through its event loop, a few milliseconds at a time: a loop that
 * sleeps is what takes longest to wake. When none has come for a while, it sleeps.
 */
import type { Arguments, ConnectionData, remoteConnection, Send } from "./remote-connection.ts";
import type { RemoteLanes } from "./remote-lanes.ts";

/** What the worker is given. */
export interface RemoteWorkerData extends ConnectionData {
  readonly lanes: RemoteLanes;
  /** The constants of remote-lanes.ts. */
  readonly layout: Readonly<Record<string, number>>;
  readonly slots: number;
  /** What all keys begin with, with what is this device's alone. */
  readonly prefix: string;
  /** Milliseconds. */
  readonly ttl: number;
  /** What no message may have in it. */
  readonly secrets: readonly string[];
}

/** A question for one page that nobody waits for, and its answer. */
export interface PageAsked {
  readonly id: number;
  readonly slot: number;
}
export interface PageGiven {
  readonly id: number;
  readonly page: Uint8Array | undefined;
  /** The slot's generation that it is of. */
  readonly generation: number;
}

interface Port {
  on(event: "message", listener: (asked: PageAsked) => void): void;
  postMessage(given: PageGiven, transfer?: ArrayBuffer[]): void;
}
export function remoteWorker(
  given: RemoteWorkerData,
  port: Port,
  load: (name: string) => unknown,
  connect: typeof remoteConnection,
): void {
  const { slots, prefix, ttl, timeout } = given;
  const { words, bytes, freed, freedWords, generations } = given.lanes;
  const at = (name: string): number => given.layout[name] as number;
  const [BELL, STATE, FREED, HEAD, LANE, LANE_BYTES] = [
    at("BELL"),
    at("STATE"),
    at("FREED"),
    at("HEAD"),
    at("LANE"),
    at("LANE_BYTES"),
  ];
  const [WORD, OP, SLOT, NR, RESULT, LENGTH] = [at("WORD"), at("OP"), at("SLOT"), at("NR"), at("RESULT"), at("LENGTH")];
  const [UP, DOWN, CLOSED, NR_LANES, BATCH, MESSAGE] = [
    at("UP"),
    at("DOWN"),
    at("CLOSED"),
    at("NR_LANES"),
    at("BATCH"),
    at("MESSAGE"),
  ];
  const PAGE = 4096;
  /** A slot's generation; this bit: the server has it. */
  const THERE = 0x8000;
  const SLICE_MS = 4;
  const SLICES = 50;

  const { waitAsync } = Atomics as unknown as {
    waitAsync(words: Int32Array, index: number, value: number): { async: boolean; value: Promise<unknown> };
  };

  const memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** The request of each lane that was last taken up. */
  const taken = new Int32Array(NR_LANES);
  let send: Send | undefined;
  let inFlight = 0;
  let quiet = 0;
  let asleep = false;
  let scheduled = false;
  let finishing = false;

  const keyOf = (group: number): string => `${prefix}:${group}`;
  const fieldOf = (slot: number): string => `${slot & 31}.${(generations[slot] as number) & ~THERE}`;
  /** Write what went wrong to a lane, or to the head; 0 for nothing. */
  const tell = (result: number, length: number, text: number, error: unknown): void => {
    let message = error instanceof Error ? error.message || error.name : String(error);
    // A connection that fails on several addresses says nothing by itself.
    if (error instanceof AggregateError && error.errors.length > 0)
      message = String((error.errors[0] as Error).message);
    for (const secret of given.secrets) message = message.replaceAll(secret, "***");
    words[length] = memory.write(message, text, MESSAGE, "utf8");
    words[result] = message.startsWith("OOM")
      ? 2
      : /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid pass)/i.test(message)
        ? 3
        : 1;
  };

  const command = (key: string, readonly: boolean, args: Arguments): Promise<unknown> => {
    if (send === undefined) return Promise.reject(new Error("there is no connection"));
    return send(key, readonly, args);
  };

  const write = async (first: number, nr: number, from: number): Promise<void> => {
    const replies: Promise<unknown>[] = [];
    for (let slot = first; slot < first + nr; ) {
      const group = slot >>> 5;
      const key = keyOf(group);
      const set: Arguments = ["HSET", key];
      const old: Arguments = ["HDEL", key];
      let bits = 0;
      for (; slot < first + nr && slot >>> 5 === group; slot++) {
        const was = generations[slot] as number;
        if ((was & THERE) !== 0) old.push(fieldOf(slot));
        generations[slot] = ((was + 1) & ~THERE) | THERE;
        bits |= 1 << (slot & 31);
        const page = from + (slot - first) * PAGE;
        set.push(fieldOf(slot), memory.subarray(page, page + PAGE));
      }
      Atomics.and(freed, group, ~bits);
      if (old.length > 2) replies.push(command(key, false, old));
      replies.push(command(key, false, set), command(key, false, ["PEXPIRE", key, `${ttl}`]));
    }
    const outcomes = await Promise.allSettled(replies);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed === undefined) return;
    // Nobody will rely on these slots, nor free them.
    for (let slot = first; slot < first + nr; slot++) {
      Atomics.or(freed, slot >>> 5, 1 << (slot & 31));
      Atomics.or(freedWords, slot >>> 10, 1 << ((slot >>> 5) & 31));
    }
    Atomics.add(words, FREED, nr);
    throw failed.reason;
  };

  const read = async (slot: number): Promise<Buffer> => {
    const key = keyOf(slot >>> 5);
    const page = await command(key, true, ["HGET", key, fieldOf(slot)]);
    if (page === null) throw new Error("the server has not kept it: it was evicted, or has expired");
    if (!Buffer.isBuffer(page) || page.length !== PAGE) throw new Error("the server gave something else than a page");
    return page;
  };

  /** Take up what is in a lane. Returns whether there was anything. */
  const takeUp = (lane: number): boolean => {
    const w = HEAD + lane * LANE;
    const word = Atomics.load(words, w + WORD);
    if ((word & 1) === 0 || word === taken[lane]) return false;
    taken[lane] = word;
    const base = lane * LANE_BYTES;
    const slot = words[w + SLOT] as number;
    const work =
      words[w + OP] === at("OP_WRITE")
        ? write(slot, words[w + NR] as number, base)
        : read(slot).then((page) => void page.copy(memory, base + BATCH * PAGE));
    inFlight++;
    work
      .then(
        () => {
          words[w + RESULT] = 0;
        },
        (error: unknown) => tell(w + RESULT, w + LENGTH, base + (BATCH + 1) * PAGE, error),
      )
      .finally(() => {
        Atomics.compareExchange(words, w + WORD, word, (word + 1) | 0);
        Atomics.notify(words, w + WORD);
        if (--inFlight === 0) turn();
      });
    return true;
  };

  /** Delete what was freed; a key goes with its last field. */
  const sweep = (): void => {
    if (send === undefined || Atomics.load(words, FREED) === 0) return;
    Atomics.store(words, FREED, 0);
    for (let i = 0; i < freedWords.length; i++) {
      if (freedWords[i] === 0) continue;
      let groups = Atomics.exchange(freedWords, i, 0);
      for (; groups !== 0; groups &= groups - 1) {
        const group = (i << 5) + (31 - Math.clz32(groups & -groups));
        let bits = Atomics.exchange(freed, group, 0);
        const fields: string[] = [];
        for (; bits !== 0; bits &= bits - 1) {
          const slot = (group << 5) + (31 - Math.clz32(bits & -bits));
          if (((generations[slot] as number) & THERE) !== 0) fields.push(fieldOf(slot));
          generations[slot] = (generations[slot] as number) & ~THERE;
        }
        // What is not deleted goes with its key's time to live.
        if (fields.length > 0) command(keyOf(group), false, ["HDEL", keyOf(group), ...fields]).catch(() => undefined);
      }
    }
  };

  const thereIn = (group: number): boolean => {
    for (let slot = group << 5; slot < Math.min(slots, (group + 1) << 5); slot++) {
      if (((generations[slot] as number) & THERE) !== 0) return true;
    }
    return false;
  };
  const groups = Math.ceil(slots / 32);
  let next = 0;
  /** Every second a part, so that each key's time to live is set anew three times while it lasts. */
  const renew = (): void => {
    if (send === undefined) return;
    for (let n = Math.min(groups, Math.ceil((groups * 3000) / ttl)); n > 0; n--, next = (next + 1) % groups) {
      if (thereIn(next)) command(keyOf(next), false, ["PEXPIRE", keyOf(next), `${ttl}`]).catch(() => undefined);
    }
    sweep();
  };

  const finish = async (): Promise<void> => {
    finishing = true;
    const exit = (): void => (load("node:process") as { exit(code: number): void }).exit(0);
    setTimeout(exit, timeout);
    let batch: Promise<unknown>[] = [];
    for (let group = 0; group < groups && send !== undefined; group++) {
      if (thereIn(group)) batch.push(command(keyOf(group), false, ["UNLINK", keyOf(group)]).catch(() => undefined));
      if (batch.length < 128) continue;
      await Promise.all(batch);
      batch = [];
    }
    await Promise.all(batch);
    exit();
  };

  const later = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      turn();
    });
  };

  /** Take up all requests, and wait for the next. */
  function turn(): void {
    for (;;) {
      const bell = Atomics.load(words, BELL);
      const state = Atomics.load(words, STATE);
      if (state === CLOSED) {
        if (!finishing) finish();
        return;
      }
      // Somebody has waited in vain.
      if (state === DOWN && send !== undefined) lose(new Error(`no answer within ${timeout} ms`));
      let found = false;
      for (let lane = 0; lane < NR_LANES; lane++) if (takeUp(lane)) found = true;
      if (Atomics.load(words, FREED) >= 256) sweep();
      if (found) quiet = 0;
      if (inFlight > 0 || send === undefined || ++quiet > SLICES) {
        if (asleep) return;
        const wait = waitAsync(words, BELL, bell);
        if (!wait.async) continue;
        asleep = true;
        wait.value.then(() => {
          asleep = false;
          turn();
        });
        return;
      }
      // Not for a request, perhaps, but for a message, which only the event loop can take.
      if (Atomics.wait(words, BELL, bell, SLICE_MS) === "timed-out" || !requested()) {
        later();
        return;
      }
    }
  }
  function requested(): boolean {
    for (let lane = 0; lane < NR_LANES; lane++) {
      const word = Atomics.load(words, HEAD + lane * LANE + WORD);
      if ((word & 1) !== 0 && word !== taken[lane]) return true;
    }
    return false;
  }

  port.on("message", ({ id, slot }) => {
    const generation = generations[slot] as number;
    inFlight++;
    read(slot)
      .then(
        (page) => {
          const own = new Uint8Array(page);
          port.postMessage({ id, page: own, generation }, [own.buffer]);
        },
        () => port.postMessage({ id, page: undefined, generation }),
      )
      .finally(() => {
        if (--inFlight === 0) turn();
      });
  });
  const setState = (state: number): void => {
    if (Atomics.load(words, STATE) !== CLOSED) Atomics.store(words, STATE, state);
    Atomics.notify(words, STATE);
  };
  const lose = connect(given, load, {
    up(way) {
      send = way;
      setState(UP);
      turn();
    },
    down(why) {
      send = undefined;
      tell(at("LAST_RESULT"), at("LAST_LENGTH"), NR_LANES * LANE_BYTES, why);
      setState(DOWN);
    },
    isOver: () => finishing,
  });
  setInterval(renew, 1000);
  turn();
}
