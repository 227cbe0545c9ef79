/** Whatever a cache or a region can do, a shared one does under the lock, or by way of what does. */
import { expect, test } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { SharedCache } from "../../src/cache/shared-cache.ts";
import { Region } from "../../src/region/region.ts";
import { SharedRegion } from "../../src/region/shared-region.ts";

function members(prototype: object): string[] {
  return prototype === Object.prototype
    ? []
    : [...Object.getOwnPropertyNames(prototype), ...members(Object.getPrototypeOf(prototype))];
}
/** What a class leaves to those that it extends. */
function inherited(made: { prototype: object }, from: { prototype: object }): string[] {
  const own = new Set<string>();
  for (let at = made.prototype; at !== from.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) own.add(name);
  return [...new Set(members(from.prototype))].filter((name) => !own.has(name)).sort();
}

/** Looks at nothing but this handle, or does all by calling what takes the lock. */
const BY_OTHERS = [
  ...["deleteMany", "find", "forEach", "getMany", "load", "memo", "retire", "setMany", "values", "invalidateTag"],
  ...["getAsync", "max", "maxSize", "sampling", "forgetCurve", "pinned", "timeGets", "timedGet", "unset", "shutFront"],
];
/** Not for users: called by methods that have the lock. */
const WITHIN = [
  ...["age", "clearItems", "copyTo", "count", "dropStale", "encode", "ensureOpen", "evicted", "getAged", "invalid"],
  ...["keep", "locations", "look", "part", "pinFound", "places", "plain", "prepare", "ready", "refuse", "sampled"],
  ...["store", "storeStats", "stored", "storedKeys", "tagNames", "tellTime", "value", "valueLength", "victim"],
  ...[
    "allows",
    "fetchTogether",
    "heard",
    "mayBeCold",
    "near",
    "requests",
    "requestsByStratum",
    "restore",
    "sample",
    "warm",
    "moment",
    "now",
    "passTo",
    "replace",
    "setAll",
    "together",
    "dropFront",
    "timeLater",
    "timeNext",
  ],
];

test("every method of a cache", () => {
  const left = inherited(SharedCache, Cache).filter((name) => !BY_OTHERS.includes(name) && !WITHIN.includes(name));
  expect(left).toEqual([]);
});

test("every method of a region", () => {
  const alone = ["check", "isMapped", "pins", "placeOf", "placeCode", "read", "retire"];
  expect(inherited(SharedRegion, Region).filter((name) => !alone.includes(name))).toEqual([]);
});
