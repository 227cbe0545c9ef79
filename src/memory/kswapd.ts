/** The thread that reclaims for a shared memory, as the thread that opened it has it: begun, outlived, ended with the memory. */
import { Worker } from "node:worker_threads";
import { engineModule } from "../runtime/engine.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { endKswapd } from "../runtime/takeover.ts";
import type { MemoryDescriptor } from "./descriptor.ts";
import { kswapdWorkerSource } from "./kswapd-source.ts";
import type { KswapdWorkerData } from "./kswapd-worker.ts";

/** See the file's head. */
export class KswapdThread {
  readonly #vm: SharedVm;
  /** Undefined: it could not be started. */
  readonly worker: Worker | undefined;
  #ended = false;
  #failure: unknown;

  /** Begin it. Until it is up, and if it ever fails, reclaim is whoever's comes by. */
  constructor(vm: SharedVm, descriptor: MemoryDescriptor) {
    this.#vm = vm;
    const workerData: KswapdWorkerData = { descriptor, engine: engineModule() };
    try {
      const source = kswapdWorkerSource();
      this.worker = new Worker(source, { eval: true, workerData, execArgv: [], name: "lieu-kswapd" });
    } catch (error) {
      this.#lost(error);
      return;
    }
    // The process does not stay for it.
    this.worker.unref();
    this.worker.on("error", (error) => {
      this.#failure = error;
    });
    this.worker.on("exit", () => this.#lost(this.#failure ?? new Error("it has ended")));
  }

  /** Settles when the thread has ended, as it does when the memory is closed. The process stays for that. */
  async ended(): Promise<void> {
    const worker = this.worker;
    if (this.#ended || worker === undefined) return;
    worker.ref();
    await new Promise((resolve) => worker.once("exit", resolve));
  }

  #lost(failure: unknown): void {
    this.#ended = true;
    const vm = this.#vm;
    if (!vm.isOpen) return;
    try {
      vm.locked(() => endKswapd(vm));
    } catch {
      // It died in the middle of something: the memory says so to whoever uses it.
      return;
    }
    const why = failure instanceof Error ? failure.message : String(failure);
    process.emitWarning(`the thread that reclaims is gone (${why}); whoever allocates reclaims from now on`, {
      type: "LieuWarning",
      code: "LIEU_FALLBACK",
    });
  }
}
