/** Swap devices as `memory.swapDevices()` tells of them. */
import { H_ZPOOL_FREE, H_ZPOOL_HELD, H_ZPOOL_PAGES, hdr, S_FAILED, S_FREE, S_SLOTS, swapDev } from "../mm/layout.ts";
import { poolDevice } from "../mm/swap.ts";
import type { Vm } from "../runtime/vm.ts";
import type { PoolBalloon } from "./pool-balloon.ts";
import type { SwapInfo } from "./requests.ts";
import type { Size } from "./size.ts";
import type { SwapConfig } from "./swap-options.ts";

const PAGE = 4096;

/** The same with a way to change its size, which is no part of what is shown or compared. */
export function resizable(info: SwapInfo, resize: (size: Size) => number): SwapInfo {
  return Object.defineProperties(info, { resize: { value: resize } });
}

/** Of device `dev` of the memory that is looked at. The pool's slots are more than it has bytes for: they say what it holds, not its size. */
export function swapBytes(dev: number): Pick<SwapInfo, "size" | "used" | "stored"> {
  const slots = swapDev(dev, S_SLOTS);
  const stored = (slots - swapDev(dev, S_FREE)) * PAGE;
  if (dev !== poolDevice()) return { size: slots * PAGE, used: stored, stored };
  const pages = hdr(H_ZPOOL_PAGES) - hdr(H_ZPOOL_HELD);
  return { size: pages * PAGE, used: (pages - hdr(H_ZPOOL_FREE)) * PAGE, stored };
}

export function swapInfo(vm: Vm, configs: readonly SwapConfig[], pool: PoolBalloon): SwapInfo[] {
  vm.inspect();
  return configs.map(({ name, options }, dev) => {
    const failed = swapDev(dev, S_FAILED) !== 0;
    const info: SwapInfo = { name, kind: options.kind, ...swapBytes(dev), failed };
    if (options.kind !== "zswap") return info;
    return resizable(info, (size) => {
      vm.ensureOpen();
      return pool.resize(size);
    });
  });
}
