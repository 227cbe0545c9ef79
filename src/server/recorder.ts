/** Looks at a memory and writes down what it sees: the header, and snapshots. */
import type { MissRatioCurve } from "../cache/distances.ts";
import type { GetSample } from "../cache/latency.ts";
import { isLieuError } from "../errors.ts";
import type { Group } from "../memory/group.ts";
import { watermark } from "../memory/metrics.ts";
import type { CacheInfo } from "../memory/requests.ts";
import type { Watched } from "../memory/watched.ts";
import { knowsLastUse } from "../mm/last-use.ts";
import { N_WMARK_HIGH, N_WMARK_LOW, N_WMARK_MIN } from "../mm/layout.ts";
import type { Vm } from "../runtime/vm.ts";
import { Latencies } from "./latencies.ts";
import { PageSampler, sampleAll } from "./page-map.ts";
import { CURVE_SIZES, type GroupSnapshot, type Header, type Snapshot } from "./wire.ts";

/** Accesses so far, as a replay counts them. */
export interface Served {
  readonly misses: number;
  readonly hitsByTier: Readonly<Record<string, number>>;
}

/** What a recorder may be told. */
export interface RecorderOptions {
  readonly title: string;
  readonly clock: Header["clock"];
  /** Counts accesses; without it, the caches' are counted. */
  readonly served?: () => Served;
}

/** Idle for at most this are the youngest pages: a second, or a thousand requests. */
export const IDLE_BASE = { seconds: 1, requests: 1024 } as const;

export class Recorder {
  readonly header: Header;
  readonly #memory: Watched;
  readonly #served: () => Served;
  readonly #pages: readonly PageSampler[];
  readonly #latencies = new Latencies();
  readonly #stopSampling: () => void;
  /** Caches whose curves would not be learned without it. */
  readonly #curves = new Set<CacheInfo>();
  /** What served an access, in the order of `Snapshot.served`. */
  readonly #tiers: readonly string[];

  /** @throws {@link LieuError} ECLOSED */
  constructor(memory: Watched, { title, clock, served }: RecorderOptions) {
    const idleBase = IDLE_BASE[clock];
    this.#memory = memory;
    this.#served = served ?? (() => servedBy(memory.caches()));
    this.#pages = memory.engines.map((vm) => new PageSampler(vm, idleBase));
    this.#stopSampling = memory.sampleGets((sample) => this.timed(sample));
    const counters = Object.keys(memory.vmstat());
    const swap = memory.swapDevices().map(({ name, kind, size }) => ({ name, kind, size }));
    const nodes = memory.nodes().map(({ name, kind, tier, size }, nid) => {
      const mark = (field: number) => watermark(memory.engines, nid, field);
      return { name, kind, tier, size, min: mark(N_WMARK_MIN), low: mark(N_WMARK_LOW), high: mark(N_WMARK_HIGH) };
    });
    this.#tiers = [...nodes.map(({ name }) => name), ...swap.map(({ name }) => name), "miss"];
    const ages = knowsLastUse() ? "uses" : "lists";
    this.header = { version: 1, title, clock, counters, nodes, swap, ages, idleBase };
  }

  /** The memory as it is now, which is `at`. @throws {@link LieuError} ECLOSED */
  snapshot(at: number): Snapshot {
    const memory = this.#memory;
    const { misses, hitsByTier } = this.#served();
    const hits = this.#tiers.slice(0, -1).map((tier) => hitsByTier[tier] ?? 0);
    return {
      at,
      vmstat: Object.values(memory.vmstat()),
      nodes: memory.nodes().map((node) => ({ size: node.size, free: node.free, vmstat: Object.values(node.vmstat()) })),
      swap: memory.swapDevices().map(({ size, used, stored, failed }) => ({ size, used, stored, failed })),
      groups: memory.groups().map(groupSnapshot),
      caches: memory.caches().map((cache) => this.#cache(cache)),
      served: [...hits, misses],
      latency: this.#latencies.look(this.#tiers),
      kswapdMs: kswapdTime(memory.engines),
      ...sampleAll(this.#pages, at),
    };
  }

  /** An access took so long. */
  timed(sample: Pick<GetSample, "tier" | "seconds">): void {
    this.#latencies.add(sample);
  }

  #cache(cache: CacheInfo): Snapshot["caches"][number] {
    const { name, size, calculatedSize, maxSize } = cache;
    const curve = this.#curve(cache);
    const ratio = (part: number): number | null => {
      if (curve === undefined || curve.requests === 0 || part * maxSize < curve.smallest) return null;
      return Number(curve.missRatio(part * maxSize).toFixed(4));
    };
    const { hits, misses } = cache.stats();
    const seen = { requests: hits + misses, misses, curve: CURVE_SIZES.map(ratio) };
    return { name, entries: size, size: calculatedSize, maxSize, ...seen };
  }

  /** Undefined of one that threads share, of which none is learned. */
  #curve(cache: CacheInfo): MissRatioCurve | undefined {
    try {
      const { sampling } = cache;
      const curve = cache.curve();
      if (!sampling) this.#curves.add(cache);
      return curve;
    } catch (error) {
      if (isLieuError(error) && error.code === "ENOTSUP") return undefined;
      throw error;
    }
  }

  /** Gets are no longer timed for this recorder, nor curves learned that it began to learn. */
  close(): void {
    this.#stopSampling();
    if (isClosed(this.#memory)) return;
    const open = new Set(this.#memory.caches());
    for (const cache of this.#curves) if (open.has(cache)) cache.forgetCurve();
  }
}

/** Whether a memory that is looked at is no more. */
export function isClosed({ engines }: Watched): boolean {
  return engines.some(({ closed }) => closed);
}
function kswapdTime(engines: readonly Vm[]): number | null {
  return engines.reduce<number | null>(
    (sum, { kswapdMs }) => (sum === null || kswapdMs === null ? null : sum + kswapdMs),
    0,
  );
}
function servedBy(caches: readonly CacheInfo[]): Served {
  const hitsByTier: Record<string, number> = {};
  let misses = 0;
  for (const cache of caches) {
    const stats = cache.stats();
    misses += stats.misses;
    for (const [tier, n] of Object.entries(stats.hitsByTier)) hitsByTier[tier] = (hitsByTier[tier] ?? 0) + n;
  }
  return { misses, hitsByTier };
}

function groupSnapshot(group: Group): GroupSnapshot {
  const { min, low, high, max } = group.limits;
  const limit = (bytes: number) => (Number.isFinite(bytes) ? bytes : null);
  return { name: group.name, usage: group.usage, swap: group.swapUsage, min, low, high: limit(high), max: limit(max) };
}
