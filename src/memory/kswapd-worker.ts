/**
 * The thread that reclaims for a shared memory (`kswapd: "thread"`): it attaches as any thread does, and works in turns until the memory is
 * closed. It never comes to its event loop, which nobody has anything for.
 */
import { isLieuError } from "../errors.ts";
import { KSWAPD_ASLEEP, KSWAPD_RUNNING } from "../runtime/control.ts";
import { useEngineModule } from "../runtime/engine.ts";
import { Kswapd } from "../runtime/kswapd.ts";
import { attachVm, type MemoryDescriptor } from "./descriptor.ts";

/** What the thread is given. */
export interface KswapdWorkerData {
  readonly descriptor: MemoryDescriptor;
  /** The engine, compiled. */
  readonly engine: WebAssembly.Module;
}

/** How long it leaves the lock to who waits for it, who has to wake up first, milliseconds. */
const YIELD_MS = 0.05;
/** How long to who may be about to take it, microseconds: those who look do so for one or two. */
const PAUSE_US = 3;

/** The whole life of the thread. Returns when the memory has been closed, or lost. */
export function runKswapd({ descriptor, engine }: KswapdWorkerData): void {
  useEngineModule(engine);
  const vm = attachVm({ ...descriptor, engine: "wasm" });
  try {
    const kswapd = new Kswapd(vm);
    kswapd.begin();
    for (;;) {
      const rest = kswapd.turn();
      if (rest > 0) vm.control.sleepKswapd(KSWAPD_ASLEEP, rest);
      else if (rest < 0) vm.control.sleepKswapd(KSWAPD_RUNNING, YIELD_MS);
      else pause();
    }
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
