/**
 * The engine's entry points, as the WebAssembly module exports them and as the JavaScript twin offers them. Numbers in,
 * numbers out; results that can fail are negative errnos (errno.ts).
 */

import { attach } from "./layout.ts";
import { destroyMemcg } from "./memcg.ts";

export { checksum } from "./checksum.ts";
export { memsOf } from "./cpuset.ts";
export { pinPage, unpinFrame } from "./gup.ts";
export { hintScan } from "./hint-scan.ts";
export { finishNodes, initMemory, initNode, setDistance, tune } from "./init.ts";
export { kswapdStep } from "./kswapd.ts";
export { enforceLimits, reclaimProactive } from "./limits.ts";
export { lz4Compress, lz4Decompress, lz4DecompressUsing } from "./lz4.ts";
export { lz4CompressUsing, lz4LoadDict } from "./lz4-dict.ts";
export { adviseCold, advisePageout } from "./madvise.ts";
export { createMemcg, setLimit } from "./memcg.ts";
export { setBalance, setDemotionTargets } from "./memory-tiers.ts";
export { fault } from "./mm.ts";
export { destroyVma, zapRange } from "./mmap.ts";
export { setupWatermarks, setWatermarks, wakeKswapd } from "./node.ts";
export { pinPageFor, unpinAllFor, unpinFrameFor } from "./pins.ts";
export { changeMems, changePolicy } from "./placement.ts";
export { setLatency, setPrices } from "./prices.ts";
export { rebuild } from "./rebuild.ts";
export { addSwapDevice, keepForCaches } from "./swap.ts";
export { createVma, freeVpns, setPolicy, setWeight } from "./vma.ts";
export { lookAtWriteback, nrWriteback } from "./writeback.ts";
export { abandonWriteback, endWriteback, noteWritten } from "./written.ts";
export { zswapHold, zswapRelease } from "./zs-balloon.ts";
export { zsCompact, zsFree, zsMalloc, zsRead, zsWrite } from "./zsmalloc.ts";
export { attach, destroyMemcg };
