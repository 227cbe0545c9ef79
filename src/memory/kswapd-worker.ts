/**
 * The thread that reclaims for a shared memory (`kswapd: "thread"`): it attaches as any thread does, and works in turns until the memory is
 * closed. It never comes to its event loop, which nobody has anything for.
 */
import { isLieuError } from "../errors.ts";
import { lookForKoffiFrom } from "../host/libc.ts";
import { KSWAPD_ASLEEP, KSWAPD_RUNNING } from "../runtime/control.ts";
import { useEngineModule } from "../runtime/engine.ts";
import { Kswapd } from "../runtime/kswapd.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { attachVm, type MemoryDescriptor } from "./descriptor.ts";
import { LIFE_AT_WORK, LIFE_ENDED, LIFE_NEW, LIFE_TO_END } from "./kswapd-life.ts";

/** What the thread is given. */
export interface KswapdWorkerData {
  readonly descriptor: MemoryDescriptor;
  /** The engine, compiled. */
  readonly engine: WebAssembly.Module;
  /** Where koffi is, if anywhere. */
  readonly koffi: string;
  /** A word, one of the states of kswapd-life.ts, by which it is told to end, and says that it has. */
  readonly life: Int32Array;
}

/** How long it leaves the lock to who waits for it, who has to wake up first, milliseconds. */
const YIELD_MS = 0.05;
/** How long to who may be about to take it, microseconds: those who look do so for one or two. */
const PAUSE_US = 3;

/** The whole life of the thread. Returns when it is told to, or the memory has been closed, or lost. */
export function runKswapd({ descriptor, engine, koffi, life }: KswapdWorkerData): void {
  if (Atomics.compareExchange(life, 0, LIFE_NEW, LIFE_AT_WORK) !== LIFE_NEW) return;
  try {
    useEngineModule(engine);
    lookForKoffiFrom(koffi);
    work(attachVm({ ...descriptor, engine: "wasm" }), life);
  } finally {
    Atomics.store(life, 0, LIFE_ENDED);
    Atomics.notify(life, 0);
  }
}
function work(vm: SharedVm, life: Int32Array): void {
  try {
    const kswapd = new Kswapd(vm);
    if (!kswapd.begin()) return;
    const isToEnd = (): boolean => Atomics.load(life, 0) === LIFE_TO_END;
    while (!isToEnd()) {
      const rest = kswapd.turn();
      // Who wants it to end says so, and wakes it then.
      if (rest > 0 && !isToEnd()) vm.control.sleepKswapd(KSWAPD_ASLEEP, rest);
      else if (rest < 0) vm.control.sleepKswapd(KSWAPD_RUNNING, YIELD_MS);
      else pause();
    }
    kswapd.end();
  } catch (error) {
    if (!isLieuError(error, "ECLOSED") && !isLieuError(error, "EOWNERDEAD")) throw error;
  } finally {
    vm.close();
  }
}

function pause(): void {
  const until = performance.now() + PAUSE_US / 1000;
  while (performance.now() < until);
}
