/**
 * Swap on a server: Valkey, Redis or what speaks their protocol, one or a cluster. The connection is a worker's, which uses the
 * package `redis` (remote-worker.ts); a thread that needs a page asks it through shared memory (remote-lanes.ts) and waits, as it would
 * for a page fault. No operation waits for longer than `timeout`, however many pages it needs: what a cache does for a key, or a fault, which may
 * write batches before it reads (begin()). Where there is no connection, it fails at once.
 */
import { randomBytes } from "node:crypto";
import Module from "node:module";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { LieuError, type LieuErrorCode } from "../errors.ts";
import { checkAddress, checkPage, checkSlots, slotRange, slotsOfSize } from "./check.ts";
import { PAGE_SIZE, type RemoteDescriptor, type SwapDevice } from "./device.ts";
import * as layout from "./remote-lanes.ts";
import { remoteWorkerSource } from "./remote-source.ts";
import { checkUrl } from "./remote-url.ts";
import type { PageGiven, RemoteWorkerData } from "./remote-worker.ts";

const { BATCH, CLOSED, CONNECTING, DOWN, HEAD, LANE, LANE_BYTES, MESSAGE, NR_LANES, REMOTE_CODES, STATE, UP } = layout;

/** The longest that opening waits for the worker to start and to connect. */
const OPEN_MS = 5000;
/** Where answers usually come within so many milliseconds they are looked for as long: a thread that sleeps takes about that to be woken. */
const POLL_MS = 0.25;
/** Looks between two at the clock. */
const LOOKS = 64;
/** How many threads may do that at a time: the worker must have a processor, too. */
const MAX_POLLING = availableParallelism() - 1;
/** How long after its time is up a request still has its lane: it ends by itself, unless its thread was terminated. */
const GRACE_MS = 1000;
/** Between two looks for a lane whose thread was. */
const LOOK_MS = 100;
/** Pages that were asked for ahead, at most. */
const AHEAD = 64;

export interface RemoteDeviceOptions {
  /** `redis://user:password@host:port/db`, or `rediss:` for TLS; of a cluster one or more of its nodes. */
  readonly url: string | readonly string[];
  /** Bytes of swap: a positive multiple of 4096. */
  readonly size: number;
  /** What all keys begin with. Default: "lieu". */
  readonly prefix?: string | undefined;
  /** Milliseconds after which the server may forget a page that nobody renews, since this process has died. Default: a day. */
  readonly ttl?: number | undefined;
  /** Milliseconds that an operation may wait. Default: 600. */
  readonly timeout?: number | undefined;
  /** Certificates that are trusted, PEM, in place of the system's. */
  readonly ca?: string | undefined;
  /** Go on if the server cannot be reached now, as if it had been lost. Default: false. */
  readonly fallback?: boolean | undefined;
}

/** The parts of a device that any thread has. */
export class RemoteSlots implements SwapDevice {
  readonly kind = "remote";
  readonly keepsBytes = true;
  readonly slots: number;
  protected readonly lanes: layout.RemoteLanes;
  protected readonly label: string;
  protected readonly timeout: number;
  protected closed = false;
  /** Milliseconds that the operation under way may still wait; undefined: each request is one of its own. */
  #left: number | undefined;
  /** Milliseconds that reads have taken lately, about. */
  #usual = 0;

  constructor({ slots, lanes, label, timeout }: RemoteDescriptor) {
    this.slots = slots;
    this.lanes = lanes;
    this.label = label;
    this.timeout = timeout;
  }

  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void {
    this.#ensureOpen();
    checkSlots(slot, nr, this.slots);
    const until = this.#until();
    for (let done = 0; done < nr; done += BATCH) {
      const n = Math.min(BATCH, nr - done);
      this.#request(layout.OP_WRITE, slot + done, n, until, (lane) => {
        for (let i = 0; i < n; i++) {
          this.lanes.bytes.set(checkPage(memory, addrs[done + i]), lane * LANE_BYTES + i * PAGE_SIZE);
        }
      });
    }
  }

  read(slot: number, memory: Uint8Array, addr: number): void {
    this.#ensureOpen();
    checkSlots(slot, 1, this.slots);
    checkAddress(memory, addr);
    this.#request(layout.OP_READ, slot, 1, this.#until(), undefined, (lane) => {
      const at = lane * LANE_BYTES + BATCH * PAGE_SIZE;
      memory.set(this.lanes.bytes.subarray(at, at + PAGE_SIZE), addr);
    });
  }

  begin(): void {
    this.#left = this.timeout;
  }
  /** When what is asked for now has failed. */
  #until(): number {
    return performance.now() + (this.#left ?? this.timeout);
  }

  free(slot: number): void {
    if (!this.closed && slot >= 0 && slot < this.slots) layout.noteFreed(this.lanes, slot);
  }

  descriptor(): RemoteDescriptor {
    this.#ensureOpen();
    const { slots, lanes, label, timeout } = this;
    return { kind: "remote", slots, lanes, label, timeout };
  }

  close(): void {
    this.closed = true;
  }

  #ensureOpen(): void {
    if (!this.closed && Atomics.load(this.lanes.words, STATE) !== CLOSED) return;
    throw new LieuError("ECLOSED", `remote swap ${this.label} is closed`);
  }

  /** Have the worker do something, and wait until it is done. `fill` puts what is to be written into the lane, `take` gets what was read. */
  #request(
    op: number,
    slot: number,
    nr: number,
    until: number,
    fill?: (lane: number) => void,
    take?: (lane: number) => void,
  ): void {
    const { words } = this.lanes;
    const what = `${slotRange(slot, nr)} of remote swap ${this.label}`;
    if (Atomics.load(words, STATE) !== UP) throw this.unreachable(what);
    const begun = performance.now();
    const { lane, taken } = this.#takeLane(until, what);
    const w = HEAD + lane * LANE;
    try {
      fill?.(lane);
      words[w + layout.OP] = op;
      words[w + layout.SLOT] = slot;
      words[w + layout.NR] = nr;
      const word = ((words[w + layout.WORD] as number) + 1) | 0;
      Atomics.store(words, w + layout.WORD, word);
      layout.ring(words);
      if (op === layout.OP_READ) this.#poll(w, word);
      while (Atomics.load(words, w + layout.WORD) === word) {
        const left = until - performance.now();
        if (left > 0) Atomics.wait(words, w + layout.WORD, word, left);
        else if (Atomics.compareExchange(words, w + layout.WORD, word, (word + 1) | 0) === word) {
          // Others need not wait in vain, too: the worker will connect anew. Unless this had little time left, and the server was only slow.
          if (until - begun > this.timeout / 2) {
            Atomics.compareExchange(words, STATE, UP, DOWN);
            layout.ring(words);
          }
          throw new LieuError("EIO", `${what}: no answer within ${this.timeout} ms`);
        }
      }
      const result = words[w + layout.RESULT] as number;
      if (result !== 0) throw this.error(result, `${what}: ${this.#text(w + layout.LENGTH, lane)}`);
      take?.(lane);
    } finally {
      const took = performance.now() - begun;
      if (op === layout.OP_READ) this.#usual += (took - this.#usual) / 8;
      if (this.#left !== undefined) this.#left = Math.max(0, this.#left - took);
      // It is another's if this thread was not let go on for that long.
      Atomics.compareExchange(words, w + layout.TAKEN, taken, 0);
      Atomics.add(words, layout.LANE_FREED, 1);
      Atomics.notify(words, layout.LANE_FREED, 1);
    }
  }

  /** Look for the answer to request `word` of the lane at `w` for a while, if it is likely to come. */
  #poll(w: number, word: number): void {
    const { words } = this.lanes;
    if (this.#usual > POLL_MS) return;
    Atomics.store(words, w + layout.POLLS, 1);
    if (layout.nrPolling(words) <= MAX_POLLING) {
      const until = performance.now() + POLL_MS;
      for (let left = LOOKS; Atomics.load(words, w + layout.WORD) === word; left--) {
        if (left > 0) continue;
        if (performance.now() > until) break;
        left = LOOKS;
      }
    }
    Atomics.store(words, w + layout.POLLS, 0);
  }
  #takeLane(until: number, what: string): { lane: number; taken: number } {
    const { words } = this.lanes;
    for (;;) {
      const freed = Atomics.load(words, layout.LANE_FREED);
      const left = until - performance.now();
      const now = layout.laneClock();
      const taken = layout.laneClock(Math.max(0, left) + GRACE_MS);
      for (let lane = 0; lane < NR_LANES; lane++) {
        const w = HEAD + lane * LANE;
        const seen = Atomics.load(words, w + layout.TAKEN);
        if (!layout.isFree(seen, now)) continue;
        if (Atomics.compareExchange(words, w + layout.TAKEN, seen, taken) !== seen) continue;
        Atomics.store(words, w + layout.POLLS, 0);
        return { lane, taken };
      }
      if (left <= 0) throw new LieuError("EIO", `${what}: no answer within ${this.timeout} ms`);
      // None is given back by the dead.
      Atomics.wait(words, layout.LANE_FREED, freed, Math.min(left, LOOK_MS));
    }
  }

  #text(length: number, lane: number): string {
    const from = lane < NR_LANES ? lane * LANE_BYTES + (BATCH + 1) * PAGE_SIZE : NR_LANES * LANE_BYTES;
    const bytes = Math.min(this.lanes.words[length] as number, MESSAGE);
    return Buffer.from(this.lanes.bytes.slice(from, from + bytes)).toString();
  }

  /** `result`: a RESULT of the worker's. */
  protected error(result: number, message: string): LieuError {
    return new LieuError((REMOTE_CODES[result - 1] ?? "EIO") as LieuErrorCode, message);
  }
  /** There is no connection, and why. */
  protected unreachable(what: string): LieuError {
    const why = this.#text(layout.LAST_LENGTH, NR_LANES);
    return this.error(this.lanes.words[layout.LAST_RESULT] || 1, `${what}: not connected: ${why || "not yet"}`);
  }
}

/** What the thread that opened the device has. */
class RemoteDevice extends RemoteSlots {
  readonly #worker: Worker;
  /** Who waits for pages that were asked for ahead, by number; and those that have come, by slot. */
  readonly #asked = new Map<number, (given: PageGiven) => void>();
  readonly #ahead = new Map<number, PageGiven>();
  #nextId = 0;

  constructor(descriptor: RemoteDescriptor, data: RemoteWorkerData) {
    super(descriptor);
    this.#worker = new Worker(remoteWorkerSource(), { eval: true, workerData: data, execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (given: PageGiven) => this.#asked.get(given.id)?.(given));
    this.#worker.on("error", (error) => this.#lost(String(error.message)));
    this.#worker.on("exit", () => this.#lost("its worker has ended"));
  }

  override read(slot: number, memory: Uint8Array, addr: number): void {
    const ahead = this.#ahead.get(slot);
    if (ahead?.page !== undefined && !this.closed) {
      this.#ahead.delete(slot);
      checkAddress(memory, addr);
      if (ahead.generation === this.lanes.generations[slot]) {
        memory.set(ahead.page, addr);
        return;
      }
    }
    super.read(slot, memory, addr);
  }

  readAhead(slot: number): Promise<void> {
    const { words, generations } = this.lanes;
    if (this.closed || Atomics.load(words, STATE) !== UP) return Promise.resolve();
    if (this.#ahead.get(slot)?.generation === generations[slot]) return Promise.resolve();
    return new Promise((done) => {
      const id = this.#nextId++;
      const finish = (given?: PageGiven): void => {
        clearTimeout(timer);
        this.#asked.delete(id);
        if (this.#asked.size === 0 && !this.closed) this.#worker.unref();
        if (given?.page !== undefined && !this.closed) {
          this.#ahead.delete(slot);
          this.#ahead.set(slot, given);
          for (const oldest of this.#ahead.keys()) if (this.#ahead.size > AHEAD) this.#ahead.delete(oldest);
        }
        done();
      };
      const timer = setTimeout(finish, this.timeout);
      this.#asked.set(id, finish);
      this.#worker.ref();
      this.#worker.postMessage({ id, slot });
      layout.ring(words);
    });
  }

  /** Wait until there is a connection. @throws {@link LieuError} EIO, EACCES */
  connect(): void {
    const { words } = this.lanes;
    const until = performance.now() + OPEN_MS;
    while (Atomics.load(words, STATE) === CONNECTING) {
      if (Atomics.wait(words, STATE, CONNECTING, Math.max(0, until - performance.now())) === "timed-out") break;
    }
    if (Atomics.load(words, STATE) !== UP) throw this.unreachable(`remote swap ${this.label}`);
  }

  override close(): void {
    if (this.closed) return;
    this.closed = true;
    Atomics.store(this.lanes.words, STATE, CLOSED);
    // It deletes what is there, which it does within `timeout`, and ends.
    this.#worker.ref();
    layout.ring(this.lanes.words);
  }

  #lost(why: string): void {
    for (const finish of [...this.#asked.values()]) finish({ id: -1, page: undefined, generation: 0 });
    const { words, bytes } = this.lanes;
    if (Atomics.load(words, STATE) !== CLOSED) Atomics.store(words, STATE, DOWN);
    words[layout.LAST_LENGTH] = Buffer.from(bytes.buffer, NR_LANES * LANE_BYTES, MESSAGE).write(why);
  }
}

/**
 * Connect to a server.
 *
 * @throws {@link LieuError} EINVAL, ENOTSUP without the package `redis`, EACCES (wrong user or password), EIO (cannot be reached)
 */
export function openRemoteDevice(options: RemoteDeviceOptions): SwapDevice {
  const slots = slotsOfSize(options.size);
  const { timeout = 600, ttl = 86_400_000, prefix = "lieu", ca } = options;
  const urls = (typeof options.url === "string" ? [options.url] : [...options.url]).map(checkUrl);
  if (urls.length === 0) throw new LieuError("EINVAL", "remote swap: url is empty; give the URL of a server");
  const label = urls.map(({ protocol, host }) => `${protocol}//${host}`).join(",");
  const descriptor: RemoteDescriptor = { kind: "remote", slots, lanes: layout.createLanes(slots), label, timeout };
  const device = new RemoteDevice(descriptor, {
    lanes: descriptor.lanes,
    layout: Object.fromEntries(Object.entries(layout).filter(([, v]) => typeof v === "number")) as Record<
      string,
      number
    >,
    slots,
    client: findClient(),
    urls: urls.map((url) => url.href),
    ca,
    prefix: `${prefix}:${randomBytes(9).toString("base64url")}`,
    ttl,
    timeout,
    secrets: urls.flatMap(({ password }) => (password === "" ? [] : [password, decodeURIComponent(password)])),
  });
  try {
    device.connect();
  } catch (error) {
    if (options.fallback !== true) {
      device.close();
      throw error;
    }
    process.emitWarning(`${(error as Error).message}; going on without it`, {
      type: "LieuWarning",
      code: "LIEU_FALLBACK",
    });
  }
  return device;
}

/** The device of another thread: it asks the same worker. @throws {@link LieuError} ECLOSED */
export function attachRemoteDevice(descriptor: RemoteDescriptor): SwapDevice {
  const device = new RemoteSlots(descriptor);
  device.descriptor();
  return device;
}

/** The file of the package `redis`, which is the program's to install. */
function findClient(): string {
  const here = pathToFileURL(`${process.cwd()}/`).href;
  let failure: unknown;
  for (const from of [import.meta.url ?? here, here]) {
    try {
      return Module.createRequire(from).resolve("redis");
    } catch (error) {
      failure = error;
    }
  }
  throw new LieuError(
    "ENOTSUP",
    'swap of kind "remote" needs the package redis, which cannot be found: npm install redis',
    {
      cause: failure,
    },
  );
}
