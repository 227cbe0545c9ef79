/**
 * Presets: sets of behaviours for study and comparison. Not part of the portable subset.
 */
import {
  OPT_ANY_LOWER,
  OPT_CASCADE,
  OPT_COLD_REFAULTS,
  OPT_COLDEST,
  OPT_COUNT_FOLIOS,
  OPT_DEMOTION,
  OPT_FREQUENCY,
  OPT_HONOUR_CPUSET,
  OPT_HONOUR_MEMPOLICY,
  OPT_HOPELESS,
  OPT_LEAN,
  OPT_MEMCG_DEMOTES,
  OPT_PROMOTION,
  OPT_PROMOTION_PAYS,
  OPT_RISE,
  OPT_ROOM_FIRST,
  OPT_SMALL_NODES,
  OPT_SPLIT,
  OPT_SWAP_FILE,
  OPT_TIER_FIRST,
  OPT_WAKE_TARGET,
} from "./options.ts";

/** Every behaviour switch, by name; see options.ts for what each does. */
export const BEHAVIOURS = {
  demotion: OPT_DEMOTION,
  honourMempolicy: OPT_HONOUR_MEMPOLICY,
  honourCpuset: OPT_HONOUR_CPUSET,
  countFolios: OPT_COUNT_FOLIOS,
  memcgDemotes: OPT_MEMCG_DEMOTES,
  cascade: OPT_CASCADE,
  tierFirst: OPT_TIER_FIRST,
  swapFile: OPT_SWAP_FILE,
  promotion: OPT_PROMOTION,
  anyLower: OPT_ANY_LOWER,
  smallNodes: OPT_SMALL_NODES,
  wakeTarget: OPT_WAKE_TARGET,
  splitLarge: OPT_SPLIT,
  frequency: OPT_FREQUENCY,
  coldRefaults: OPT_COLD_REFAULTS,
  lean: OPT_LEAN,
  promotionPays: OPT_PROMOTION_PAYS,
  rememberFailure: OPT_HOPELESS,
  rise: OPT_RISE,
  roomFirst: OPT_ROOM_FIRST,
  coldestFirst: OPT_COLDEST,
} as const;

/** The name of a behaviour switch. */
export type Behaviour = keyof typeof BEHAVIOURS;

/**
 * - `rfc2020`: the patch as posted in June 2020. Demotion goes to the one next node, whatever policy or cpuset say; a
 *   demoted folio counts as one page; reclaim for a group's limit never demotes; no promotion.
 * - `linux`: today's kernel. cpuset.mems is honoured, mbind() is not; any lower node will do; base pages are counted; a
 *   group's limit demotes too, and that counts as progress; when the next tier is full the top tier swaps.
 * - `lieu`: policies and groups hold everywhere; a full target sends its own coldest pages down first; a group's limit
 *   is cured where it helps; cache pages go to swap before they are dropped.
 */
export const PRESETS = {
  rfc2020: OPT_DEMOTION | OPT_COUNT_FOLIOS | OPT_WAKE_TARGET | OPT_SPLIT,
  linux:
    OPT_DEMOTION | OPT_HONOUR_CPUSET | OPT_MEMCG_DEMOTES | OPT_PROMOTION | OPT_ANY_LOWER | OPT_WAKE_TARGET | OPT_SPLIT,
  lieu:
    OPT_DEMOTION |
    OPT_HONOUR_CPUSET |
    OPT_HONOUR_MEMPOLICY |
    OPT_CASCADE |
    OPT_TIER_FIRST |
    OPT_SWAP_FILE |
    OPT_PROMOTION |
    OPT_ANY_LOWER |
    OPT_SMALL_NODES |
    OPT_WAKE_TARGET |
    OPT_SPLIT |
    OPT_COLD_REFAULTS |
    OPT_LEAN |
    OPT_FREQUENCY |
    OPT_PROMOTION_PAYS |
    OPT_HOPELESS |
    OPT_RISE |
    OPT_ROOM_FIRST |
    OPT_COLDEST,
} as const;

/** The name of a preset. */
export type Preset = keyof typeof PRESETS;

/** The switch word for a preset with some behaviours turned on or off. */
export function behaviourBits(preset: Preset, changes: Partial<Record<Behaviour, boolean>> = {}): number {
  let bits: number = PRESETS[preset];
  for (const [name, on] of Object.entries(changes)) {
    const bit = BEHAVIOURS[name as Behaviour];
    bits = on ? bits | bit : bits & ~bit;
  }
  return bits;
}
