/** Processes that share a memory by a name: they import the built package, and run what they are sent. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { libcIfThere } from "../../src/host/libc.ts";
import type { MemoryOptions } from "../../src/index.ts";
import { requireThat } from "../support/requires.ts";

export const SLOW = 120_000;
/** A group of tests of what needs Linux and koffi. */
export const describeShared = requireThat(
  libcIfThere() !== undefined,
  "needs Linux and the package koffi: npm install koffi",
);

const LIEU = new URL("../../dist/index.js", import.meta.url).href;
const SOURCE = `
  const lieu = await import(${JSON.stringify(LIEU)});
  const state = {};
  process.on("message", async ({ id, body, data }) => {
    const reply = (message) => process.send({ id, ...message });
    try {
      const run = new Function("lieu", "state", "data", "return (async () => {" + body + "})()");
      reply({ result: await run(lieu, state, data) });
    } catch (error) {
      reply({ error: String(error?.message ?? error), code: error?.code });
    }
  });
  process.send({ id: 0 });`;

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly code?: string;
}

const peers = new Set<Peer>();

/** A process; see the file's head. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  readonly #ended: Promise<void>;
  #next = 1;

  private constructor() {
    this.#child = spawn(process.execPath, ["--input-type=module", "-e", SOURCE], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", ({ id, result, error, code }: Reply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(Object.assign(new Error(error), { code }));
    });
    this.#ended = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    void this.#ended.then(() => {
      peers.delete(this);
      for (const { reject } of this.#waiting.values()) reject(new Error("the process has ended"));
    });
    peers.add(this);
  }
  static async start(): Promise<Peer> {
    const peer = new Peer();
    await peer.#reply(0);
    return peer;
  }

  get pid(): number {
    return this.#child.pid as number;
  }
  /** Run `body`, an async function's, with `lieu`, `state`, which stays, and `data` at hand. Gives what it returns. */
  run<T = unknown>(body: string, data: object = {}): Promise<T> {
    const id = this.#next++;
    const reply = this.#reply(id);
    this.#child.send({ id, body, data });
    return reply as Promise<T>;
  }
  #reply(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
  /** Have it end by itself. */
  async exit(): Promise<void> {
    if (peers.has(this)) this.#child.send({ id: this.#next++, body: "process.exit(0)" });
    await this.#ended;
  }
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
export function startPeers(n: number): Promise<Peer[]> {
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
