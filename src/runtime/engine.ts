/**
 * Loads one of the engine's twins over a segment: the WebAssembly that AssemblyScript made of src/mm and src/store, or the JavaScript
 * that tsc made of the same files. Both work on the same bytes, so even one segment may change twins between calls.
 */
import { LieuError } from "../errors.ts";
import { type Host, type Machine, plug } from "../mm/machine.ts";
import * as twin from "../store/exports.ts";
import { engineBytes } from "./engine-bytes.ts";
import type { SharedMemory } from "./segment.ts";

/** Which twin runs the engine: "wasm" in production, "js" to debug and as the oracle of differential tests. */
export type EngineKind = "wasm" | "js";

/** The entry points of the engine and of its stores (store/exports.ts). */
export type EngineCalls = typeof twin;

/** The engine of a memory that was closed: whoever asks it is told so. */
export const CLOSED_CALLS: EngineCalls = new Proxy({} as EngineCalls, {
  get() {
    throw new LieuError("ECLOSED", "the memory was closed");
  },
});

let compiled: WebAssembly.Module | undefined;

/** The engine's module, compiled once. @internal */
export function engineModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(engineBytes());
  return compiled;
}

/** The engine's module, as another thread has compiled it. @internal */
export function useEngineModule(module: WebAssembly.Module): void {
  compiled = module;
}

/** Instantiate a twin over `memory`. The host's calls come back synchronously and must not call the engine. */
export function loadEngine(memory: SharedMemory, machine: Machine, kind: EngineKind): EngineCalls {
  return kind === "wasm" ? loadWasm(memory, machine.host) : loadTwin(machine);
}

function loadWasm(memory: SharedMemory, host: Host): EngineCalls {
  const imports = {
    env: { memory },
    host: {
      swapWrite: (dev: number, slot: number, n: number, addrs: number) => host.swapWrite(dev, slot, n, addrs),
      swapRead: (dev: number, slot: number, addr: number) => host.swapRead(dev, slot, addr),
      swapFree: (dev: number, slot: number) => host.swapFree(dev, slot),
      discard: (vma: number, vpn: number) => host.discard(vma, vpn),
      evict: (store: number, loc: number, why: number) => host.evict(store, loc, why),
      sampled: (store: number, hash: number, bytes: number, what: number) => host.sampled(store, hash, bytes, what),
      share: (cg: number, field: number, nr: number, how: number) => host.share(cg, field, nr, how),
      still: () => host.still(),
      bug: (code: number, a: number, b: number) => host.bug(code, a, b),
    },
  };
  return new WebAssembly.Instance(engineModule(), imports).exports as unknown as EngineCalls;
}

/** The twin has one set of views for all segments, so each call plugs in its own first. */
function loadTwin(machine: Machine): EngineCalls {
  const calls: Record<string, (...args: number[]) => number> = {};
  for (const [name, f] of Object.entries(twin) as [string, (...args: number[]) => number][]) {
    calls[name] = (...args) => {
      plug(machine);
      if (name !== "initMemory") twin.attach();
      return f(...args);
    };
  }
  return calls as unknown as EngineCalls;
}
