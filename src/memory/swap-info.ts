/** Swap devices as `memory.swapDevices()` tells of them. */
import { S_FAILED, S_FREE, S_SLOTS, swapDev } from "../mm/layout.ts";
import type { Vm } from "../runtime/vm.ts";
import type { SwapInfo } from "./requests.ts";
import type { SwapConfig } from "./swap-options.ts";

export function swapInfo(vm: Vm, configs: readonly SwapConfig[]): SwapInfo[] {
  vm.inspect();
  return configs.map(({ name, options }, dev) => {
    const slots = swapDev(dev, S_SLOTS);
    const used = slots - swapDev(dev, S_FREE);
    return { name, kind: options.kind, size: slots * 4096, used: used * 4096, failed: swapDev(dev, S_FAILED) !== 0 };
  });
}
