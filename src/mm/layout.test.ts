/** No two fields of a structure of the segment lie on each other, and none lies outside of it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as layout from "./layout.ts";
import { NR_VM_EVENTS } from "./vmstat.ts";

const SOURCE = readFileSync(new URL("./layout.ts", import.meta.url), "utf8");
const BYTES_OF_NODES = layout.MAX_NODES * 4;

/** Bytes of the fields that are more than a word; of those of the same kind that have a name, the first. */
const LARGE: Readonly<Record<string, number>> = {
  H_CLOCK: 8,
  H_HINT_DUE: 8,
  H_WALKED: 8,
  H_ZPOOL_STORED: 8,
  H_POOL: 4 * layout.NR_POOL,
  H_POOL_FROM: 4 * layout.NR_POOL,
  H_GONE_OUT: 4 * layout.NR_KINDS,
  H_GONE_TIME: 4 * layout.NR_KINDS,
  H_GONE_BACK: 4 * layout.NR_KINDS,
  H_GONE: 8 * layout.NR_GONE,
  H_PROBES: layout.NR_PROBES * 4,
  H_LOOKED: 8,
  H_SCRATCH: 8,
  SC_NR: 16,
  SC_TARGETS: 16,
  N_WAKERS: 8,
  N_RATE_START: 8,
  N_RATE_CANDIDATES: 8,
  N_ADJUST_START: 8,
  N_ADJUST_CANDIDATES: 8,
  N_DISTANCE: BYTES_OF_NODES,
  N_ZONELIST: BYTES_OF_NODES,
  N_EARLY: 4 * layout.NR_STRETCHES * 4 * 4,
  L_SIZE: layout.NR_LRU_LISTS * 4,
  L_ANON_COST: 8,
  L_FILE_COST: 8,
  L_REFAULTS: 8,
  L_ACTIVATIONS: 8,
  L_MIN_SEQ: 8,
  L_GEN_PAGES: layout.MAX_NR_GENS * 8,
  L_AVG_REFAULTED: layout.MAX_NR_TIERS * 8,
  L_AVG_TOTAL: layout.MAX_NR_TIERS * 8,
  L_REFAULTED: layout.MAX_NR_TIERS * 8,
  L_EVICTED: layout.MAX_NR_TIERS * 8,
  L_PROTECTED: layout.MAX_NR_TIERS * 8,
  L_GEN_BIRTH: layout.MAX_NR_GENS * 4,
  V_WEIGHTS: BYTES_OF_NODES,
  ZC_LISTS: 16,
};

/** By the prefix of their fields' names, the constant that says how many bytes a structure has. */
const STRUCTURES: readonly (readonly [prefix: string, size: string])[] = [
  ["H", "HEADER_SIZE"],
  ["SC", "SC_SIZE"],
  ["N", "NODE_SIZE"],
  ["C", "MEMCG_SIZE"],
  ["L", "LRUVEC_SIZE"],
  ["V", "VMA_SIZE"],
  ["S", "SWAP_SIZE"],
  ["ZC", "ZCLASS_SIZE"],
  ["ZP", "ZPAGE_SIZE"],
  ["ZD", "ZDICT_SIZE"],
];

function constant(name: string): number {
  const found = new RegExp(`\\bconst ${name}: i32 = (\\d+);`).exec(SOURCE)?.[1];
  if (found === undefined) throw new Error(`layout.ts has no number ${name}`);
  return Number(found);
}
function fieldsOf(prefix: string): { name: string; at: number; end: number }[] {
  return [...SOURCE.matchAll(new RegExp(`^export const (${prefix}_[A-Z0-9_]+): i32 = (\\d+);`, "gm"))]
    .map(([, name, at]) => ({ name: name as string, at: Number(at), end: Number(at) + (LARGE[name as string] ?? 4) }))
    .filter(({ name }) => name !== "SC_SIZE")
    .sort((a, b) => a.at - b.at);
}

test.each(STRUCTURES)("the fields %s_ are apart from each other, and within %s", (prefix, size) => {
  const fields = fieldsOf(prefix);
  expect(fields.length).toBeGreaterThan(3);
  for (const [i, { name, at, end }] of fields.entries()) {
    const next = fields[i + 1];
    expect(at % 4, `${name} is a word`).toBe(0);
    if (next !== undefined) expect(end, `${name} ends before ${next.name} begins`).toBeLessThanOrEqual(next.at);
    expect(end, `${name} ends within its structure`).toBeLessThanOrEqual(constant(size));
  }
});

test("all that is read as a number of 8 bytes is known to be one, and aligned", () => {
  const sources = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith(".ts"));
  const read = new Set<string>();
  for (const name of sources) {
    const text = readFileSync(new URL(name, import.meta.url), "utf8");
    const call = /\b(?:setHdrf|hdrf|setNodef|nodef|setLruf|lruf)\([^()]*?\b([HNL]_[A-Z0-9_]+)/g;
    for (const [, field] of text.matchAll(call)) read.add(field as string);
  }
  expect(read.size).toBeGreaterThan(5);
  for (const field of read) {
    expect(LARGE[field], `${field} has 8 bytes`).toBeGreaterThanOrEqual(8);
    expect(constant(field) % 8, `${field} is aligned`).toBe(0);
  }
});

test("what is said to be large is there, and there is room for all counters", () => {
  for (const name of Object.keys(LARGE)) expect(constant(name)).toBeGreaterThanOrEqual(0);
  expect(layout.VMSTAT_SLOTS).toBeGreaterThanOrEqual(NR_VM_EVENTS);
});
