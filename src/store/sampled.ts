/**
 * Sampled keys: those whose hash is below a threshold, and whatever else is large when it is found or stored, as a sample by hash
 * alone says little of bytes when a few objects have most of them. The host is told of each get, set and delete of one, which is
 * all that a miss-ratio curve needs (cache/curve.ts); of others nothing, and for them it costs a load and a comparison or two.
 *
 * What a sample says of hits is set right by what is known of all of them: how many there were of each age, in octaves of requests since
 * the last access, and, while keys are sampled, how many bytes they had. That is counted of every hit, sampled or not.
 */
import { ld, ldf, leadingZeros, ltu, st } from "../mm/machine.ts";
import { addf, controlOf, ST_AGE_BYTES, ST_AGES, ST_SAMPLED, ST_SAMPLED_BIG } from "./layout.ts";

/** What becomes of a sampled key: asked for (bytes 0: it has no value), stored, deleted, or asked for when its value had expired. */
export const SAMPLED_GET: i32 = 0;
export const SAMPLED_SET: i32 = 1;
export const SAMPLED_GONE: i32 = 2;
export const SAMPLED_EXPIRED: i32 = 3;

/** Behind these, of a hit: its class of ages, from 1 on. */
export const SAMPLED_MASK: i32 = 255;
export const SAMPLED_AGE_SHIFT: i32 = 8;
/** Classes of ages: what is younger than 2^4 requests, then octaves, then what is older than 2^26. */
export const NR_SAMPLED_AGES: i32 = 24;
const YOUNGEST: i32 = 4;

/** The class of an age. */
export function classOfAge(age: i32): i32 {
  const octave = 32 - leadingZeros(age) - YOUNGEST;
  return octave < 0 ? 0 : octave < NR_SAMPLED_AGES ? octave : NR_SAMPLED_AGES - 1;
}
/** A hit on `bytes` last asked for `age` requests ago. Returns the class of it. */
export function countAge(c: i32, age: i32, bytes: i32): i32 {
  const cls = classOfAge(age);
  addf(c + ST_AGES + (cls << 3), 1);
  if (ld(c + ST_SAMPLED) !== 0) addf(c + ST_AGE_BYTES + (cls << 3), bytes);
  return cls;
}
/** Bytes of keys and values of the hits of a class of ages, since there was a sample. */
export function storeAgeBytes(meta: i32, cls: i32): f64 {
  return ldf(controlOf(meta) + ST_AGE_BYTES + (cls << 3));
}

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
