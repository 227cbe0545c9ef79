/** Processes that share a memory by a name: they import the built package, and run what they are sent. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll } from "vitest";
import { libcIfThere } from "../../src/host/libc.ts";
import type { Memory, MemoryOptions } from "../../src/index.ts";
import { requireThat } from "../support/requires.ts";

export const SLOW = 120_000;
/** A group of tests of what needs Linux and koffi. */
export const describeShared = requireThat(
  libcIfThere() !== undefined,
  "needs Linux and the package koffi: npm install koffi",
);

const LIEU = new URL("../../dist/index.js", import.meta.url).href;
/** Runs what it is sent. `port`: where from; `reply`: how it answers. */
const serving = (port: string, reply: string) => `
  const lieu = await import(${JSON.stringify(LIEU)});
  const state = {};
  ${port}.on("message", async ({ id, body, data }) => {
    const reply = (message) => ${reply}({ id, ...message });
    try {
      const run = new Function("lieu", "state", "data", "return (async () => {" + body + "})()");
      reply({ result: await run(lieu, state, data) });
    } catch (error) {
      reply({ error: String(error?.message ?? error), code: error?.code });
    }
  });
  ${reply}({ id: 0 });`;

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly code?: string;
}

/** Ends when a memory that nobody uses, without promotion, has done what it does by itself: kswapd, in whichever process. */
export async function rest(memory: Memory): Promise<void> {
  for (let before = memory.vmstat(); ; ) {
    await sleep(100);
    const now = memory.vmstat();
    if (isDeepStrictEqual(before, now)) return;
    before = now;
  }
}

/** Who runs what he is sent, in a process or a thread of his own. */
export abstract class Peer {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #next = 1;

  /** A process. */
  static async start(): Promise<ProcessPeer> {
    const peer = new ProcessPeer();
    await peer.ready();
    return peer;
  }
  /** A worker thread of this process. */
  static async startThread(): Promise<ThreadPeer> {
    const peer = new ThreadPeer();
    await peer.ready();
    return peer;
  }

  /** Run `body`, an async function's, with `lieu`, `state`, which stays, and `data` at hand. Gives what it returns. */
  run<T = unknown>(body: string, data: object = {}): Promise<T> {
    const id = this.#next++;
    const reply = this.#reply(id);
    this.send({ id, body, data });
    return reply as Promise<T>;
  }
  ready(): Promise<unknown> {
    return this.#reply(0);
  }
  #reply(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
  protected heard({ id, result, error, code }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(Object.assign(new Error(error), { code }));
  }
  protected gone(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("it has ended"));
  }
  protected abstract send(message: object): void;
  /** End it at whatever it is at. */
  abstract kill(): Promise<void>;
}

const peers = new Set<Peer>();

class ProcessPeer extends Peer {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor() {
    super();
    this.#child = spawn(process.execPath, ["--input-type=module", "-e", serving("process", "process.send")], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // Who takes over from the dead says so.
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
      serialization: "advanced",
    });
    this.#child.on("message", (reply: Reply) => this.heard(reply));
    this.#ended = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    void this.#ended.then(() => {
      peers.delete(this);
      this.gone();
    });
    peers.add(this);
  }
  get pid(): number {
    return this.#child.pid as number;
  }
  protected override send(message: object): void {
    this.#child.send(message);
  }
  /** Have it end by itself. */
  async exit(): Promise<void> {
    if (peers.has(this)) this.send({ id: -1, body: "process.exit(0)" });
    await this.#ended;
  }
  override async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

class ThreadPeer extends Peer {
  readonly #worker: Worker;

  constructor() {
    super();
    const source = serving('require("node:worker_threads").parentPort', "post");
    this.#worker = new Worker(
      `const post = (message) => require("node:worker_threads").parentPort.postMessage(message);
       (async () => { ${source} })();`,
      { eval: true, execArgv: ["--no-warnings"] },
    );
    this.#worker.on("message", (reply: Reply) => this.heard(reply));
    this.#worker.once("exit", () => {
      peers.delete(this);
      this.gone();
    });
    peers.add(this);
  }
  protected override send(message: object): void {
    this.#worker.postMessage(message);
  }
  override async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

export type { ProcessPeer, ThreadPeer };

export function startPeers(n: number): Promise<ProcessPeer[]> {
  return Promise.all(Array.from({ length: n }, () => Peer.start()));
}

const folder = mkdtempSync(join(tmpdir(), "lieu-shared-"));
let nrNames = 0;
/** The path of a file that is not there. */
export function freshPath(): string {
  return join(folder, `memory${nrNames++}`);
}
/** Options of a small memory of two tiers. */
export function smallMemory(shared: string, more: Partial<MemoryOptions> = {}): MemoryOptions {
  const nodes = { fast: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "3MiB", tier: 1 } } as const;
  return { nodes, shared, ...more };
}
afterAll(async () => {
  await Promise.all([...peers].map((peer) => peer.kill()));
  rmSync(folder, { recursive: true, force: true });
});
