/**
 * Which type to evict, and up to which tier (the PID controller of mm/vmscan.c, without its D). Tiers group the folios of
 * one generation by how often they were accessed other than through the page table; what was put back into the working
 * set by a refault is of the highest. The first tier is always evicted; another one is protected for as long as its share
 * of refaults, refaulted / (evicted + protected), is higher than the first tier's. Types are compared in the same way,
 * weighed by swappiness.
 *
 * The share is that of the generation being evicted plus an average over those before it, which halves with each.
 */
import { LRU_REFS_MASK, LRU_REFS_SHIFT, PG_WORKINGSET } from "./folio.ts";
import {
  L_AVG_REFAULTED,
  L_AVG_TOTAL,
  L_EVICTED,
  L_PROTECTED,
  L_REFAULTED,
  lru,
  MAX_NR_TIERS,
  setLru,
} from "./layout.ts";
import { LRU_GEN_ANON, LRU_GEN_FILE, MIN_LRU_BATCH } from "./lru-gen.ts";

/** The accesses that a folio's flags tell of, beyond the first (folio_lru_refs): 0 to 4. */
export function refsOf(w: i32): i32 {
  return ((w & LRU_REFS_MASK) >>> LRU_REFS_SHIFT) + ((w & PG_WORKINGSET) !== 0 ? 1 : 0);
}
/** The most that refsOf() gives: the folio was put back into the working set by a refault. */
export const MAX_REFS: i32 = 4;
/** ceil(log2(refs + 1)), 0 to 3 (lru_tier_from_refs). */
export function tierOf(refs: i32): i32 {
  return refs === 0 ? 0 : refs === 1 ? 1 : refs <= 3 ? 2 : 3;
}

function cell(type: i32, tier: i32): i32 {
  return (type << 4) + (tier << 2);
}
/** Pages of one tier that a generation counts; if it lasts for longer, all counts of the tier are halved. */
const MAX_COUNT: i32 = 1 << 28;
/** Count `nr` pages in one of L_REFAULTED, L_EVICTED, L_PROTECTED. */
export function addTier(lv: i32, field: i32, type: i32, tier: i32, nr: i32): void {
  const at = cell(type, tier);
  setLru(lv, field + at, lru(lv, field + at) + nr);
  if (lru(lv, field + at) < MAX_COUNT) return;
  for (let f: i32 = L_REFAULTED; f <= L_PROTECTED; f += L_EVICTED - L_REFAULTED) {
    setLru(lv, f + at, lru(lv, f + at) >>> 1);
  }
}
function refaulted(lv: i32, type: i32, tier: i32): i32 {
  const at = cell(type, tier);
  return lru(lv, L_AVG_REFAULTED + at) + lru(lv, L_REFAULTED + at);
}
function total(lv: i32, type: i32, tier: i32): i32 {
  const at = cell(type, tier);
  return lru(lv, L_AVG_TOTAL + at) + lru(lv, L_EVICTED + at) + lru(lv, L_PROTECTED + at);
}

/** The oldest generation of a type is closed: average its counts in, and start new ones (reset_ctrl_pos). */
export function resetCtrl(lv: i32, type: i32): void {
  for (let tier: i32 = 0; tier < MAX_NR_TIERS; tier++) {
    const at = cell(type, tier);
    setLru(lv, L_AVG_REFAULTED + at, refaulted(lv, type, tier) >>> 1);
    setLru(lv, L_AVG_TOTAL + at, total(lv, type, tier) >>> 1);
    setLru(lv, L_REFAULTED + at, 0);
    setLru(lv, L_EVICTED + at, 0);
    setLru(lv, L_PROTECTED + at, 0);
  }
}

/**
 * Whether tier `t` of type `y`, weighed by `gain`, has few refaults, or a share of them no higher than the first tier of
 * type `x` has (positive_ctrl_err).
 */
function noWorse(lv: i32, x: i32, xGain: i32, y: i32, t: i32, gain: i32): boolean {
  const pv: f64 = refaulted(lv, y, t);
  if (pv < MIN_LRU_BATCH) return true;
  const spTotal: f64 = total(lv, x, 0) + MIN_LRU_BATCH;
  const sp: f64 = refaulted(lv, x, 0) + 1;
  const pvTotal: f64 = total(lv, y, t);
  return pv * spTotal * xGain <= sp * pvTotal * gain;
}
/** The last tier of a type to evict, whatever the other type does (get_tier_idx). */
export function tierToEvict(lv: i32, type: i32): i32 {
  let tier: i32 = 1;
  while (tier < MAX_NR_TIERS && noWorse(lv, type, 1, type, tier, 2)) tier++;
  return tier - 1;
}
/** Which type to evict when both have folios of one generation (get_type_to_scan). */
export function typeToEvict(lv: i32, swappiness: i32): i32 {
  const file = 200 - swappiness;
  return noWorse(lv, LRU_GEN_ANON, swappiness, LRU_GEN_FILE, 0, file) ? LRU_GEN_FILE : LRU_GEN_ANON;
}
/** The last tier of `type`, which typeToEvict() chose, to evict: as long as it is no worse than the other type's first. */
export function tierAgainst(lv: i32, type: i32, swappiness: i32): i32 {
  const file = 200 - swappiness;
  const gain = type === LRU_GEN_FILE ? file : swappiness;
  const other = type === LRU_GEN_FILE ? LRU_GEN_ANON : LRU_GEN_FILE;
  let tier: i32 = 1;
  while (tier < MAX_NR_TIERS && noWorse(lv, other, 200 - gain, type, tier, gain)) tier++;
  return tier - 1;
}
