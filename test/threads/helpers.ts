/** Memories that several threads share, and workers that run the built package on them. */
import { Worker } from "node:worker_threads";
import { type Memory, type MemoryOptions, openMemorySync } from "../../src/index.ts";

export const PAGE = 4096;
export const MIB = 2 ** 20;

/** A small shared memory of two tiers. */
export function sharedMemory(options: Partial<MemoryOptions> = {}): Memory {
  const nodes = { fast: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } } as const;
  return openMemorySync({ nodes, pretouch: false, shared: true, ...options });
}

/** The built package, which workers import: they read no TypeScript. */
const LIEU = new URL("../../dist/index.js", import.meta.url).href;

/** A worker that runs `body`, an async function's, with `lieu`, `data`, `post()` and `parentPort` at hand. */
export function startWorker(body: string, data: object): Worker {
  const source = `
    const { parentPort, workerData: data } = require("node:worker_threads");
    const post = (message) => parentPort.postMessage(message);
    import(${JSON.stringify(LIEU)}).then(async (lieu) => { ${body} });`;
  return new Worker(source, { eval: true, workerData: data });
}
/** What the worker posts first. Rejects with its error, or if it ends before. */
export function messageOf<T = unknown>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the worker ended with ${code} and said nothing`)));
  });
}
/** Run a worker to its end; gives what it posted. */
export async function runWorker<T = unknown>(body: string, data: object): Promise<T> {
  const worker = startWorker(body, data);
  try {
    return await messageOf<T>(worker);
  } finally {
    await worker.terminate();
  }
}
