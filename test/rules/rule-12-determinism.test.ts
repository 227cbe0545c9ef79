/**
 * Rule 12, determinism: inline and sim runs of the same seed give the same vmstat, byte for byte; and so do both twins of
 * the engine, down to every word of metadata and every byte of the pages.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bind, inlineCrank, openMemorySync, type SimCrank, simCrank } from "../../src/index.ts";
import { C_HIGH, C_LOW, C_MAX } from "../../src/mm/layout.ts";
import { MPOL_BIND, MPOL_INTERLEAVE } from "../../src/mm/mempolicy.ts";
import { PRESETS, type Preset } from "../../src/mm/presets.ts";
import type { EngineKind } from "../../src/runtime/engine.ts";
import { bootEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
type Runtime = "inline" | "sim";
/** Either runtime on a clock that the test moves. */
function crankOf(runtime: Runtime): SimCrank {
  if (runtime === "sim") return simCrank(64);
  let time = 0;
  return {
    ...inlineCrank(() => time, 64),
    advance(ms) {
      time += ms;
    },
  };
}

/** A bit of everything: ties, balancing, promotion, limits, cache pages, large folios, faults, pins, policies, requests. */
function run(engine: EngineKind, runtime: Runtime, seed: number, preset: Preset = "lieu") {
  const crank = crankOf(runtime);
  const memory = bootEngine({
    engine,
    preset,
    seed,
    crank,
    swap: [
      { slots: 200, priority: 5, faults: { seed: 2, read: { error: 0.02 }, write: { error: 0.1, flip: 0.01 } } },
      { slots: 500 },
    ],
    nodes: [0, 0, 1, 1, 2].map((tier) => ({ pages: 160, tier, watermarks: marks })),
  });
  memory.calls.setBalance(0, 2);
  memory.calls.setBalance(1, 1);
  const groups = [memory.group(31), memory.group(31), memory.group(0b10101)];
  memory.calls.setLimit(groups[0] as number, C_MAX, 90);
  memory.calls.setLimit(groups[1] as number, C_HIGH, 150);
  memory.calls.setLimit(groups[2] as number, C_LOW, 60);
  const maps = [
    memory.map(300, { memcg: groups[0] as number }),
    memory.map(300, { memcg: groups[1] as number, order: 3 }),
    memory.map(400, { memcg: groups[2] as number, file: true }),
    memory.map(200, { policy: MPOL_BIND, mask: 0b01011 }),
    memory.map(200, { policy: MPOL_INTERLEAVE, mask: 0b00111, order: 2 }),
  ];
  const results: number[] = [];
  let x = 83;
  const pick = (n: number): number => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    return (x >>> 8) % n;
  };
  for (let i = 0; i < 2500; i++) {
    const pages = maps[pick(maps.length)]!;
    const page = Math.floor((pages.count * pick(1000) * pick(1000)) / 1e6);
    results.push(pick(2) === 0 ? pages.access(page) : pages.access(page, 1));
    crank.advance(pick(20) / 8);
    if (pick(20) === 0) memory.vm.turn();
    if (pick(150) === 0) results.push(memory.reclaim(pick(80), 1 + pick(31), pick(3)));
    if (pick(200) === 0 && pages.place(page) >= 0) {
      const frame = pages.pin(page);
      results.push(memory.reclaim(50, 31));
      memory.calls.unpinFrame(frame);
    }
    if (pick(300) === 0) results.push(pages.pageout(page, Math.min(page + 40, pages.count)));
  }
  const { h8, metadata } = memory.vm.segment;
  const bytes = createHash("sha256").update(h8.slice(metadata)).digest("hex");
  return { vmstat: JSON.stringify(memory.vmstat()), metadata: memory.metadataHash(), bytes, results: results.join() };
}

describe("rule 12, determinism", () => {
  const reference = run("js", "sim", 42);

  test.each([
    ["js", "sim"],
    ["js", "inline"],
    ["wasm", "sim"],
    ["wasm", "inline"],
  ] as const)("%s, %s: vmstat, results, metadata and bytes are those of js, sim", (engine, runtime) => {
    const again = run(engine, runtime, 42);
    expect(again.vmstat).toBe(reference.vmstat);
    expect(again.results).toBe(reference.results);
    expect(again.metadata).toBe(reference.metadata);
    expect(again.bytes).toBe(reference.bytes);
  });

  test("the run had a bit of everything", () => {
    const v = JSON.parse(reference.vmstat) as Record<string, number>;
    for (const name of [
      "pgdemote_kswapd",
      "pgpromote_success",
      "pgbalance",
      "pswpout",
      "pswpin",
      "pgsteal_proactive",
      "thp_fault_alloc",
      "thp_migration_success",
      "workingset_refault_anon",
      "swap_write_error",
      "max",
      "high",
    ]) {
      expect(v[name], name).toBeGreaterThan(0);
    }
  });

  test.each(Object.keys(PRESETS) as Preset[])("preset %s: both twins agree for other seeds too", (preset) => {
    for (const seed of [1, 0x7fffffff])
      expect(run("wasm", "inline", seed, preset)).toEqual(run("js", "sim", seed, preset));
  });

  test("another seed is another run", () => {
    const other = run("wasm", "sim", 43);
    expect(other.vmstat).not.toBe(reference.vmstat);
    expect(other.metadata).not.toBe(reference.metadata);
  });

  test("through the public API: the vmstat of the memory and of each node", () => {
    const play = (engine: EngineKind, runtime: Runtime) => {
      const crank = crankOf(runtime);
      using memory = openMemorySync(
        {
          engine,
          seed: 7,
          nodes: {
            dram: { kind: "model", size: "1MiB" },
            near: { kind: "model", size: "1MiB", latency: 300 },
            far: { kind: "model", size: "1MiB", latency: 310 },
          },
          swap: [{ kind: "null", size: "8MiB" }],
          prices: { touch: 64 },
        },
        { crank },
      );
      const regions = [memory.map("5MiB"), memory.map("1MiB", { policy: bind("near", "dram") })];
      for (let i = 0; i < 6000; i++) {
        const region = regions[i % 3 === 0 ? 1 : 0]!;
        region.translate((Math.imul(i, i + 7) >>> 3) % region.size, i & 4 ? "write" : "read");
        crank.advance(0.5);
        if (i % 50 === 0) memory.tick();
      }
      memory.check();
      return JSON.stringify([memory.vmstat(), ...memory.nodes().map((node) => node.vmstat())]);
    };
    const first = play("js", "sim");
    const { pgdemote_kswapd, pgdemote_direct } = JSON.parse(first)[0];
    expect(pgdemote_kswapd + pgdemote_direct).toBeGreaterThan(100);
    for (const engine of TWINS) {
      for (const runtime of ["inline", "sim"] as const) expect(play(engine, runtime)).toBe(first);
    }
  });
});
