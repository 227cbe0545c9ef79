/** kswapd's turns beside touches of more than one region, at the pace of parity's program: see parity/program.ts for why. */
import type { Memory } from "../memory/memory.ts";
import { H_KSWAPD, statGlobal } from "../mm/layout.ts";
import { PGREFILL, PGSCAN_KSWAPD } from "../mm/vmstat.ts";
import { ProgramClock } from "../parity/program.ts";
import { DEFAULT_STEPS } from "../parity/run.ts";
import type { Region } from "../region/region.ts";
import type { Vm } from "../runtime/vm.ts";

const PAGE = 4096;
const MS_PER_ACCESS = 0.01;

/** Touches pages and lets kswapd run: four pages looked at for each touch. */
export class Turns {
  readonly clock = new ProgramClock();
  #vm: Vm | undefined;
  #credit = 0;

  attach(memory: Memory): void {
    this.#vm = memory.vm;
  }

  /** Touch a page for writing. Gives where it was: a node's number, -1 nowhere, less for swap. */
  touch(region: Region, page: number): number {
    const vm = this.#vm as Vm;
    this.clock.time += MS_PER_ACCESS;
    this.#credit = Math.min(this.#credit, 0) + DEFAULT_STEPS;
    while (this.#credit > 0 && awake(vm) !== 0) {
      const before = looked(vm);
      pass(vm);
      this.#credit -= Math.max(1, looked(vm) - before);
    }
    const place = region.placeCode(page);
    region.translate(page * PAGE, "write");
    return place;
  }

  /** kswapd goes on until it sleeps. */
  settle(): void {
    const vm = this.#vm as Vm;
    for (let i = 0; i < 10_000 && awake(vm) !== 0; i++) pass(vm);
  }
}

function awake(vm: Vm): number {
  return vm.segment.h32[H_KSWAPD >>> 2] as number;
}
function looked(vm: Vm): number {
  const { hf } = vm.segment;
  return (hf[statGlobal(PGSCAN_KSWAPD) >>> 3] as number) + (hf[statGlobal(PGREFILL) >>> 3] as number);
}
function pass(vm: Vm): void {
  const mask = awake(vm);
  for (let nid = 0; nid < vm.shape.nodes; nid++) if ((mask & (1 << nid)) !== 0) vm.calls.kswapdStep(nid);
}
