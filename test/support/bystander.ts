/**
 * Another thread on the engines of a test: it attaches to each, as a worker of a program does, and comes by all the time. It takes the
 * lock, reads every counter under it, and lets go. What an engine does is the same with it as without; how it does it is not: locks are
 * contended, and whatever moves a page has somebody to stop who may be within an access.
 */
import { Worker } from "node:worker_threads";
import { LAYOUT_VERSION } from "../../src/mm/layout.ts";
import type { EngineKind } from "../../src/runtime/engine.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";

const built = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);
// Workers read no TypeScript: it runs the built package.
const SOURCE = `
const { parentPort, receiveMessageOnPort } = require("node:worker_threads");
Promise.all([import(${built("memory/descriptor.js")}), import(${built("memory/vmstat.js")})]).then(([{ attachVm }, { globalVmstat }]) => {
  const vms = new Map();
  const nap = new Int32Array(new SharedArrayBuffer(4));
  let [joined, visits] = [0, 0];
  parentPort.postMessage("ready");
  for (;;) {
    for (let got; (got = receiveMessageOnPort(parentPort)) !== undefined; ) {
      const { join, part, end } = got.message;
      if (end) return parentPort.postMessage({ joined, visits });
      if (join !== undefined) {
        vms.set(join.id, attachVm(join));
        joined++;
      } else {
        vms.get(part)?.close();
        vms.delete(part);
      }
    }
    for (const vm of vms.values()) {
      vm.locked(() => globalVmstat(vm));
      visits++;
    }
    Atomics.wait(nap, 0, 0, vms.size > 0 ? 0.2 : 5);
  }
});`;

export class Bystander {
  readonly #worker: Worker;
  #next = 0;
  readonly #ids = new WeakMap<SharedVm, number>();
  #failed: unknown;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("error", (error) => {
      this.#failed = error;
    });
    worker.unref();
  }
  static async start(): Promise<Bystander> {
    const worker = new Worker(SOURCE, { eval: true });
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    return new Bystander(worker);
  }
  join(vm: SharedVm, engine: EngineKind): void {
    const { memory, metadata, data, secondHand } = vm.segment;
    const id = this.#next++;
    this.#ids.set(vm, id);
    const descriptor = {
      layout: LAYOUT_VERSION,
      pid: process.pid,
      memory,
      control: vm.control.buffer,
      shape: vm.shape,
    };
    const more = { metadata, data, secondHand, engine, nodes: [], swap: [], devices: [], clock: 0, id };
    this.#worker.postMessage({ join: { ...descriptor, ...more } });
  }
  part(vm: SharedVm): void {
    this.#worker.postMessage({ part: this.#ids.get(vm) });
  }
  /** Ends it; gives how many engines it was on, and how often it came by. */
  async end(): Promise<{ joined: number; visits: number }> {
    if (this.#failed !== undefined) throw this.#failed;
    const told = new Promise<{ joined: number; visits: number }>((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
    });
    this.#worker.postMessage({ end: true });
    const result = await told;
    await this.#worker.terminate();
    return result;
  }
}
