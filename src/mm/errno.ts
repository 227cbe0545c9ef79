/** Results of engine calls that can fail, in errno's numbers, negative. */
export const ENOMEM: i32 = -12;
export const EIO: i32 = -5;
export const EAGAIN: i32 = -11;
export const EBUSY: i32 = -16;
export const EINVAL: i32 = -22;
export const ENOSPC: i32 = -28;

/** Codes of broken invariants, for hostBug(). */
export const BUG_LIST: i32 = 1;
export const BUG_REFS: i32 = 2;
export const BUG_FREE: i32 = 3;
export const BUG_PTE: i32 = 4;
export const BUG_SLOT: i32 = 5;
export const BUG_CHARGE: i32 = 6;
export const BUG_DEPTH: i32 = 7;
/** A page was to go while threads may use it without the lock (still.ts). */
export const BUG_GATE: i32 = 8;
