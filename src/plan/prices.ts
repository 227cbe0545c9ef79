/**
 * The price list: what a GiB of each medium costs and how long an access to it takes. The defaults are round figures of the order of
 * what was published, each with its source: they are there to be replaced by what one really pays and measures.
 */
import { LieuError } from "../errors.ts";
import { type Checked, checkInput, number, object, optional, positive, text } from "../memory/schema.ts";

/** Latencies are nanoseconds, of one page or value. */
export interface Medium {
  /** Of one GiB, in whatever money and for whatever time: all media alike. */
  readonly cost: number;
  /** Mean, and 99th percentile. */
  readonly latency: number;
  readonly p99: number;
  readonly source: string;
}
export const MEDIA = ["dram", "cxl", "zswap", "nvme", "remote", "origin"] as const;
export type MediumName = (typeof MEDIA)[number];
export type PriceList = Readonly<Record<MediumName, Medium>> & {
  /** How many pages a page of compressed memory holds, if that is known: without, none is planned. */
  readonly zswapRatio: number | undefined;
};

/** The most that a 99th percentile may be over the mean for there to be a log-normal distribution of the two. */
const MOST_TAIL = 14;

const DEFAULTS: Readonly<Record<MediumName, Medium>> = {
  dram: {
    cost: 4,
    latency: 100,
    p99: 250,
    source: "server DDR5, dollars a GiB bought, order of magnitude; 80 to 140 ns local load (Pond, ASPLOS 2023)",
  },
  cxl: {
    cost: 2.4,
    latency: 250,
    p99: 700,
    source: "older DIMMs behind an expander, 60 % of DRAM's price assumed; 170 to 250 ns (TPP, ASPLOS 2023)",
  },
  zswap: {
    cost: 4,
    latency: 4000,
    p99: 15_000,
    source: "DRAM's price for the pool itself; a page of LZ4 decompressed and faulted in, a few microseconds",
  },
  nvme: {
    cost: 0.1,
    latency: 90_000,
    p99: 350_000,
    source:
      "data-centre NVMe, dollars a GiB bought, order of magnitude; 4 KiB random reads at low queue depth, data sheets",
  },
  remote: {
    cost: 5,
    latency: 250_000,
    p99: 1_200_000,
    source: "another machine's DRAM with a server in front; a round trip within a data centre",
  },
  origin: {
    cost: 0,
    latency: 5_000_000,
    p99: 40_000_000,
    source: "a query of a database, assumed: a cache's miss; replace it by your own",
  },
};

const medium = object({
  cost: optional(number(0, 1e9)),
  latency: optional(positive(1e12)),
  p99: optional(positive(1e12)),
  source: optional(text()),
});
const schema = object({
  dram: optional(medium),
  cxl: optional(medium),
  zswap: optional(medium),
  nvme: optional(medium),
  remote: optional(medium),
  origin: optional(medium),
  zswapRatio: optional(positive(100)),
});
/** What a price list's file may say; what it does not is as above. */
export type PriceListInput = Checked<typeof schema>;

/** The price list with these changes. @throws {@link LieuError} EINVAL */
export function priceList(input: unknown = {}, source = "prices"): PriceList {
  const given: PriceListInput = checkInput(schema, input, { source });
  const media = MEDIA.map((name) => {
    const merged: Medium = { ...DEFAULTS[name], ...defined(given[name] ?? {}) };
    const { latency, p99 } = merged;
    if (p99 < latency || p99 > MOST_TAIL * latency) {
      throw new LieuError(
        "EINVAL",
        `${source}: ${name}.p99 is ${p99} for a mean latency of ${latency}; give one to ${MOST_TAIL} times that`,
      );
    }
    return [name, merged] as const;
  });
  return { ...(Object.fromEntries(media) as Record<MediumName, Medium>), zswapRatio: given.zswapRatio };
}

function defined<T extends object>(given: T): Partial<Medium> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
