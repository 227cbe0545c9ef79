/** What a memory was asked to be, such that processes that ask for the same have the same: an option's name, and what it came to. */
import { resolve } from "node:path";
import type { MemoryConfig } from "./options.ts";

/** See the file's head. What each process may have as it likes is not in it: `engine`, `pretouch`, `hugePages`. */
export function fingerprint(config: MemoryConfig): Record<string, string> {
  const parts = {
    nodes: config.nodes.map(({ name, pages, adistance, latency, watermarks }) => ({
      name,
      pages,
      adistance,
      latency,
      watermarks,
    })),
    swap: config.swap.map(({ name, bytes, priority, options }) => ({
      name,
      bytes,
      priority,
      kind: options.kind,
      path: options.kind === "file" ? resolve(options.path) : undefined,
    })),
    zswap: config.zpages,
    behaviours: config.options,
    distances: config.distances,
    demotionTargets: config.demotionTargets.map((mask) => mask ?? -1),
    balance: config.balance,
    home: config.home,
    promotion: config.promotion,
    prices: config.prices,
    swappiness: config.swappiness,
    minFree: config.minFreeKbytes,
    watermarkScaleFactor: config.watermarkScaleFactor,
    addressSpace: config.vpns,
    seed: config.seed,
    kswapd: config.kswapd,
  };
  return Object.fromEntries(Object.entries(parts).map(([key, value]) => [key, JSON.stringify(value)]));
}

/** Names of the options in which two differ. */
export function othersThan(
  there: Readonly<Record<string, string>>,
  asked: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.keys({ ...there, ...asked }).filter((key) => there[key] !== asked[key]);
}
