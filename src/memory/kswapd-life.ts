/** What the thread that reclaims (kswapd-worker.ts) and the one that began it (kswapd.ts) say to each other, in a word that they share. */

/** It has not come so far. */
export const LIFE_NEW = 0;
export const LIFE_AT_WORK = 1;
/** It is to end. */
export const LIFE_TO_END = 2;
/** It has let go of the memory. */
export const LIFE_ENDED = 3;
