/** Allocation flags (include/linux/gfp_types.h), as far as a user-space engine has a meaning for them. */

/** The caller may reclaim synchronously (__GFP_DIRECT_RECLAIM). */
export const GFP_DIRECT_RECLAIM: i32 = 1;
/** Wake the node's kswapd when its low watermark is missed (__GFP_KSWAPD_RECLAIM). */
export const GFP_KSWAPD_RECLAIM: i32 = 2;
/** Only the preferred node, no fallback (__GFP_THISNODE). */
export const GFP_THISNODE: i32 = 4;
/** No failure report (__GFP_NOWARN): a failed demotion is ordinary. */
export const GFP_NOWARN: i32 = 8;
/** Give up early (__GFP_NORETRY). */
export const GFP_NORETRY: i32 = 16;
/** Never below the min watermark, even for a reclaimer (__GFP_NOMEMALLOC). */
export const GFP_NOMEMALLOC: i32 = 32;
/** Any memory will do, and the page may be moved later (__GFP_HIGHMEM | __GFP_MOVABLE). */
export const GFP_HIGHUSER_MOVABLE: i32 = 64;
/** For a page that is known to be cold: slow memory first, unless there is room to spare above. No counterpart in Linux. */
export const GFP_COLD: i32 = 256;
/** For a page that does not pay for a place where others would have to make way: where there is room, the fastest tier first. */
export const GFP_SETTLE: i32 = 512;
/** For a page whose owner wants it a tier further down: there, if that needs nobody to make room (allocTarget()), else as for others. */
export const GFP_LOW: i32 = 1024;

/**
 * From the reserve below the min watermark, half of it at most, and reclaim nothing: for who gives a frame or a slot back at once for it
 * (__GFP_MEMALLOC, which may take all).
 */
export const GFP_MEMALLOC: i32 = 2048;

/** GFP_HIGHUSER_MOVABLE with reclaim: what a page fault uses. */
export const GFP_USER: i32 = 67;
/** GFP_NOWAIT: wake kswapd, never wait. */
export const GFP_NOWAIT: i32 = 2;
/** A large folio on first touch: that node only, nothing reclaimed or woken for it. THISNODE | NOWARN | NOMEMALLOC | HIGHUSER_MOVABLE. */
export const GFP_TRANSHUGE_LIGHT: i32 = 108;
/**
 * What a demotion target is allocated with (alloc_demote_folio): NOWAIT | NOWARN | NORETRY | NOMEMALLOC | THISNODE |
 * HIGHUSER_MOVABLE. That node only, no reclaim, no retry, no reserves; it wakes that node's kswapd.
 */
export const GFP_DEMOTE: i32 = 126;
