/** What a memory makes regions and caches of. */
import { Cache } from "../cache/cache.ts";
import { type Codec, shapesCodec } from "../cache/codec.ts";
import { PlaceRegion } from "../region/place-region.ts";
import { Region } from "../region/region.ts";

export interface Kinds {
  readonly region: typeof Region;
  readonly cache: typeof Cache;
  readonly codec: <V>() => Codec<V>;
}

/** Those of a memory that is one thread's. */
export function kindsFor(hasBytes: boolean): Kinds {
  return { region: hasBytes ? Region : PlaceRegion, cache: Cache, codec: shapesCodec };
}
