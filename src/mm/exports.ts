/**
 * The engine's entry points, as the WebAssembly module exports them and as the JavaScript twin offers them. Numbers in,
 * numbers out; results that can fail are negative errnos (errno.ts).
 */
import { destroyMemcg } from "./memcg.ts";
import { attach } from "./layout.ts";

export { checksum } from "./checksum.ts";
export { kswapdStep } from "./kswapd.ts";
export { finishNodes, initMemory, initNode, setDistance, tune } from "./init.ts";
export { createMemcg } from "./memcg.ts";
export { setBalance, setDemotionTargets } from "./memory-tiers.ts";
export {
  adviseCold,
  advisePageout,
  changeMems,
  changePolicy,
  destroyVma,
  discardCold,
  fault,
  pinPage,
  reclaimProactive,
  unpinFrame,
  zapRange,
} from "./mm.ts";
export { setWatermarks, setupWatermarks, wakeKswapd } from "./node.ts";
export { createVma, setPolicy, setWeight } from "./page-table.ts";
export { hintScan } from "./promote.ts";
export { addSwapDevice } from "./swap.ts";
export { attach, destroyMemcg };
