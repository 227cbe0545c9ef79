/** What a memory makes regions and caches of. */
import { Cache } from "../cache/cache.ts";
import { type Codec, shapesCodec } from "../cache/codec.ts";
import type { CacheKey } from "../cache/keys.ts";
import type { CacheHost } from "../cache/types.ts";
import { PlaceRegion } from "../region/place-region.ts";
import { Region } from "../region/region.ts";
import type { Mapping } from "../runtime/mapping.ts";

export interface Kinds {
  readonly region: typeof Region;
  /** `incarnation`: of a cache that others have made. */
  readonly cache: new <V, K extends CacheKey, C>(
    mapping: Mapping,
    host: CacheHost<V, K, C>,
    incarnation?: number,
  ) => Cache<V, K, C>;
  readonly codec: <V>() => Codec<V>;
}

/** Those of a memory that is one thread's. */
export function kindsFor(hasBytes: boolean): Kinds {
  return { region: hasBytes ? Region : PlaceRegion, cache: Cache, codec: shapesCodec };
}
