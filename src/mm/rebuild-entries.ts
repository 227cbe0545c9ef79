/** The page table as rebuild.ts reads it: which frames and slots its entries name, and what follows for mappings and groups. */
import { BUG_PTE, BUG_SLOT } from "./errno.ts";
import { folioNid } from "./folio.ts";
import {
  C_SWAP,
  C_USAGE,
  C_ZSWAP,
  C_ZSWAPPED,
  frames,
  H_NR_SLOTS,
  hdr,
  MAX_MEMCG,
  MAX_VMAS,
  pte,
  S_SLOTS,
  setMemcg,
  setOwner,
  setPrev,
  setPte,
  setShadow,
  setSlotVpn,
  setVma,
  setVpnOf,
  slotSum,
  slotVpn,
  swapDev,
  V_ACTIVE,
  V_FILE,
  V_HELD,
  V_MEMCG,
  V_MOVE_TO,
  V_PAGES,
  V_RESIDENT,
  V_START,
  V_STRAYS,
  V_SWAPPED,
  VMA_DYING,
  VMA_LIVES,
  VMA_LOST,
  vma,
} from "./layout.ts";
import { hostBug } from "./machine.ts";
import { charge, chargeSwap, chargeZswap } from "./memcg.ts";
import { mkPte, PTE_FLAGS, PTE_MIGRATION, PTE_PRESENT, PTE_SWAP, pteIndex } from "./page-table.ts";
import { FRAME_MAPPED, FRAME_UNMAPPED } from "./rebuild-folios.ts";
import { watchBit } from "./rise.ts";
import { DISCARDABLE, poolDevice, SAME_FILLED } from "./swap.ts";
import { removeVma } from "./vma.ts";
import { zsUnits } from "./zsmalloc.ts";

/** See the file's head. Frames say in their `prev` whether an entry names them. */
export function readEntries(): void {
  for (let f: i32 = 0; f < frames(); f++) setPrev(f, FRAME_UNMAPPED);
  for (let c: i32 = 0; c < MAX_MEMCG; c++) {
    setMemcg(c, C_USAGE, 0);
    setMemcg(c, C_SWAP, 0);
    setMemcg(c, C_ZSWAP, 0);
    setMemcg(c, C_ZSWAPPED, 0);
  }
  for (let v: i32 = 0; v < MAX_VMAS; v++) {
    setVma(v, V_RESIDENT, 0);
    setVma(v, V_SWAPPED, 0);
    setVma(v, V_HELD, 0);
    setVma(v, V_MOVE_TO, 0);
    setVma(v, V_STRAYS, 0);
    const state = vma(v, V_ACTIVE);
    if (state === VMA_DYING || state === VMA_LOST) empty(v);
    if (state === VMA_DYING) removeVma(v);
    else if (state === VMA_LOST) setVma(v, V_ACTIVE, VMA_LIVES);
    else if (state === VMA_LIVES) readMapping(v);
  }
}
function empty(v: i32): void {
  const end = vma(v, V_START) + vma(v, V_PAGES);
  for (let vpn: i32 = vma(v, V_START); vpn < end; vpn++) {
    setPte(vpn, 0);
    setShadow(vpn, 0);
  }
}
function readMapping(v: i32): void {
  const end = vma(v, V_START) + vma(v, V_PAGES);
  const cg = vma(v, V_MEMCG);
  const file = vma(v, V_FILE) !== 0 ? DISCARDABLE : 0;
  let resident: i32 = 0;
  let swapped: i32 = 0;
  let pooled: i32 = 0;
  let units: i32 = 0;
  const pool = poolDevice() >= 0 ? swapDev(poolDevice(), S_SLOTS) : 0;
  for (let vpn: i32 = vma(v, V_START); vpn < end; vpn++) {
    const p = pte(vpn);
    if (p === 0) continue;
    const at = pteIndex(p);
    if ((p & PTE_SWAP) !== 0) {
      if (at >= hdr(H_NR_SLOTS)) hostBug(BUG_SLOT, at, vpn);
      setSlotVpn(at, (vpn + 1) | file | (slotVpn(at) & SAME_FILLED));
      swapped++;
      if (at >= pool) continue;
      pooled++;
      if ((slotVpn(at) & SAME_FILLED) === 0) units += zsUnits(slotSum(at));
      continue;
    }
    if (at >= frames()) hostBug(BUG_PTE, at, p);
    // It was about to move.
    if ((p & PTE_PRESENT) === 0) {
      const bits = (p & PTE_FLAGS & ~PTE_MIGRATION) | PTE_PRESENT;
      setPte(vpn, mkPte(at, bits | watchBit(v, vpn, folioNid(at))));
    }
    setPrev(at, FRAME_MAPPED);
    setVpnOf(at, vpn);
    setOwner(at, v, cg);
    resident++;
  }
  setVma(v, V_RESIDENT, resident);
  setVma(v, V_SWAPPED, swapped);
  charge(cg, resident);
  chargeSwap(cg, swapped);
  chargeZswap(cg, pooled, units);
}
