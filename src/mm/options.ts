/**
 * Behaviour switches. A preset is a set of them; each is a documented difference between the patch as posted in 2020,
 * today's kernel, and lieu (see presets.ts for who has which).
 */

/** Demotion is on (/sys/kernel/mm/numa/demotion_enabled). */
export const OPT_DEMOTION: i32 = 1;
/** A demotion target must be allowed by the owner's memory policy. */
export const OPT_HONOUR_MEMPOLICY: i32 = 2;
/** A demotion target must be in the owner group's mems. */
export const OPT_HONOUR_CPUSET: i32 = 4;
/** Count a demoted folio as one reclaimed page, whatever its size (the RFC's nr_reclaimed++). */
export const OPT_COUNT_FOLIOS: i32 = 8;
/** Reclaim for a group's limit demotes, and counts that as progress (Linux since 5.19). */
export const OPT_MEMCG_DEMOTES: i32 = 16;
/** When the target is full, its own coldest pages go down first; otherwise the source swaps at once. */
export const OPT_CASCADE: i32 = 32;
/** An allocation under the default policy makes room in its tier before it falls back to a slower one. */
export const OPT_TIER_FIRST: i32 = 64;
/** Discardable pages go to a swap device with room before they are dropped, and may be dropped from there. */
export const OPT_SWAP_FILE: i32 = 128;
/** Promotion by hint faults is on (numa_balancing mode 2). */
export const OPT_PROMOTION: i32 = 256;
/** If the target fails, any other lower node that is allowed is tried. */
export const OPT_ANY_LOWER: i32 = 512;
/** Room for unconditional promotion is 1/16 of the node; otherwise 1 GiB or that, whichever is more (Linux). */
export const OPT_SMALL_NODES: i32 = 1024;
/** The demotion target's kswapd is woken when its low watermark is missed. */
export const OPT_WAKE_TARGET: i32 = 2048;
/** Large folios are split when the target has no contiguous room. */
export const OPT_SPLIT: i32 = 4096;
/** A page back from swap after longer than the working set holds takes the slowest tier, and must earn its way up. */
export const OPT_COLD_REFAULTS: i32 = 16384;
/**
 * Keep no more free than must be: kswapd aims for high, also while promotion is on, and takes what is missing to it, where
 * Linux's takes up to as much again; promotion uses room down to low, where Linux's stops at high.
 */
export const OPT_LEAN: i32 = 32768;
/** A page that was found referenced often outlasts one that was touched once, lately (see shrink-list.ts). */
export const OPT_FREQUENCY: i32 = 65536;
/** The lists are multi-generational (lru-gen.ts); otherwise active and inactive (lruvec.ts). Not a behaviour of a preset. */
export const OPT_LRU_GEN: i32 = 8192;
/**
 * Room before loss (room.ts): nothing is swapped out or dropped while a node that its owner may use has free pages above its
 * high watermark, and what must go is what was asked for, no more.
 */
export const OPT_ROOM_FIRST: i32 = 262144;
/** Promotions that push out what is used as soon are made rare (see promotion-pays.ts). */
export const OPT_PROMOTION_PAYS: i32 = 131072;
/** A node or group in which a whole scan found nothing is not scanned again until something changed (hopeless.ts). */
export const OPT_HOPELESS: i32 = 1048576;
/**
 * Pages rise to any faster node that policy and group allow and that can take them, locked ones and those that a policy
 * wished higher too; a large folio is one offer, and is split where it does not fit (see rise.ts).
 */
export const OPT_RISE: i32 = 2097152;
/** What has to go is the coldest in its scope, whatever node it is on, by when it was last used (last-use.ts). */
export const OPT_COLDEST: i32 = 4194304;
