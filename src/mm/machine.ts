/**
 * The machine under the engine, for the JavaScript twin: loads and stores over one shared segment, page copies, and the
 * calls out to the host. `machine.wasm.ts` is the same file for WebAssembly; these two are the only ones that differ
 * between the twins. The engine addresses memory by byte offset into the segment (unsigned 32 bit, carried in an i32).
 */

/**
 * What the engine asks of its host. Every call is synchronous and must not call back into the engine, but for evict(),
 * which may look at the item.
 */
export interface Host {
  /**
   * Write `n` pages to consecutive slots of swap device `dev`, from `slot` on. The n byte addresses of the pages stand
   * as 32-bit words at byte address `addrs` (address 0 each where frames have no bytes).
   * Returns 0, or a negative errno when none of the pages may be relied on.
   */
  swapWrite(dev: number, slot: number, n: number, addrs: number): number;
  /** Read one slot into the page at byte address `addr`. Returns 0 or a negative errno. */
  swapRead(dev: number, slot: number, addr: number): number;
  /** The slot's content is no longer needed. */
  swapFree(dev: number, slot: number): void;
  /** The clean, discardable page `vpn` of mapping `vma` is gone. */
  discard(vma: number, vpn: number): void;
  /** The item at `loc` of the store at `store` is about to go; `why` is one of the GONE_ constants of store/clean.ts. */
  evict(store: number, loc: number, why: number): void;
  /** Of a key of the store at `store` that is among the sampled ones (store/sampled.ts): its hash, its bytes, and one of the SAMPLED_ constants. */
  sampled(store: number, hash: number, bytes: number, what: number): void;
  /**
   * Group `cg` needs `nr` more pages under its limit `field` (C_MAX, C_HIGH) than that leaves: raise it by what other shards of the
   * memory do not use of theirs, or, as far as `how` (SHARE_ constants of limits.ts) allows, by what they can be made to give up. Returns
   * whether the limit leaves that many now. A memory of one shard has nothing to say to this.
   */
  share(cg: number, field: number, nr: number, how: number): number;
  /** Close the gate: come back when nobody reads or writes pages without the lock any more (still.ts). */
  still(): void;
  /** An invariant is broken: `code` is one of the BUG_ constants. Must throw. */
  bug(code: number, a: number, b: number): void;
}

let H32: Int32Array = new Int32Array(0);
let H8: Uint8Array = new Uint8Array(0);
let HF: Float64Array = new Float64Array(0);
let host: Host | undefined;

const SUM_SEED = -2048144777;
const SUM_FACTOR = -1640531535;
const LANES = new Int32Array(32);
/** The eight weights of each of 64 rows, of the halves of four words: no two rows have one in common. */
const WEIGHTS = new Int16Array(64 * 8);
for (let i = 0; i < WEIGHTS.length; i++) {
  WEIGHTS[i] = i < 8 ? 0x9e37 * (i + 1) + 0x1234 : (WEIGHTS[i - 8] as number) * 25173 + 13849;
}

/** The views over one segment that the twin works on, and its host. */
export interface Machine {
  readonly h32: Int32Array;
  readonly h8: Uint8Array;
  readonly hf: Float64Array;
  readonly host: Host;
}

/** Point the twin at a segment. The twin keeps no other state, so several segments may take turns. */
export function plug(machine: Machine): void {
  H32 = machine.h32;
  H8 = machine.h8;
  HF = machine.hf;
  host = machine.host;
}

export function ld(p: i32): i32 {
  return H32[p >>> 2] as number;
}
export function st(p: i32, v: i32): void {
  H32[p >>> 2] = v;
}
export function ldf(p: i32): f64 {
  return HF[p >>> 3] as number;
}
/** The same, in its place among other loads: none is made before or after it that stands on its other side. */
export function ldfOrdered(p: i32): f64 {
  return HF[p >>> 3] as number;
}
export function stf(p: i32, v: f64): void {
  HF[p >>> 3] = v;
}
/** A byte. */
export function ld8(p: i32): i32 {
  return H8[p >>> 0] as number;
}
export function st8(p: i32, v: i32): void {
  H8[p >>> 0] = v;
}
/** Two bytes at any address, little-endian. */
export function ld16(p: i32): i32 {
  const at = p >>> 0;
  return (H8[at] as number) | ((H8[at + 1] as number) << 8);
}
export function st16(p: i32, v: i32): void {
  const at = p >>> 0;
  H8[at] = v;
  H8[at + 1] = v >>> 8;
}
/** Four bytes at any address, little-endian; ld() wants an address that is a multiple of 4. */
export function ld32(p: i32): i32 {
  return ld16(p) | (ld16(p + 2) << 16);
}
/**
 * Copy `bytes` forwards in steps of 8: up to 7 bytes more than asked for are written. The ranges may overlap if `to` is at
 * least 8 beyond `from`; what is copied is then what the same call has written.
 */
export function copySteps(to: i32, from: i32, bytes: i32): void {
  const distance = to - from;
  const steps = (bytes + 7) & ~7;
  if (distance >= steps || distance < 0) {
    H8.copyWithin(to >>> 0, from >>> 0, (from >>> 0) + steps);
    return;
  }
  for (let i = 0; i < steps; i++) H8[(to >>> 0) + i] = H8[(from >>> 0) + i] as number;
}
/** How many bytes from `a` and from `b` on are equal, at most `most`. */
export function equalBytes(a: i32, b: i32, most: i32): i32 {
  let n = 0;
  while (n < most && H8[(a + n) >>> 0] === H8[(b + n) >>> 0]) n++;
  return n;
}
/** Copy `bytes`; the ranges may overlap (memmove). */
export function copyBytes(to: i32, from: i32, bytes: i32): void {
  H8.copyWithin(to >>> 0, from >>> 0, (from >>> 0) + bytes);
}
/** The same for ranges that do not overlap, faster where they are short: no call out of WebAssembly. */
export function copyShort(to: i32, from: i32, bytes: i32): void {
  copyBytes(to, from, bytes);
}
/** Have the processor look up where the bytes at `p` are, ahead of their use. In JavaScript a hint that compilers may pass over. */
export function prefetch(p: i32): void {
  ld(p);
}
export function zeroBytes(to: i32, bytes: i32): void {
  H8.fill(0, to >>> 0, (to >>> 0) + bytes);
}
/** A page's two sums of 16 columns (checksum.ts), joined to four, then to one. */
export function sumLanes(addr: i32): i32 {
  const first = addr >>> 2;
  for (let column = 0; column < 16; column++) {
    let plain = Math.imul(column + 1, SUM_SEED);
    let weighted = Math.imul(column + 17, SUM_SEED);
    for (let row = 0, at = 2 * (column & 3); row < 64; row++, at += 8) {
      const word = H32[first + 16 * row + column] as number;
      plain = (plain + word) | 0;
      const low = Math.imul((word << 16) >> 16, WEIGHTS[at] as number);
      weighted = (weighted + low + Math.imul(word >> 16, WEIGHTS[at + 1] as number)) | 0;
    }
    LANES[column] = endLane(plain);
    LANES[column + 16] = endLane(weighted);
  }
  let sum = 0;
  for (let part = 0; part < 4; part++) {
    let acc = LANES[part] as number;
    for (let lane = part + 4; lane < 32; lane += 4) acc = sumRound(acc, LANES[lane] as number);
    sum = sumRound(sum, acc);
  }
  return sum;
}
function endLane(lane: i32): i32 {
  const x = Math.imul(lane ^ (lane >>> 15), SUM_SEED);
  return x ^ (x >>> 13);
}
function sumRound(acc: i32, word: i32): i32 {
  const x = (acc + word) | 0;
  return Math.imul(x ^ (x >>> 15), SUM_FACTOR);
}
export function mul(a: i32, b: i32): i32 {
  return Math.imul(a, b);
}
export function ltu(a: i32, b: i32): boolean {
  return a >>> 0 < b >>> 0;
}
/** The value of a word that is meant without a sign: 0 to 2^32 - 1. */
export function unsigned(x: i32): f64 {
  return x >>> 0;
}
/** The whole part of a number, modulo 2^32. */
export function toI32(x: f64): i32 {
  return Math.trunc(x) | 0;
}
/** The number of zero bits above the highest set one. */
export function leadingZeros(x: i32): i32 {
  return Math.clz32(x);
}
/** The index of the lowest set bit; x must not be 0. */
export function lowestBit(x: i32): i32 {
  return 31 - Math.clz32(x & -x);
}
/** Which of the ten halfwords from `p` on are `tag`: a bit each. */
export function matchTags(p: i32, tag: i32): i32 {
  const at = p >>> 2;
  let found = 0;
  for (let i = 0; i < 5; i++) {
    const x = (H32[at + i] as number) ^ (tag | (tag << 16));
    if ((x & 0xffff) === 0) found |= 1 << (i << 1);
    if (x >>> 16 === 0) found |= 2 << (i << 1);
  }
  return found;
}
export function countBits(x: i32): i32 {
  let n = 0;
  for (let v = x; v !== 0; v &= v - 1) n++;
  return n;
}
export function hostSwapWrite(dev: i32, slot: i32, n: i32, addrs: i32): i32 {
  return (host as Host).swapWrite(dev, slot, n, addrs);
}
export function hostSwapRead(dev: i32, slot: i32, addr: i32): i32 {
  return (host as Host).swapRead(dev, slot, addr);
}
export function hostSwapFree(dev: i32, slot: i32): void {
  (host as Host).swapFree(dev, slot);
}
export function hostDiscard(vma: i32, vpn: i32): void {
  (host as Host).discard(vma, vpn);
}
export function hostEvict(store: i32, loc: i32, why: i32): void {
  (host as Host).evict(store, loc, why);
}
export function hostSampled(store: i32, hash: i32, bytes: i32, what: i32): void {
  (host as Host).sampled(store, hash, bytes, what);
}
export function hostShare(cg: i32, field: i32, nr: i32, how: i32): i32 {
  return (host as Host).share(cg, field, nr, how);
}
export function hostStill(): void {
  (host as Host).still();
}
export function hostBug(code: i32, a: i32, b: i32): void {
  (host as Host).bug(code, a, b);
}
