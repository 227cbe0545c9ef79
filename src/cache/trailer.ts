/**
 * How a tagged value is stored: the value's bytes, then a trailer that says which tags it has and when it was tagged.
 *
 *   value | names, JSON in UTF-8 | a hash f64 a tag | epoch f64 | bytes of the trailer u32 | tags u16 | the value's kind u8 | 0 u8
 *
 * It stands at the end because that is the part of a large value that lies inline, beside the key, and because the value then
 * begins where an untagged one would. Values without tags have none of it.
 */
import { LieuError, shown } from "../errors.ts";

/** Most tags of an entry, and most characters of one. */
export const MAX_TAGS = 256;
const MAX_TAG_LENGTH = 1024;
/** Bytes from the epoch on. */
export const FOOT = 16;

/** The tags of an entry, checked: no tag twice. @throws {@link LieuError} EINVAL */
export function checkTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags)) throw new LieuError("EINVAL", `tags is ${shown(tags)}; it must be a list of strings`);
  const unique = new Set<string>();
  for (const tag of tags as readonly unknown[]) unique.add(checkTag(tag));
  if (unique.size <= MAX_TAGS) return [...unique];
  throw new LieuError("EINVAL", `tags has ${unique.size} entries: at most ${MAX_TAGS} are allowed`);
}

/** @throws {@link LieuError} EINVAL */
export function checkTag(tag: unknown): string {
  if (typeof tag === "string" && tag.length > 0 && tag.length <= MAX_TAG_LENGTH) return tag;
  const what = typeof tag === "string" && tag.length > 0 ? `has ${tag.length} characters` : `is ${shown(tag)}`;
  throw new LieuError("EINVAL", `a tag ${what}; tags are strings of 1 to ${MAX_TAG_LENGTH} characters`);
}

/**
 * 53 bits of a tag. Two tags that have them in common are invalidated together, which costs a miss and never gives a value
 * that should be gone.
 */
export function hashTag(tag: string): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let i = 0; i < tag.length; i++) {
    const c = tag.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul((b << 5) | (b >>> 27), 0xc2b2ae35) ^ c;
  }
  a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) ^ b;
  b = Math.imul(b ^ (b >>> 13), 0x297a2d39) ^ a;
  return ((b ^ (b >>> 16)) >>> 0) * 2 ** 21 + ((a ^ (a >>> 16)) >>> 11);
}

/** A value's bytes with its trailer. */
export function withTrailer(bytes: Uint8Array, kind: number, tags: readonly string[], epoch: number): Uint8Array {
  const names = Buffer.from(JSON.stringify(tags));
  const size = names.length + tags.length * 8 + FOOT;
  const out = Buffer.allocUnsafe(bytes.length + size);
  out.set(bytes);
  out.set(names, bytes.length);
  let at = bytes.length + names.length;
  for (const tag of tags) at = out.writeDoubleLE(hashTag(tag), at);
  at = out.writeDoubleLE(epoch, at);
  at = out.writeUInt32LE(size, at);
  at = out.writeUInt16LE(tags.length, at);
  out[at] = kind;
  out[at + 1] = 0;
  return out;
}

/** The value in bytes that have a trailer, without it; and of what kind it is. */
export function splitTrailer<B extends Uint8Array>(all: B): { kind: number; bytes: B } {
  const end = all.length;
  const size = new DataView(all.buffer, all.byteOffset + end - 8, 4).getUint32(0, true);
  return { kind: all[end - 2] as number, bytes: all.subarray(0, end - size) as B };
}

/** The names of the tags in a trailer, which these bytes end with. */
export function tagNames(all: Uint8Array): string[] {
  const view = new DataView(all.buffer, all.byteOffset, all.length);
  const size = view.getUint32(all.length - 8, true);
  const n = view.getUint16(all.length - 4, true);
  const names = all.subarray(all.length - size, all.length - FOOT - n * 8);
  return JSON.parse(Buffer.from(names).toString()) as string[];
}
