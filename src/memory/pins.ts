/** What keeps a memory open: pins of its regions, and values of its caches that are held. */
import { LieuError } from "../errors.ts";

/** @throws {@link LieuError} EBUSY if any region has pins, or any cache has pinned values */
export function ensureUnpinned(
  regions: Iterable<{ readonly pins: number }>,
  caches: Iterable<{ readonly pinned: number }>,
): void {
  let pins = 0;
  for (const region of regions) pins += region.pins;
  for (const cache of caches) pins += cache.pinned;
  if (pins > 0) throw new LieuError("EBUSY", `${pins} pins are still held; release them before closing the memory`);
}
