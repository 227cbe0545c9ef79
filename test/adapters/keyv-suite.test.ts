/** Keyv's own suites, as @keyv/test-suite has them, over caches of lieu. Its suite for compressors needs no store. */
import suite, { keyvIteratorTests } from "@keyv/test-suite";
import Keyv from "keyv";
import * as test from "vitest";
import { KeyvLieu } from "../../src/adapters/keyv.ts";
import { openCache } from "./caches.ts";

/** A Keyv that leaves it to the cache to make bytes of values. */
class PlainKeyv extends Keyv {
  constructor(options: ConstructorParameters<typeof Keyv>[0] = {}) {
    super(options);
    // The suite's test of big integers brings its own.
    if (options && "serialize" in options) return;
    this.serialize = undefined;
    this.deserialize = undefined;
  }
}

/** A Keyv that leaves the namespace to the store. */
class UnprefixedKeyv extends Keyv {
  constructor(options: ConstructorParameters<typeof Keyv>[0] = {}) {
    super({ useKeyPrefix: false, ...options });
  }
}

const KEYVS = { Keyv, "Keyv without a serializer": PlainKeyv, "Keyv without key prefixes": UnprefixedKeyv };

test.describe.each(Object.entries(KEYVS))("%s", (_, Constructor) => {
  // One cache for all stores of the suite, so that namespaces meet in it.
  const cache = openCache();
  const store = () => new KeyvLieu(cache);
  test.describe("keyvTestSuite", () => suite(test, Constructor, store));
  test.describe("keyvIteratorTests", () => keyvIteratorTests(test, Constructor, store));
});
