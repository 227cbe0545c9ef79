/**
 * What promotion costs those who get nothing from it: reads of a region that is bound to the slow node, scattered, with
 * promotion on and off; the clock moves on every 65,536 reads.
 */
import { bind, openMemorySync, simCrank } from "../dist/index.js";
import { alternate, atMost } from "./measure.mjs";

const MIB = 2 ** 20;
const SIZE = 32 * MIB;

/** A function of its own for each region, so that no call site sees two. */
const reader = () =>
  new Function(
    "region",
    "tick",
    "n",
    "let s = 0; for (let i = 0; i < n; i++) { s += region.readUint8((i * 40503) & 33554431); if ((i & 65535) === 0) tick(); } return String(s)",
  );

function side(promotion, policy) {
  const crank = simCrank();
  const nodes = { fast: { kind: "dram", size: 16 * MIB }, slow: { kind: "dram", size: 64 * MIB, tier: 1 } };
  const memory = openMemorySync({ nodes, promotion }, { crank });
  memory.map(15 * MIB, { policy: bind("fast") }).fill(1);
  const region = memory.map(SIZE, policy === undefined ? {} : { policy });
  region.fill(7);
  const tick = () => {
    crank.advance(1);
    memory.tick();
  };
  const read = reader();
  return { run: (n) => read(region, tick, n), memory };
}

export async function promotionBench() {
  const n = 4e6;
  const sides = { off: side(false, bind("slow")), on: side(true, bind("slow")) };
  const r = alternate({ off: [() => sides.off.run(n), n], on: [() => sides.on.run(n), n] }, 15);
  const { numa_hint_faults } = sides.on.memory.vmstat();
  for (const { memory } of Object.values(sides)) await memory.close();
  if (numa_hint_faults > 0) throw new Error(`${numa_hint_faults} hint faults of pages that can never rise`);
  return { "reads of a bound slow region, promotion on / off": atMost(r.on.min / r.off.min, 1.03, { ns: r }) };
}
