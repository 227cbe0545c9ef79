/** What a memory may be given by those who test or simulate with it. */
import type { Crank } from "../runtime/vm.ts";
import type { WrapDevice } from "./swap-devices.ts";

/** Who drives a memory, beside its options: clock, crank, device wrapper. For tests, simulation and tools. */
export interface Harness {
  crank?: Crank;
  wrapDevice?: WrapDevice;
  /** What counters that wrap at 2^32 begin with, 0 by default: so that a test need not wait for it. */
  initialCount?: number;
}
