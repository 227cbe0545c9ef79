/** Swap devices as `memory.swapDevices()` tells of them. */
import { S_FAILED, S_FREE, S_SLOTS, swapDev } from "../mm/layout.ts";
import type { Vm } from "../runtime/vm.ts";
import type { PoolBalloon } from "./pool-balloon.ts";
import type { SwapInfo } from "./requests.ts";
import type { Size } from "./size.ts";
import type { SwapConfig } from "./swap-options.ts";

/** The same with the pool's own size and a way to change it, which are no part of what is shown or compared. */
export function resizable(info: SwapInfo, poolSize: number, resize: (size: Size) => number): SwapInfo {
  return Object.defineProperties(info, { poolSize: { value: poolSize }, resize: { value: resize } });
}

export function swapInfo(vm: Vm, configs: readonly SwapConfig[], pool: PoolBalloon): SwapInfo[] {
  vm.inspect();
  return configs.map(({ name, options }, dev) => {
    const slots = swapDev(dev, S_SLOTS);
    const used = slots - swapDev(dev, S_FREE);
    const failed = swapDev(dev, S_FAILED) !== 0;
    const info: SwapInfo = { name, kind: options.kind, size: slots * 4096, used: used * 4096, failed };
    if (options.kind !== "zswap") return info;
    return resizable(info, pool.size(), (size) => {
      vm.ensureOpen();
      return pool.resize(size);
    });
  });
}
