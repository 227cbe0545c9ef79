/** Codecs: how a cache's values become bytes and come back. */
import { Packr } from "msgpackr";
import { LieuError } from "../errors.ts";

/** Turns values into bytes and back. `decode` gets bytes that it may keep; they are not shared memory. */
export interface Codec<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

/** Anything that MessagePack, with msgpackr's extensions, can say: objects, arrays, dates, maps, sets, buffers. */
export function msgpackCodec<V>(): Codec<V> {
  const packr = new Packr({ structuredClone: true });
  return {
    encode(value) {
      try {
        return packr.pack(value);
      } catch (cause) {
        throw new LieuError("EINVAL", `the value is ${describe(value)}, which MessagePack has no word for: ${cause}`, {
          cause,
        });
      }
    },
    decode: (bytes) => packr.unpack(bytes) as V,
  };
}

export function describe(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}
