/**
 * What reclaim costs where it can do little: a fault that must fail, or go elsewhere, beside nodes full of what cannot leave; and
 * what kswapd looks at for each page that it frees, a third of the pages being hot.
 */
import { bind, isLieuError, openMemorySync, simCrank } from "../dist/index.js";
import { atMost } from "./measure.mjs";

const MIB = 2 ** 20;
const PAGE = 4096;
const FAULTS = 2000;

function open(nodes, more = {}) {
  const kinds = Object.entries(nodes).map(([name, [mib, tier]]) => [name, { kind: "model", size: mib * MIB, tier }]);
  return openMemorySync({ pretouch: false, nodes: Object.fromEntries(kinds), ...more }, { crank: simCrank() });
}
/** Touch a page; false if there is no room for it. */
function touch(region, page) {
  try {
    region.translate(page * PAGE, "write");
    return true;
  } catch (error) {
    if (!isLieuError(error, "ENOMEM")) throw error;
    return false;
  }
}
function fill(region) {
  let page = 0;
  while (page < region.size / PAGE && touch(region, page)) page++;
  return page;
}

/** The worst of several memories, by size, number of tiers and design of the lists: us a fault, and pages looked at. */
function failingFault() {
  let us = 0;
  let looked = 0;
  for (const lru of ["classic", "mglru"]) {
    for (const slow of [[8], [128], [64, 64]]) {
      const names = slow.map((mib, i) => [`slow${i}`, [mib, i + 1]]);
      const memory = open({ dram: [2 * slow[0], 0], ...Object.fromEntries(names) }, { lru });
      fill(memory.map(2 * slow[0] * MIB, { policy: bind("dram") }));
      for (const [name, [mib]] of names) fill(memory.map(mib * MIB, { policy: bind(name), locked: true }));
      const region = memory.map(4 * MIB);
      const page = fill(region);
      // Compiled by now, as it is in a program that meets this more than once.
      for (let i = 0; i < FAULTS; i++) if (touch(region, page)) throw new Error("the fault found room");
      const before = memory.vmstat();
      const begun = process.cpuUsage();
      for (let i = 0; i < FAULTS; i++) if (touch(region, page)) throw new Error("the fault found room");
      const used = process.cpuUsage(begun);
      const after = memory.vmstat();
      us = Math.max(us, (used.user + used.system) / FAULTS);
      looked = Math.max(looked, (after.pgscan_direct - before.pgscan_direct) / FAULTS);
      memory[Symbol.dispose]();
    }
  }
  return { us, looked };
}

/** Pages scanned for each that is taken, while cold pages stream through a node of which a third is in use. */
function scannedPerStolen(lru) {
  const memory = open({ dram: [64, 0], slow: [256, 1] }, { lru, promotion: false });
  const hot = memory.map(Math.floor(64 / 3) * MIB);
  fill(hot);
  const stream = memory.map(180 * MIB);
  const pages = hot.size / PAGE;
  const pass = (from, to) => {
    for (let page = from; page < to; page++) {
      touch(stream, page);
      for (let k = 0; k < 8; k++) touch(hot, (page * 8 + k) % pages);
    }
  };
  pass(0, 10_000);
  const before = memory.vmstat();
  pass(10_000, stream.size / PAGE);
  const after = memory.vmstat();
  const of = (what) =>
    after[`${what}_kswapd`] + after[`${what}_direct`] - before[`${what}_kswapd`] - before[`${what}_direct`];
  memory[Symbol.dispose]();
  return of("pgscan") / of("pgsteal");
}

export async function reclaimBench() {
  const { us, looked } = failingFault();
  return {
    "a fault that must fail, us": atMost(us, 20, {}),
    "a fault that must fail, pages looked at": atMost(looked, 40, {}),
    "scanned / stolen, a third hot, classic": atMost(scannedPerStolen("classic"), 3, {}),
    "scanned / stolen, a third hot, mglru": atMost(scannedPerStolen("mglru"), 3, {}),
  };
}
