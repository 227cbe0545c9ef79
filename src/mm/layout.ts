/**
 * Every offset of the shared segment, and the accessors over it. This is the only file that knows where anything lies.
 *
 * One segment holds a whole memory:
 *
 *   header | scan controls | nodes | groups | lruvecs | mappings | swap devices | counters | walk filters |
 *   frames: flags refs next prev vpn owner private, of shared memories pins | page table: pte shadow | swap slots: vpn checksum |
 *   pool of compressed pages: classes, pages, buffers, dictionaries | frame bytes | pool bytes
 *
 * Frames, virtual pages and slots are structures of arrays. Frame numbers (pfn) run through all nodes; a node owns one
 * contiguous range that starts at a multiple of 512, so that a folio's head is found by masking. `next` and `prev` have
 * further entries behind the last frame: the heads of all lists, so that a list operation needs no special case.
 *
 * Cost: 28 bytes a frame (33 of a memory that is shared), 8 a virtual page, 8 a swap slot, 28 a page of the pool.
 */
import { ld, ldf, st, stf } from "./machine.ts";

export const PAGE_SHIFT: i32 = 12;
export const PAGE_SIZE: i32 = 4096;
/** Largest folio: 2^9 pages, 2 MiB. */
export const MAX_ORDER: i32 = 9;
export const NR_ORDERS: i32 = 10;
export const MAX_NODES: i32 = 16;
export const MAX_MEMCG: i32 = 64;
export const MAX_VMAS: i32 = 1024;
export const MAX_SWAP: i32 = 8;
/** Frame and slot numbers must fit the 26 bits that a page-table entry has for them. */
export const MAX_INDEX: i32 = 0x3ffffff;
export const MAGIC: i32 = 0x6c696575;
export const LAYOUT_VERSION: i32 = 10;

// ---- header: single words, except where marked f64 -----------------------------------------------------------------
export const H_MAGIC: i32 = 0;
export const H_VERSION: i32 = 4;
export const H_NR_NODES: i32 = 8;
export const H_NR_FRAMES: i32 = 12;
export const H_NR_VPNS: i32 = 16;
export const H_NR_SLOTS: i32 = 20;
export const H_NR_SWAP: i32 = 24;
/** Behaviour switches, the OPT_ bits of options.ts. */
export const H_OPTIONS: i32 = 28;
export const H_RNG: i32 = 32;
/** Nodes whose kswapd has been woken and not yet gone back to sleep, a bit each. */
export const H_KSWAPD: i32 = 36;
/** f64: the time in milliseconds, set by the runtime. */
export const H_CLOCK: i32 = 40;
export const H_SWAPPINESS: i32 = 48;
/** Byte address of frame 0's bytes, or 0 where frames have none. */
export const H_DATA: i32 = 52;
export const H_HOME: i32 = 56;
export const H_MEMCG_ROTOR: i32 = 60;
/**
 * Whose pressure this is (see balancing in memory-tiers.ts): the group whose allocation is under way; -1 = nobody's;
 * -2 - n = that of the groups that woke node n's kswapd, which is at work.
 */
export const H_PRESSURE: i32 = 64;
export const H_SWAP_FREE: i32 = 68;
export const H_SWAP_DISCARDABLE: i32 = 72;
export const H_TOP_TIER: i32 = 76;
// promotion
export const H_HINT_PERIOD: i32 = 80;
export const H_HINT_SIZE: i32 = 84;
export const H_HOT_THRESHOLD: i32 = 88;
export const H_RATE_LIMIT: i32 = 92;
/** f64: when the next hint scan is due; where it goes on: mapping and page, or node and frame (hint-scan.ts). */
export const H_HINT_DUE: i32 = 96;
export const H_HINT_VMA: i32 = 104;
export const H_HINT_VPN: i32 = 108;
export const H_SWAP_ROTOR: i32 = 112;
/** Scan controls in use: the depth of nested reclaim. */
export const H_DEPTH: i32 = 116;
/** One more than the highest group number in use. */
export const H_NR_MEMCG: i32 = 120;
/** How many mappings there can be so far: one more than the highest number in use. */
export const H_NR_VMAS: i32 = 124;
/** How many mappings there are, and where to begin to look for free virtual pages: all before are taken (vma.ts). */
export const H_NR_SPANS: i32 = 484;
export const H_FREE_VPN: i32 = 488;
/** f64: page-table entries that agings and look-arounds have looked at (lru-gen-walk.ts). */
export const H_WALKED: i32 = 128;
/** Why any scope is hopeless: the WHY_ bits of all of them; 0 = none is (hopeless.ts). */
export const H_HOPELESS: i32 = 136;
/** Swap devices that failed the request under way, a bit each. */
export const H_SWAP_TRIED: i32 = 140;
/** What the counters that wrap begin with, so that a test need not wait for it (INITIAL_JIFFIES). */
export const H_INITIAL: i32 = 480;
/** Nodes that had room for pages that come up, or could make some, when last looked at (rise.ts). */
export const H_RISE_OPEN: i32 = 144;
/** The time that last uses are told in, and the faults since it last moved on (last-use.ts). */
export const H_LRU_CLOCK: i32 = 152;
export const H_LRU_FAULTS: i32 = 156;
/** How old the pages in the middle are, in sixteenths; when that was found out, and of which nodes (middle.ts). */
export const H_MIDDLE_AGE: i32 = 176;
export const H_MIDDLE_AT: i32 = 180;
export const H_MIDDLE_OF: i32 = 184;
/** The time, plus 1, in which none that is as old was soon found (older-half.ts). */
export const H_MIDDLE_VAIN: i32 = 148;
// prices (prices.ts), ns each: a page moved; accesses to memory that a use stands for
export const H_PRICE_MOVE: i32 = 160;
export const H_PRICE_TOUCH: i32 = 164;
/** The fewest uses for which a page may be worth a move: hits are counted up to it before the engine is asked; 0: no hit is counted. */
export const H_USE_LIMIT: i32 = 168;
/** A look at a page by reclaim, ns. */
export const H_PRICE_LOOK: i32 = 172;
/** NR_PROBES words: pages on the fastest tier whose uses are counted, virtual page + 1 each; and the next to be used (newcomers.ts). */
export const H_PROBE: i32 = 188;
export const H_PROBES: i32 = 192;
export const NR_PROBES: i32 = 48;
/** The last stretch of time whose samples have been added up (samples.ts). */
export const H_STRETCH: i32 = 464;
// compressed pages (zsmalloc.ts, zswap.ts)
/** Pages of the pool, and the first of those that are free, plus 1. */
export const H_ZPOOL_PAGES: i32 = 400;
export const H_ZPOOL_FREE_LIST: i32 = 404;
export const H_ZPOOL_FREE: i32 = 408;
/** 1: the last page found no room in the pool, nor could any be made; until a slot is freed. */
export const H_ZSWAP_FULL: i32 = 412;
/** f64: bytes of the objects in the pool, as stored. */
export const H_ZPOOL_STORED: i32 = 416;
/** Free slots of devices for caches' pages alone; they are among H_SWAP_FREE. */
export const H_SWAP_FREE_CACHES: i32 = 424;
/** 8 bytes that only the caller outside the engine uses, to put together a number that lies across two pages. */
/** Which virtual pages the two pages of looks hold a copy of, plus 1 (look.ts); 0 = none. And which was used last. */
export const H_LOOKED: i32 = 436;
export const H_LOOK_TURN: i32 = 444;
// kswapd in a thread of its own (kswapd.ts, writeback.ts)
/** Pages that one step of kswapd takes at most; 0: as many as are missing. */
export const H_KSWAPD_BATCH: i32 = 448;
/** Not 0: pages on their way to a device are queued, and written while nobody waits (writeback.ts); by whom: who writes them, or a program. */
export const H_WRITES_LATER: i32 = 452;
export const WRITES_LATER: i32 = 1;
export const WRITES_LATER_PIECES: i32 = 2;
/** 1: somebody makes room for stores ahead of them; and whether one of them wants some (store/headroom.ts). */
export const H_HEADROOM: i32 = 456;
export const H_HEADROOM_WANTED: i32 = 460;
/** Some is; more than that: so little is left that whoever takes pages is to help, and so many he takes. */
export const HEADROOM_WANTED: i32 = 1;
/** Pages that were compressed; it wraps (zdict.ts). */
export const H_ZSTORES: i32 = 468;
// what of pages and mappings is under way, so that it can be ended by another if its thread dies (rebuild.ts)
/** Two frames whose bytes change places, plus 1 each (exchange.ts); 0: none do. */
export const H_EXCHANGING: i32 = 384;
export const H_EXCHANGING_WITH: i32 = 388;
/** One of the INTENT_ constants: whose places are being changed, and what they were (placement.ts); 0: nobody's. */
export const H_INTENT: i32 = 392;
export const INTENT_POLICY: i32 = 1;
export const INTENT_MEMS: i32 = 2;
export const H_INTENT_OF: i32 = 396;
export const H_INTENT_OLD: i32 = 428;
export const H_INTENT_OLD_MASK: i32 = 432;
/** Records of pins of pages that several threads hold (pins.ts), 0 where pins are nobody's; the first free one, plus 1; those ever in use. */
export const H_NR_PINS: i32 = 492;
export const H_PIN_FREE: i32 = 496;
export const H_PIN_FRESH: i32 = 500;
/** Pages that the pool has to do without, and the first of them, plus 1 (zs-balloon.ts). */
export const H_ZPOOL_HELD: i32 = 472;
export const H_ZPOOL_HELD_LIST: i32 = 476;
export const H_SCRATCH: i32 = 504;
/** The frame whose mark is read next (marks.ts). */
export const H_MARK_FRAME: i32 = 512;
/** Pages of the older half that were lost on other nodes than the slowest, and whose frames no cold page has taken yet; and those nodes, a bit each (alloc.ts). */
export const H_LOST: i32 = 516;
export const H_LOST_ON: i32 = 520;
/** NR_POOL pages that may be lost, the oldest first; and where from those that are: node and group (older-half.ts). */
export const H_POOL: i32 = 524;
export const NR_POOL: i32 = 16;
export const H_POOL_FROM: i32 = 588;
// pages that were lost, some of them (regrets.ts)
/** NR_KINDS words each: how many are remembered and out, the ticks that such were, and how many are back, in parts. */
export const H_GONE_OUT: i32 = 652;
export const H_GONE_TIME: i32 = 684;
export const H_GONE_BACK: i32 = 716;
export const NR_KINDS: i32 = 8;
/** NR_GONE of them, two words each: the virtual page, plus 1; when it was lost, and its kind. And which is looked at next. */
export const H_GONE_HAND: i32 = 748;
export const H_GONE: i32 = 752;
export const NR_GONE: i32 = 1024;
const HEADER_SIZE: i32 = 8960;

// ---- scan controls (struct scan_control), one a depth of nesting ---------------------------------------------------
export const SC_NR_TO_RECLAIM: i32 = 0;
export const SC_NR_RECLAIMED: i32 = 4;
export const SC_NR_SCANNED: i32 = 8;
export const SC_PRIORITY: i32 = 12;
/** ACTOR_KSWAPD, ACTOR_DIRECT or ACTOR_PROACTIVE. */
export const SC_ACTOR: i32 = 16;
export const SC_MAY_SWAP: i32 = 20;
export const SC_MAY_DEMOTE: i32 = 24;
/** 0 = demote only: what cannot be demoted is put back. */
export const SC_MAY_EVICT: i32 = 28;
/** The group to reclaim from, with its descendants; -1 = all. */
export const SC_MEMCG: i32 = 32;
export const SC_MAY_DEACTIVATE: i32 = 36;
export const SC_FORCE_DEACTIVATE: i32 = 40;
export const SC_MEMCG_LOW_RECLAIM: i32 = 44;
export const SC_MEMCG_LOW_SKIPPED: i32 = 48;
export const SC_IGNORE_REFERENCES: i32 = 52;
export const SC_CACHE_TRIM_MODE: i32 = 56;
export const SC_FILE_IS_TINY: i32 = 60;
export const SC_SKIPPED_DEACTIVATE: i32 = 64;
export const SC_NR_PAGEOUT: i32 = 68;
export const SC_PROACTIVE: i32 = 72;
/** 1: what is lost has not been used for longer than the working set (older-half.ts). */
export const SC_DISTANT: i32 = 76;
/** 4 words each: pages left to scan on each list, and what that was at the start. */
export const SC_NR: i32 = 80;
export const SC_TARGETS: i32 = 96;
/** Demotion targets that had no room in the last batch, a bit each. */
export const SC_FULL: i32 = 112;
/** Full targets on which this request has already tried in vain to make room, a bit each. */
export const SC_HOPELESS: i32 = 116;
/** Why something could not be taken, WHY_ bits; and the pages that were tried (hopeless.ts). */
export const SC_WHY: i32 = 120;
export const SC_TRIED: i32 = 124;
/** 1: take only what was last used before SC_LIMIT (last-use.ts); 2: the limit is that of the older half (stand-back.ts). */
export const SC_LIMITED: i32 = 128;
export const SC_LIMIT: i32 = 132;
/** Nodes that this reclaim is to empty, or to make room on for somebody: room on them is no refuge (room.ts). A bit each. */
export const SC_VACATE: i32 = 136;
/** Something was spared because its node has room again: there is no more to do. */
export const SC_SPARED: i32 = 140;
/** Pages on LIST_SWAP: as good as freed. */
export const SC_QUEUED: i32 = 144;
/** The page that changes places with the first that is to go down, by number + 1 (trade.ts); 0: none. */
export const SC_TRADE: i32 = 148;
export const SC_SIZE: i32 = 152;
export const MAX_DEPTH: i32 = 18;

// ---- nodes (pg_data_t) ---------------------------------------------------------------------------------------------
export const N_START: i32 = 0;
export const N_PAGES: i32 = 4;
export const N_FREE: i32 = 8;
export const N_WMARK_MIN: i32 = 12;
export const N_WMARK_LOW: i32 = 16;
export const N_WMARK_HIGH: i32 = 20;
export const N_WMARK_PROMO: i32 = 24;
export const N_ADISTANCE: i32 = 28;
export const N_TIER: i32 = 32;
export const N_DEMOTE_PREFERRED: i32 = 36;
export const N_DEMOTE_ALLOWED: i32 = 40;
/** Peers that this node may balance with, a bit each. */
export const N_BALANCE: i32 = 44;
export const N_KSWAPD_PRIORITY: i32 = 48;
export const N_KSWAPD_FAILURES: i32 = 52;
export const N_ISOLATED_ANON: i32 = 56;
export const N_ISOLATED_FILE: i32 = 60;
export const N_PROMO_THRESHOLD: i32 = 64;
/** Groups whose allocations woke this node's kswapd, 2 x 32 bits. */
export const N_WAKERS: i32 = 68;
/** Nanoseconds of an access to it. */
export const N_LATENCY: i32 = 76;
/** f64 each: start of the rate window, candidates at its start, start of the threshold window, candidates at its start. */
export const N_RATE_START: i32 = 80;
export const N_RATE_CANDIDATES: i32 = 88;
export const N_ADJUST_START: i32 = 96;
export const N_ADJUST_CANDIDATES: i32 = 104;
/** Whether this run of kswapd's has reclaimed any. */
export const N_KSWAPD_RECLAIMED: i32 = 112;
/** The node's watermarks are those of a movable zone (ZONE_MOVABLE), as hotplugged memory has: its min is small. */
export const N_MOVABLE: i32 = 116;
/** Moves to it made before anything was known. */
export const N_PROMO_TRIALS: i32 = 120;
/** MAX_NODES words: NUMA distance to each node. */
export const N_DISTANCE: i32 = 128;
/** MAX_NODES words: all nodes, nearest first. */
export const N_ZONELIST: i32 = 192;
/** The ways to reclaim for which the node is hopeless, and why (hopeless.ts). */
export const N_HOPELESS: i32 = 256;
export const N_WHY: i32 = 260;
// Uses of what was put below the node, or came down from it, and how many pages that were (newcomers.ts).
export const N_VICTIM_USES: i32 = 264;
export const N_VICTIM_NR: i32 = 268;
export const N_REFAULT_USES: i32 = 272;
export const N_REFAULT_NR: i32 = 276;
export const N_NEW_USES: i32 = 280;
export const N_NEW_NR: i32 = 284;
export const N_RIPE_USES: i32 = 304;
export const N_RIPE_NR: i32 = 308;
/** Looks at pages there of late, and how many were found that could make way (prices.ts). */
export const N_SEARCH_LOOKS: i32 = 288;
export const N_SEARCH_FOUND: i32 = 312;
/** Looks at victims before their time was over that those sums are of; -1 when they are of whole times (samples.ts). */
export const N_FIRST: i32 = 316;
// While a change of policy or mems is under way (evacuate.ts, exchange.ts):
/** Pages that have to leave the node; partners that will leave it; partners that will come to it. */
export const N_LEAVING: i32 = 292;
export const N_GIVING: i32 = 296;
export const N_COMING: i32 = 300;
/** Units of time that those samples took, together. */
export const N_VICTIM_TIME: i32 = 320;
export const N_REFAULT_TIME: i32 = 324;
export const N_RIPE_TIME: i32 = 328;
/** The squares of their uses, together, in units of 64. */
export const N_RIPE_SQUARES: i32 = 332;
/** Four classes by NR_STRETCHES: uses, time, squares and number of the samples that left before their time, which is in that stretch (samples.ts). */
export const N_EARLY: i32 = 336;
export const NR_STRETCHES: i32 = 8;
/** The same of pages that are back from swap soon. */
export const N_NEAR_USES: i32 = 848;
export const N_NEAR_TIME: i32 = 852;
export const N_NEAR_NR: i32 = 856;
/** Uses of victims, of each as many as its place is worth at most (samples.ts). */
export const N_VICTIM_WORTH: i32 = 860;
/** Pages that have come up to the node since room was last made for one (promote.ts). */
export const N_RISEN: i32 = 864;
const NODE_SIZE: i32 = 872;

// ---- groups (struct mem_cgroup) ------------------------------------------------------------------------------------
export const C_ACTIVE: i32 = 0;
export const C_PARENT: i32 = 4;
/** Resident pages, descendants included. */
export const C_USAGE: i32 = 8;
export const C_MIN: i32 = 12;
export const C_LOW: i32 = 16;
export const C_HIGH: i32 = 20;
export const C_MAX: i32 = 24;
/** cpuset.mems, a bit a node. */
export const C_MEMS: i32 = 28;
/** Pages in swap, descendants included. */
export const C_SWAP: i32 = 32;
/** The ways to reclaim for which the group is hopeless, and why (hopeless.ts). */
export const C_HOPELESS: i32 = 36;
export const C_WHY: i32 = 40;
/** Pages of the group that were compressed; and from how many on it may have a new dictionary; they wrap (zdict.ts). */
export const C_ZSTORES: i32 = 44;
export const C_ZDICT_NEXT: i32 = 48;
/** What its objects take in the pool of compressed pages, and its limit (memory.zswap.max), in units of 16 bytes; and its pages there. All with its descendants. */
export const ZSWAP_UNIT: i32 = 16;
export const C_ZSWAP: i32 = 52;
export const C_ZSWAP_MAX: i32 = 56;
export const C_ZSWAPPED: i32 = 60;
/** The slot of the pool, an offset, from which its next page to be written back is looked for (zswap.ts). */
export const C_ZSWAP_HAND: i32 = 64;
const MEMCG_SIZE: i32 = 128;

// ---- lruvecs (struct lruvec): one for each node and group ----------------------------------------------------------
export const LRU_INACTIVE_ANON: i32 = 0;
export const LRU_ACTIVE_ANON: i32 = 1;
export const LRU_INACTIVE_FILE: i32 = 2;
export const LRU_ACTIVE_FILE: i32 = 3;
export const LRU_UNEVICTABLE: i32 = 4;
export const NR_LRU_LISTS: i32 = 5;
/** NR_LRU_LISTS words: pages on each list. */
export const L_SIZE: i32 = 0;
/** Evictions and activations; it wraps (workingset.ts). */
export const L_NONRESIDENT_AGE: i32 = 20;
/** f64 each: the cost of reclaiming either type lately. */
export const L_ANON_COST: i32 = 24;
export const L_FILE_COST: i32 = 32;
/** 2 words: workingset_activate counts when last looked at. They wrap: all that is asked is whether they have changed. */
export const L_REFAULTS: i32 = 40;
/** 2 words: workingset activations of this lruvec. */
export const L_ACTIVATIONS: i32 = 48;
// The multi-generational design (struct lru_gen_folio); see lru-gen.ts.
/** Generations' slots; a generation of sequence number s is in slot s % MAX_NR_GENS. */
export const MAX_NR_GENS: i32 = 4;
export const MAX_NR_TIERS: i32 = 4;
/** Sequence number of the youngest generation. They wrap, and are compared by their difference. */
export const L_MAX_SEQ: i32 = 56;
/** 2 words: sequence numbers of the oldest generations, of anonymous and of file folios. */
export const L_MIN_SEQ: i32 = 60;
/** MAX_NR_GENS x 2 words: pages of each generation and type, by the folios' flags. */
export const L_GEN_PAGES: i32 = 68;
// 2 x MAX_NR_TIERS words each: refaults and evictions of each type and tier; averages over the generations that are gone,
// and counts since the oldest generation became the oldest.
export const L_AVG_REFAULTED: i32 = 100;
export const L_AVG_TOTAL: i32 = 132;
export const L_REFAULTED: i32 = 164;
export const L_EVICTED: i32 = 196;
export const L_PROTECTED: i32 = 228;
/** MAX_NR_GENS words: when each generation's slot was last opened (last-use.ts). */
export const L_GEN_BIRTH: i32 = 260;
const LRUVEC_SIZE: i32 = 280;
/** List heads of one lruvec: the classic lists, of which both designs use the unevictable one, then the generations'. */
const NR_LRU_HEADS: i32 = NR_LRU_LISTS + MAX_NR_GENS * 2;

/** Virtual pages that one bit of a walk filter stands for: those of one page of page-table entries. */
export const WALK_BLOCK_SHIFT: i32 = 9;
export const WALK_BLOCK: i32 = 512;

// ---- mappings (struct vm_area_struct) ------------------------------------------------------------------------------
/** One of the VMA_ states. */
export const V_ACTIVE: i32 = 0;
export const VMA_LIVES: i32 = 1;
/** Being unmapped; to be emptied by the next rebuild (rebuild.ts). */
export const VMA_DYING: i32 = 2;
export const VMA_LOST: i32 = 3;
export const V_START: i32 = 4;
export const V_PAGES: i32 = 8;
/** 0 = anonymous (a region), 1 = file (clean, discardable: a cache). */
export const V_FILE: i32 = 12;
export const V_MEMCG: i32 = 16;
export const V_POLICY: i32 = 20;
export const V_NODEMASK: i32 = 24;
export const V_ORDER: i32 = 28;
export const V_LOCKED: i32 = 32;
export const V_RESIDENT: i32 = 36;
export const V_SWAPPED: i32 = 40;
/** Pages that were unmapped while somebody held them, who still does. */
export const V_HELD: i32 = 44;
/** Where the mapping's pages may be from now on, while they are being moved there, a bit a node; 0: no such move. */
export const V_MOVE_TO: i32 = 48;
/** Its pages that are elsewhere yet. */
export const V_STRAYS: i32 = 52;
/** Uses of its new pages, and how many of them that were (newcomers.ts). */
export const V_NEW_USES: i32 = 56;
export const V_NEW_NR: i32 = 60;
/** MAX_NODES words: weights of weighted interleave. */
export const V_WEIGHTS: i32 = 64;
/** Accesses to memory that a use of it is, as far as its last first touch of a page tells (mm.ts). */
export const V_USE: i32 = 128;
const VMA_SIZE: i32 = 192;
/** A mapping in the order of addresses: its first virtual page, the one after its last, its number (vma.ts). */
export const SPAN_SIZE: i32 = 12;

// ---- swap devices (struct swap_info_struct) ------------------------------------------------------------------------
export const S_START: i32 = 0;
export const S_SLOTS: i32 = 4;
export const S_FREE: i32 = 8;
export const S_PRIORITY: i32 = 12;
/** Next-fit hand; also the age order of the slots. */
export const S_HAND: i32 = 16;
export const S_DISCARDABLE: i32 = 20;
/** 1: the last write failed. */
export const S_FAILED: i32 = 24;
/** 1: for caches' pages alone, as the device may lose what it keeps. */
export const S_CACHES: i32 = 28;
const SWAP_SIZE: i32 = 64;
/** Sets of slots, and the bits of a word of one, as a shift (slot-sets.ts). */
const NR_SLOT_SETS: i32 = 3;
export const SLOT_SET_BITS: i32 = 5;

// ---- compressed pages (struct size_class, struct zspage) -----------------------------------------------------------
/** Size classes: multiples of 16 bytes, up to a page. */
export const NR_ZS_CLASSES: i32 = 257;
/** Bytes of an object; pages of a zspage; objects that fit it. */
export const ZC_SIZE: i32 = 0;
export const ZC_PAGES: i32 = 4;
export const ZC_OBJECTS: i32 = 8;
/** The number of the class that stands for this one: the largest that has as many objects in as many pages. */
export const ZC_MERGED: i32 = 12;
/** 4 words: zspages by how full they are, from under a quarter to full; the number of the first one's first page, plus 1. */
export const ZC_LISTS: i32 = 16;
const ZCLASS_SIZE: i32 = 32;
/** A page's zspage, by its first page; the next page of it, plus 1 (of a free page: the next free one). */
export const ZP_FIRST: i32 = 0;
export const ZP_NEXT: i32 = 4;
/** Of a first page: class, objects in use, the first free object plus 1, neighbours on the class's list plus 1. */
export const ZP_CLASS: i32 = 8;
export const ZP_INUSE: i32 = 12;
export const ZP_FREE: i32 = 16;
export const ZP_LIST_NEXT: i32 = 20;
export const ZP_LIST_PREV: i32 = 24;
const ZPAGE_SIZE: i32 = 28;
/** Where a page is compressed to; where an object that lies across two pages is put together; and the two tables to compress with. */
const ZBUFFER_SIZE: i32 = 2 * 4096;
const ZTABLE_SIZE: i32 = 16384;
/** Pages that are written back in one batch, on their way from the pool to a device. */
export const ZBOUNCE_PAGES: i32 = 8;

/** Dictionaries of compressed pages (zdict.ts), of so many at most. */
export const MAX_ZDICTS: i32 = 8;
/** One of zdict.ts' states; whose it is; objects that need it; its bytes so far. */
export const ZD_STATE: i32 = 0;
export const ZD_MEMCG: i32 = 4;
export const ZD_USERS: i32 = 8;
export const ZD_FILL: i32 = 12;
/** Pages seen since it has been in this state; and H_ZSTORES when the last was. */
export const ZD_SEEN: i32 = 16;
export const ZD_LAST: i32 = 20;
/** Bytes of the first pages compressed with it and without. */
export const ZD_WITH: i32 = 24;
export const ZD_WITHOUT: i32 = 28;
/** Of how many pages it sees one, while it is filled; the dictionary that it is to take the place of, plus 1. */
export const ZD_EVERY: i32 = 32;
export const ZD_OLD: i32 = 36;
const ZDICT_SIZE: i32 = 64;

// ---- pins of pages that several threads hold (pins.ts) ------------------------------------------------------------
/** Whose and how many; the next record of the page, plus 1. */
export const PN_HOLD: i32 = 0;
export const PN_NEXT: i32 = 4;
const PIN_SIZE: i32 = 8;

/** Marks of threads, by slot: a line of the processor's cache each. */
export const NR_MARKS: i32 = 256;
export const MARK_SIZE: i32 = 64;

/** Lanes of threads, by slot from 1 on, for gets without the lock (store/glimpse.ts); only where there are records of pins. */
export const NR_LANES: i32 = 64;
/** Hits that nobody was told of yet: how many there ever were, of which how many were told, and a ring of the last ones. */
export const LANE_NOTED: i32 = 0;
export const LANE_TOLD: i32 = 64;
export const LANE_RING: i32 = 128;
/** Entries of the ring, of four words: the mapping of the cache, which of those that had its number it is, the key's hash, the location. */
export const LANE_NOTES: i32 = 128;
/** What was found: location, length, bits, hash; the key that is looked for, and the value. */
export const LANE_OUT: i32 = LANE_RING + (LANE_NOTES << 4);
export const LANE_KEY: i32 = LANE_OUT + 64;
export const LANE_VALUE: i32 = LANE_KEY + 2048;
export const LANE_SIZE: i32 = LANE_VALUE + 4096 + 64;

/** Counters in one vmstat array; must be at least NR_VM_EVENTS of vmstat.ts. */
export const VMSTAT_SLOTS: i32 = 96;
const VMSTAT_SIZE: i32 = VMSTAT_SLOTS * 8;

/** Where keys, results and small values pass between a caller and the stores: bytes of each, and of all. */
export const STORE_KEY_SIZE: i32 = 2048;
export const STORE_OUT_SIZE: i32 = 64;
export const STORE_VALUE_SIZE: i32 = 16384;
/** Versions of what is held above the stores (store/above.ts): a line for the word that counts for all, then this many words. */
export const NR_VERSIONS: i32 = 16384;
const STORE_VERSIONS_SIZE: i32 = 64 + NR_VERSIONS * 4;
const STORE_AREA_SIZE: i32 = STORE_KEY_SIZE + STORE_OUT_SIZE + STORE_VALUE_SIZE + STORE_VERSIONS_SIZE;

/** Pages that may be on their way to devices at a time (writeback.ts): a word for how many are, then a word each. */
export const NR_WRITEBACK: i32 = 64;
const WRITEBACK_SIZE: i32 = 64 + NR_WRITEBACK * 4;

/** List heads of one depth of nested reclaim. */
export const NR_SCAN_LISTS: i32 = 8;

// ---- where each part starts; derived from the header, never stored elsewhere ---------------------------------------
let SCAN: i32 = 0;
let NODES: i32 = 0;
let MEMCGS: i32 = 0;
let LRUVECS: i32 = 0;
let VMAS: i32 = 0;
let SPANS: i32 = 0;
let VMA_IDS: i32 = 0;
let SWAPS: i32 = 0;
let STATS: i32 = 0;
let FILTERS: i32 = 0;
let F_FLAGS: i32 = 0;
let F_REFS: i32 = 0;
let F_NEXT: i32 = 0;
let F_PREV: i32 = 0;
let F_VPN: i32 = 0;
let F_OWNER: i32 = 0;
let F_PRIVATE: i32 = 0;
let PINS: i32 = 0;
let PIN_RECORDS: i32 = 0;
let PTES: i32 = 0;
let SHADOWS: i32 = 0;
let SLOT_VPN: i32 = 0;
let SLOT_SUM: i32 = 0;
let SLOT_SETS: i32 = 0;
let ZCLASSES: i32 = 0;
let ZPAGES: i32 = 0;
let ZBUFFER: i32 = 0;
let ZTABLE: i32 = 0;
let ZBOUNCE: i32 = 0;
let ZDICTS: i32 = 0;
let ZDICT_BYTES: i32 = 0;
let SCRATCH: i32 = 0;
let WRITEBACK: i32 = 0;
let STORE_AREA: i32 = 0;
let LOOKS: i32 = 0;
let MARKS: i32 = 0;
let LANES: i32 = 0;
let METADATA: i32 = 0;
let nrFrames: i32 = 0;
let nrNodes: i32 = 0;
let freeHeads: i32 = 0;
let lruHeads: i32 = 0;
let scanHeads: i32 = 0;
let nrZdicts: i32 = 0;
let zdictPages: i32 = 0;
let frameBytes: i32 = 0;
let filterBytes: i32 = 0;
let slotSetBytes: i32 = 0;

/** Pages of a dictionary of a pool of `zpages`; each of its two tables takes as many. 0: it has none. */
function pagesOfZdict(zpages: i32): i32 {
  if (zpages >= 1024) return 8;
  return zpages >= 256 ? 4 : zpages >= 64 ? 1 : 0;
}
/** How many dictionaries a pool of `zpages` may have: with their tables they take a twentieth of it at most. */
function zdictsOf(zpages: i32): i32 {
  const pages = pagesOfZdict(zpages);
  if (pages === 0) return 0;
  const n = (zpages / (pages << 6)) | 0;
  return n < MAX_ZDICTS ? n : MAX_ZDICTS;
}
/** Words of a set of `slots` slots: a bit for each, and above that for each word below, up to a single word (slot-sets.ts). */
function wordsOfSlotSet(slots: i32): i32 {
  let all: i32 = 0;
  if (slots === 0) return 0;
  for (let n: i32 = slots; n > 1 || all === 0; all += n) n = ((n - 1) >>> SLOT_SET_BITS) + 1;
  return all;
}
/** Compute where each part starts for a segment of this shape. Returns the bytes of metadata, a multiple of the page size. */
export function place(nodes: i32, frames: i32, vpns: i32, slots: i32, zpages: i32 = 0, pins: i32 = 0): i32 {
  nrNodes = nodes;
  nrFrames = frames;
  freeHeads = frames;
  lruHeads = freeHeads + nodes * NR_ORDERS;
  scanHeads = lruHeads + nodes * MAX_MEMCG * NR_LRU_HEADS;
  const links = (scanHeads + MAX_DEPTH * NR_SCAN_LISTS + 15) & ~15;
  const words = (frames + 15) & ~15;
  const pages = (vpns + 15) & ~15;
  const cells = (slots + 15) & ~15;
  SCAN = HEADER_SIZE;
  NODES = SCAN + ((MAX_DEPTH * SC_SIZE + 63) & ~63);
  MEMCGS = NODES + MAX_NODES * NODE_SIZE;
  LRUVECS = MEMCGS + MAX_MEMCG * MEMCG_SIZE;
  VMAS = (LRUVECS + nodes * MAX_MEMCG * LRUVEC_SIZE + 63) & ~63;
  SPANS = VMAS + MAX_VMAS * VMA_SIZE;
  VMA_IDS = SPANS + MAX_VMAS * SPAN_SIZE;
  SWAPS = VMA_IDS + (MAX_VMAS >> 3);
  STATS = SWAPS + MAX_SWAP * SWAP_SIZE;
  SCRATCH = STATS + (1 + MAX_NODES + MAX_MEMCG) * VMSTAT_SIZE;
  WRITEBACK = SCRATCH + 256;
  FILTERS = WRITEBACK + WRITEBACK_SIZE;
  filterBytes = ((vpns >> (WALK_BLOCK_SHIFT + 5)) + 1) << 2;
  F_FLAGS = (FILTERS + nodes * 2 * filterBytes + 63) & ~63;
  F_REFS = F_FLAGS + words * 4;
  F_VPN = F_REFS + words * 4;
  F_OWNER = F_VPN + words * 4;
  F_PRIVATE = F_OWNER + words * 4;
  F_NEXT = F_PRIVATE + words * 4;
  F_PREV = F_NEXT + links * 4;
  PINS = F_PREV + links * 4;
  PIN_RECORDS = pins > 0 ? PINS + words * 4 : PINS;
  PTES = PIN_RECORDS + ((pins * PIN_SIZE + 63) & ~63);
  SHADOWS = PTES + pages * 4;
  SLOT_VPN = SHADOWS + pages * 4;
  SLOT_SUM = SLOT_VPN + cells * 4;
  SLOT_SETS = SLOT_SUM + cells * 4;
  slotSetBytes = wordsOfSlotSet(slots) << 2;
  ZCLASSES = (SLOT_SETS + NR_SLOT_SETS * slotSetBytes + 63) & ~63;
  ZPAGES = ZCLASSES + (zpages > 0 ? NR_ZS_CLASSES * ZCLASS_SIZE : 0);
  ZBUFFER = (ZPAGES + zpages * ZPAGE_SIZE + 63) & ~63;
  ZTABLE = ZBUFFER + ZBUFFER_SIZE;
  ZBOUNCE = ZTABLE + ZTABLE_SIZE;
  ZDICTS = ZBOUNCE + ZBOUNCE_PAGES * PAGE_SIZE;
  ZDICT_BYTES = ZDICTS + MAX_ZDICTS * ZDICT_SIZE;
  nrZdicts = zdictsOf(zpages);
  zdictPages = pagesOfZdict(zpages);
  STORE_AREA = zpages > 0 ? zdictAddr(nrZdicts) : ZCLASSES;
  LOOKS = (STORE_AREA + STORE_AREA_SIZE + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  MARKS = LOOKS + 2 * PAGE_SIZE;
  LANES = MARKS + NR_MARKS * MARK_SIZE;
  METADATA = (LANES + (pins > 0 ? NR_LANES * LANE_SIZE : 0) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  return METADATA;
}

/** Find the parts of the segment that is plugged in, from its header. */
export function attach(): void {
  place(ld(H_NR_NODES), ld(H_NR_FRAMES), ld(H_NR_VPNS), ld(H_NR_SLOTS), ld(H_ZPOOL_PAGES), ld(H_NR_PINS));
  frameBytes = ld(H_DATA);
}

// ---- accessors -----------------------------------------------------------------------------------------------------
export function hdr(field: i32): i32 {
  return ld(field);
}
export function setHdr(field: i32, v: i32): void {
  st(field, v);
}
export function clock(): f64 {
  return ldf(H_CLOCK);
}
export function hdrf(field: i32): f64 {
  return ldf(field);
}
export function setHdrf(field: i32, v: f64): void {
  stf(field, v);
}
/** A field of the current scan control. */
export function sc(field: i32): i32 {
  return ld(SCAN + ld(H_DEPTH) * SC_SIZE + field);
}
export function setSc(field: i32, v: i32): void {
  st(SCAN + ld(H_DEPTH) * SC_SIZE + field, v);
}
export function node(nid: i32, field: i32): i32 {
  return ld(NODES + nid * NODE_SIZE + field);
}
export function setNode(nid: i32, field: i32, v: i32): void {
  st(NODES + nid * NODE_SIZE + field, v);
}
export function addNode(nid: i32, field: i32, d: i32): void {
  const p = NODES + nid * NODE_SIZE + field;
  st(p, ld(p) + d);
}
export function nodef(nid: i32, field: i32): f64 {
  return ldf(NODES + nid * NODE_SIZE + field);
}
export function setNodef(nid: i32, field: i32, v: f64): void {
  stf(NODES + nid * NODE_SIZE + field, v);
}
export function memcg(id: i32, field: i32): i32 {
  return ld(MEMCGS + id * MEMCG_SIZE + field);
}
export function setMemcg(id: i32, field: i32, v: i32): void {
  st(MEMCGS + id * MEMCG_SIZE + field, v);
}
/** The lruvec of a node and a group. */
export function lruvecOf(nid: i32, cg: i32): i32 {
  return LRUVECS + (nid * MAX_MEMCG + cg) * LRUVEC_SIZE;
}
export function lru(lv: i32, field: i32): i32 {
  return ld(lv + field);
}
export function setLru(lv: i32, field: i32, v: i32): void {
  st(lv + field, v);
}
export function lruf(lv: i32, field: i32): f64 {
  return ldf(lv + field);
}
export function setLruf(lv: i32, field: i32, v: f64): void {
  stf(lv + field, v);
}
export function vma(id: i32, field: i32): i32 {
  return ld(VMAS + id * VMA_SIZE + field);
}
/** Byte address of the `i`-th mapping in the order of addresses. */
export function spanAddr(i: i32): i32 {
  return SPANS + i * SPAN_SIZE;
}
/** Byte address of a bit for each number of a mapping: whether it is in use. */
export function vmaIdsAddr(): i32 {
  return VMA_IDS;
}
export function setVma(id: i32, field: i32, v: i32): void {
  st(VMAS + id * VMA_SIZE + field, v);
}
export function addVma(id: i32, field: i32, d: i32): void {
  const p = VMAS + id * VMA_SIZE + field;
  st(p, ld(p) + d);
}
export function swapDev(dev: i32, field: i32): i32 {
  return ld(SWAPS + dev * SWAP_SIZE + field);
}
export function setSwapDev(dev: i32, field: i32, v: i32): void {
  st(SWAPS + dev * SWAP_SIZE + field, v);
}

/** Counter arrays: 0 = global, then one a node, then one a group. */
export function statGlobal(item: i32): i32 {
  return STATS + (item << 3);
}
export function statNode(nid: i32, item: i32): i32 {
  return STATS + (1 + nid) * VMSTAT_SIZE + (item << 3);
}
export function statMemcg(cg: i32, item: i32): i32 {
  return STATS + (1 + MAX_NODES + cg) * VMSTAT_SIZE + (item << 3);
}

export function flags(f: i32): i32 {
  return ld(F_FLAGS + (f << 2));
}
export function setFlags(f: i32, v: i32): void {
  st(F_FLAGS + (f << 2), v);
}
export function refs(f: i32): i32 {
  return ld(F_REFS + (f << 2));
}
export function setRefs(f: i32, v: i32): void {
  st(F_REFS + (f << 2), v);
}
export function next(f: i32): i32 {
  return ld(F_NEXT + (f << 2));
}
export function setNext(f: i32, v: i32): void {
  st(F_NEXT + (f << 2), v);
}
export function prev(f: i32): i32 {
  return ld(F_PREV + (f << 2));
}
export function setPrev(f: i32, v: i32): void {
  st(F_PREV + (f << 2), v);
}
/** The virtual page that a folio's first page is mapped at (the reverse map). */
export function vpnOf(f: i32): i32 {
  return ld(F_VPN + (f << 2));
}
export function setVpnOf(f: i32, v: i32): void {
  st(F_VPN + (f << 2), v);
}
/** The mapping that a folio belongs to. */
export function ownerVma(f: i32): i32 {
  return ld(F_OWNER + (f << 2)) >>> 8;
}
/** The group that a folio is charged to. */
export function ownerMemcg(f: i32): i32 {
  return ld(F_OWNER + (f << 2)) & 255;
}
export function setOwner(f: i32, vmaId: i32, cg: i32): void {
  st(F_OWNER + (f << 2), (vmaId << 8) | cg);
}
/**
 * On a slower node, how often the frame was used since when (uses.ts), or when it was last marked for a hint fault (ms); while it
 * is being swapped out, its slot.
 */
export function priv(f: i32): i32 {
  return ld(F_PRIVATE + (f << 2));
}
export function setPriv(f: i32, v: i32): void {
  st(F_PRIVATE + (f << 2), v);
}
/** Who holds a frame (pins.ts); only where there are records of pins. */
export function pinWord(f: i32): i32 {
  return ld(PINS + (f << 2));
}
export function setPinWord(f: i32, v: i32): void {
  st(PINS + (f << 2), v);
}
export function pinRecord(i: i32, field: i32): i32 {
  return ld(PIN_RECORDS + i * PIN_SIZE + field);
}
export function setPinRecord(i: i32, field: i32, v: i32): void {
  st(PIN_RECORDS + i * PIN_SIZE + field, v);
}
export function pte(vpn: i32): i32 {
  return ld(PTES + (vpn << 2));
}
export function setPte(vpn: i32, v: i32): void {
  st(PTES + (vpn << 2), v);
}
/** What an evicted page has left behind (lru.ts); of a page that is present, when it was last used (last-use.ts). */
export function shadow(vpn: i32): i32 {
  return ld(SHADOWS + (vpn << 2));
}
export function setShadow(vpn: i32, v: i32): void {
  st(SHADOWS + (vpn << 2), v);
}
/**
 * The virtual page whose content a slot holds, plus 1; 0 = free. The sign bit says that the page may be discarded, the next one that it
 * is of one word (swap.ts).
 */
export function slotVpn(slot: i32): i32 {
  return ld(SLOT_VPN + (slot << 2));
}
export function setSlotVpn(slot: i32, v: i32): void {
  st(SLOT_VPN + (slot << 2), v);
}
export function slotSum(slot: i32): i32 {
  return ld(SLOT_SUM + (slot << 2));
}
export function setSlotSum(slot: i32, v: i32): void {
  st(SLOT_SUM + (slot << 2), v);
}
/** A field of a size class. */
export function zclass(c: i32, field: i32): i32 {
  return ld(ZCLASSES + c * ZCLASS_SIZE + field);
}
export function setZclass(c: i32, field: i32, v: i32): void {
  st(ZCLASSES + c * ZCLASS_SIZE + field, v);
}
/** A field of a page of the pool. */
export function zpage(p: i32, field: i32): i32 {
  return ld(ZPAGES + p * ZPAGE_SIZE + field);
}
export function setZpage(p: i32, field: i32, v: i32): void {
  st(ZPAGES + p * ZPAGE_SIZE + field, v);
}
/** Byte address of a page of the pool: they lie behind the frames. */
export function zpageAddr(p: i32): i32 {
  return frameBytes + ((nrFrames + p) << PAGE_SHIFT);
}
/** Byte addresses of a page's room for what is compressed, of another for what is read, and of the table to compress with. */
export function zbufferAddr(): i32 {
  return ZBUFFER;
}
export function zreadAddr(): i32 {
  return ZBUFFER + PAGE_SIZE;
}
export function ztableAddr(): i32 {
  return ZTABLE;
}
/** Byte address of a page between the pool and a device. */
export function zbounceAddr(i: i32): i32 {
  return ZBOUNCE + (i << PAGE_SHIFT);
}
/** A field of a dictionary. */
export function zdict(d: i32, field: i32): i32 {
  return ld(ZDICTS + d * ZDICT_SIZE + field);
}
export function setZdict(d: i32, field: i32, v: i32): void {
  st(ZDICTS + d * ZDICT_SIZE + field, v);
}
/** How many dictionaries there are room for. */
export function zdicts(): i32 {
  return nrZdicts;
}
/** Bytes of a dictionary, and of each of its tables. */
export function zdictSize(): i32 {
  return zdictPages << PAGE_SHIFT;
}
/** Byte address of a dictionary, with its tables behind it. */
export function zdictAddr(d: i32): i32 {
  return ZDICT_BYTES + ((d * zdictPages * 3) << PAGE_SHIFT);
}
/** Byte address of the first thread's mark (runtime/gate.ts). */
export function marksAddr(): i32 {
  return MARKS;
}
/** Byte address of a word: 1: some threads use pages of regions without the lock (still.ts). In the line of slot 0, which nobody has, behind the map of open gates. */
export function gateAddr(): i32 {
  return MARKS + 32;
}
/**
 * Byte address of an f64 in the same line: how often the lock was taken and let go of, so that it is odd while somebody has it
 * (runtime/shared-lock.ts). And of a word: 1: a lane has hits that nobody was told of.
 */
export function turnsAddr(): i32 {
  return MARKS + 40;
}
export function notedAddr(): i32 {
  return MARKS + 48;
}
/** Byte address of a word in the same line: 1: somebody waits for the lock (runtime/shared-lock.ts). */
export function wantedAddr(): i32 {
  return MARKS + 52;
}
/** Byte address of the lane of a slot, from 1 to NR_LANES. */
export function laneAddr(slot: i32): i32 {
  return LANES + (slot - 1) * LANE_SIZE;
}
/** Byte address of a frame's content; 0 where frames have no bytes. */
export function frameAddr(f: i32): i32 {
  return frameBytes === 0 ? 0 : frameBytes + (f << PAGE_SHIFT);
}
export function hasBytes(): boolean {
  return frameBytes !== 0;
}
/** Byte address of 64 words for the arguments of one host call. */
export function scratch(): i32 {
  return SCRATCH;
}
/** Byte address of the word that says how many pages are under writeback, and of the word of one of them. */
export function writebackCountAddr(): i32 {
  return WRITEBACK;
}
export function writebackAddr(i: i32): i32 {
  return WRITEBACK + 64 + (i << 2);
}
/** Byte addresses of what passes between callers and stores. */
export function storeKeyAddr(): i32 {
  return STORE_AREA;
}
export function storeOutAddr(): i32 {
  return STORE_AREA + STORE_KEY_SIZE;
}
export function storeValueAddr(): i32 {
  return STORE_AREA + STORE_KEY_SIZE + STORE_OUT_SIZE;
}
/** Byte address of the version that counts for all items, and of the one of those with this hash. */
export function allVersionsAddr(): i32 {
  return storeValueAddr() + STORE_VALUE_SIZE;
}
export function versionAddr(hash: i32): i32 {
  return allVersionsAddr() + 64 + ((hash & (NR_VERSIONS - 1)) << 2);
}
/** Byte address of the first of two pages that are read from swap only to be looked at. */
export function lookAddr(): i32 {
  return LOOKS;
}
export function freeHead(nid: i32, order: i32): i32 {
  return freeHeads + nid * NR_ORDERS + order;
}
export function lruHead(nid: i32, cg: i32, list: i32): i32 {
  return lruHeads + (nid * MAX_MEMCG + cg) * NR_LRU_HEADS + list;
}
/** The list of a generation's slot and type. */
export function lruGenHead(nid: i32, cg: i32, gen: i32, type: i32): i32 {
  return lruHead(nid, cg, NR_LRU_LISTS) + (gen << 1) + type;
}
/** Byte address of the word of a node's walk filter `which` (0, 1) that holds the bit of virtual page `vpn`'s block. */
export function walkFilterWord(nid: i32, which: i32, vpn: i32): i32 {
  return FILTERS + ((nid << 1) + which) * filterBytes + ((vpn >> (WALK_BLOCK_SHIFT + 5)) << 2);
}
/** A list head of the current depth of reclaim. */
export function scanHead(list: i32): i32 {
  return scanHeads + ld(H_DEPTH) * NR_SCAN_LISTS + list;
}
export function frames(): i32 {
  return nrFrames;
}
export function nodes(): i32 {
  return nrNodes;
}

// ---- for the hot path outside the engine, which reads the page table itself ----------------------------------------
/** Byte address of the page table. */
export function pageTableAddr(): i32 {
  return PTES;
}
/** Byte address of the frames' flags. */
export function frameFlagsAddr(): i32 {
  return F_FLAGS;
}
/** Byte address of a mapping. */
export function vmaAddr(id: i32): i32 {
  return VMAS + id * VMA_SIZE;
}
/** Byte address of a set of slots (slot-sets.ts). */
export function slotSet(set: i32): i32 {
  return SLOT_SETS + set * slotSetBytes;
}
/** Empty all sets of slots. */
export function clearSlotSets(): void {
  for (let p: i32 = SLOT_SETS; p < SLOT_SETS + NR_SLOT_SETS * slotSetBytes; p += 4) st(p, 0);
}
/** Byte addresses of the first slot's virtual page, and of its checksum. */
export function slotVpnsAddr(): i32 {
  return SLOT_VPN;
}
export function slotSumsAddr(): i32 {
  return SLOT_SUM;
}
/** Byte address of the frames' private words. */
export function framePrivateAddr(): i32 {
  return F_PRIVATE;
}
