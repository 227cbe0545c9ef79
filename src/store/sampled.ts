/**
 * Sampled keys: those whose hash is below a threshold, and whatever else is large when it is found or stored, as a sample by hash
 * alone says little of bytes when a few objects have most of them. The host is told of each get, set and delete of one, which is
 * all that a miss-ratio curve needs (cache/curve.ts); of others nothing, and for them it costs a load and a comparison or two.
 */
import { ld, ltu, st } from "../mm/machine.ts";
import { controlOf, ST_SAMPLED, ST_SAMPLED_BIG } from "./layout.ts";

/** What becomes of a sampled key: asked for (bytes 0: it has no value), stored, deleted, or asked for when its value had expired. */
export const SAMPLED_GET: i32 = 0;
export const SAMPLED_SET: i32 = 1;
export const SAMPLED_GONE: i32 = 2;
export const SAMPLED_EXPIRED: i32 = 3;

export function isSampled(c: i32, hash: i32): boolean {
  return ltu(hash, ld(c + ST_SAMPLED));
}
/** The same of a key whose value has `length` bytes. */
export function isSampledOf(c: i32, hash: i32, length: i32): boolean {
  return ltu(hash, ld(c + ST_SAMPLED)) || (length >= ld(c + ST_SAMPLED_BIG) && ld(c + ST_SAMPLED) !== 0);
}
/** Sample the keys whose hash is below `threshold`, without a sign (0: none), and those of values of at least `big` bytes. */
export function storeSample(meta: i32, threshold: i32, big: i32): void {
  const c = controlOf(meta);
  st(c + ST_SAMPLED, threshold);
  st(c + ST_SAMPLED_BIG, big);
}
