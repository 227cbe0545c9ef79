/** A thread that reclaims for a shared memory, as the thread that began it has it: begun, outlived, ended with the memory. */
import { Worker } from "node:worker_threads";
import { koffiPlace } from "../host/libc.ts";
import { engineModule } from "../runtime/engine.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { endKswapd } from "../runtime/takeover.ts";
import type { MemoryDescriptor } from "./descriptor.ts";
import { LIFE_AT_WORK, LIFE_ENDED, LIFE_NEW, LIFE_TO_END } from "./kswapd-life.ts";
import { kswapdWorkerSource } from "./kswapd-source.ts";
import type { KswapdWorkerData } from "./kswapd-worker.ts";

/** How long {@link KswapdThread.stop} waits, ms: it may be at a write to a device. */
const STOP_MS = 2000;

/** See the file's head. */
export class KswapdThread {
  readonly #vm: SharedVm;
  /** Undefined: it could not be started. */
  readonly worker: Worker | undefined;
  /** A word that it shares with the thread. */
  readonly #life = new Int32Array(new SharedArrayBuffer(4));
  #ended = false;
  #failure: unknown;

  /** Begin it. Until it is up, and if it ever fails, reclaim is whoever's comes by. `ended`: it has ended, by itself or not. */
  constructor(vm: SharedVm, descriptor: MemoryDescriptor, ended?: (failure: unknown) => void) {
    this.#vm = vm;
    const workerData: KswapdWorkerData = {
      ...{ descriptor, engine: engineModule(), koffi: koffiPlace() },
      life: this.#life,
    };
    const hear = (failure: unknown): void => {
      this.#ended = true;
      if (ended === undefined) lost(vm, failure);
      else ended(failure);
    };
    try {
      const source = kswapdWorkerSource();
      this.worker = new Worker(source, { eval: true, workerData, execArgv: [], name: "lieu-kswapd" });
    } catch (error) {
      hear(error);
      return;
    }
    // The process does not stay for it.
    this.worker.unref();
    this.worker.on("error", (error) => {
      this.#failure = error;
    });
    this.worker.on("exit", () => hear(this.#failure ?? (this.hasLeft ? undefined : new Error("it has ended"))));
  }

  /** Whether it has let go of the memory by itself. */
  get hasLeft(): boolean {
    return Atomics.load(this.#life, 0) === LIFE_ENDED;
  }
  /** Have it let go of the memory, and wait until it has. Returns whether that is so. */
  stop(): boolean {
    const life = this.#life;
    if (this.#ended || Atomics.compareExchange(life, 0, LIFE_NEW, LIFE_TO_END) === LIFE_NEW) return true;
    if (Atomics.compareExchange(life, 0, LIFE_AT_WORK, LIFE_TO_END) === LIFE_AT_WORK) this.#vm.control.rouseKswapd();
    // It needs the lock to end its turn.
    if (this.#vm.lock.depth === 0) Atomics.wait(life, 0, LIFE_TO_END, STOP_MS);
    return this.hasLeft;
  }
  /** Settles when the thread has ended, as it does when the memory is closed. The process stays for that. */
  async ended(): Promise<void> {
    const worker = this.worker;
    if (this.#ended || worker === undefined) return;
    worker.ref();
    await new Promise((resolve) => worker.once("exit", resolve));
  }
}

/** The thread of a memory that one process has is gone. */
function lost(vm: SharedVm, failure: unknown): void {
  if (!vm.isOpen) return;
  try {
    vm.locked(() => endKswapd(vm));
  } catch {
    // It died in the middle of something: the memory says so to whoever uses it.
    return;
  }
  warnOfLoss(failure ?? new Error("it has ended"), "whoever allocates reclaims from now on");
}

/** Say that a thread that reclaims is gone, and who does it now. */
export function warnOfLoss(failure: unknown, now: string): void {
  const why = failure instanceof Error ? failure.message : String(failure);
  process.emitWarning(`the thread that reclaims is gone (${why}); ${now}`, {
    type: "LieuWarning",
    code: "LIEU_FALLBACK",
  });
}
