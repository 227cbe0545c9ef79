/** What util.inspect(), and so console.log(), shows of a memory and of what lives on it: what one would ask it for next. */
import type { Region } from "../region/region.ts";

interface ShownNode {
  readonly name: string;
  readonly kind: string;
  readonly tier: number;
  readonly size: number;
  readonly free: number;
}

/** Nodes by name, with what is to be seen of them. */
function shownNodes(nodes: readonly ShownNode[]): Record<string, object> {
  return Object.fromEntries(nodes.map(({ name, kind, tier, size, free }) => [name, { kind, tier, size, free }]));
}

/** A memory, as it is made up of. */
interface Whole {
  readonly swapNames: readonly string[];
  nodes(): ShownNode[];
  vmstat(): { readonly nr_swapped: number };
}
type Named = Iterable<{ readonly name: string }>;
const names = (things: Named) => [...things].map(({ name }) => name);

export function shownMemory(memory: Whole, regions: Named, caches: Named, groups: Iterable<string>): object {
  const { nr_swapped } = memory.vmstat();
  const { swapNames: swap } = memory;
  return {
    nodes: shownNodes(memory.nodes()),
    ...(swap.length > 0 && { swap, swapped: nr_swapped * 4096 }),
    regions: names(regions),
    caches: names(caches),
    groups: [...groups],
  };
}

/** A cache, as far as it is shown. */
interface Sized {
  readonly size: number;
  readonly calculatedSize: number;
  readonly maxSize: number;
  stats(): object;
}

export function shownCache(cache: Sized): object {
  const { size, calculatedSize, maxSize } = cache;
  return { size, calculatedSize, maxSize, ...cache.stats() };
}

export function shownRegion(region: Region, nodes: readonly string[], devices: readonly string[]): object {
  return { size: region.size, pages: shownPages(region, nodes, devices), pins: region.pins };
}

/** Pages of a region by where they are: names of nodes and swap devices. Looks at each, so it takes a while for many. */
function shownPages(region: Region, nodes: readonly string[], devices: readonly string[]): object {
  // Throws if there are none any more.
  region.placeOf(0);
  const counts: Record<string, number> = {};
  const pages = Math.ceil(region.size / 4096);
  for (let page = 0; page < pages; page++) {
    const place = region.placeCode(page);
    if (place === -1) continue;
    const name = (place >= 0 ? nodes[place] : devices[-2 - place]) as string;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** A group, as far as it is shown. */
interface Charged {
  readonly usage: number;
  readonly swapUsage: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** Only limits that limit something. */
export function shownGroup(group: Charged): object {
  const limits = Object.entries(group.limits).filter(([name, limit]) =>
    name === "min" || name === "low" ? limit > 0 : limit < Number.POSITIVE_INFINITY,
  );
  return { usage: group.usage, swapUsage: group.swapUsage, ...Object.fromEntries(limits) };
}
