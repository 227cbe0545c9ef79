/**
 * What both compilers make of the portable sources: the engine's entry points and the stores'. Numbers in, numbers out.
 */
export * from "../mm/exports.ts";
export { storeAbove } from "./above.ts";
export { storeAhead } from "./ahead.ts";
export { storeActivity, storeCensus } from "./census.ts";
export { storeGlimpse, storeSeen } from "./glimpse.ts";
export { noteHeadroom, storeHeadroom, storeWritten } from "./headroom.ts";
export { storeHeard } from "./heard.ts";
export { storeClear, storeEmpty, storeGrace, storeInit, storeMetaPages, storeSecret } from "./init.ts";
export { storeMend } from "./mend.ts";
export { storeAt, storeLook, storePiece, storeRun, storeScan } from "./read.ts";
export { storeAgeBytes, storeSample } from "./sampled.ts";
export {
  storeClean,
  storeCount,
  storeDelete,
  storeExpire,
  storeGet,
  storeHeld,
  storeLose,
  storeLost,
  storeRemove,
  storeSet,
  storeVictim,
  storeWord,
} from "./store.ts";
export { storeNote, storeWarm } from "./warm.ts";
