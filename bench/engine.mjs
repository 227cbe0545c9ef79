/** The engine's inner loops: migration against a bare copy, the reclaim scan, and what metadata costs. */
import { PRESETS } from "../dist/mm/presets.js";
import { createSegment } from "../dist/runtime/segment.js";
import { compileWasm } from "../scripts/compile-wasm.mjs";
import { alternate, atLeast, atMost } from "./measure.mjs";

const BITS = 15;
const PAGES = 1 << BITS;

/** Two nodes of twice `PAGES` frames each, `PAGES` pages mapped on node 0. */
function boot(module, withBytes) {
  const frames = 4 * PAGES;
  const shape = { nodes: 2, frames, vpns: 2 * frames, slots: 0, bytes: withBytes };
  const segment = createSegment(shape, true);
  // Nothing here swaps or tells anybody: what the engine has to import is never called, but for `bug`.
  const imports = WebAssembly.Module.imports(module).filter((it) => it.kind === "function");
  const host = { ...Object.fromEntries(imports.map(({ name }) => [name, () => 0])), bug };
  const calls = new WebAssembly.Instance(module, { env: { memory: segment.memory }, host }).exports;
  calls.initMemory(2, frames, shape.vpns, 0, 0, 0, segment.data, PRESETS.lieu, 1);
  for (const nid of [0, 1]) {
    calls.initNode(nid, nid * 2 * PAGES, 2 * PAGES, nid === 0 ? 576 : 2880, nid);
    for (const to of [0, 1]) calls.setDistance(nid, to, nid === to ? 10 : 20);
  }
  calls.finishNodes();
  calls.setupWatermarks(0, 10);
  const vma = calls.createVma(PAGES, 1, 0, 0, 0, 0);
  // In scattered order, so that neighbours in the page table are not neighbours in memory.
  for (let i = 0, vpn = 1; i < PAGES; i++, vpn = (vpn * 5 + 12345) & (PAGES - 1)) calls.fault(vma, vpn, 1);
  return { calls, segment, shape };
}
function bug(code, a, b) {
  throw new Error(`broken invariant ${code} (${a}, ${b})`);
}

export async function engineBench() {
  const module = new WebAssembly.Module(await compileWasm("bench/kernels.ts"));
  const { calls } = boot(module, true);
  const n = 20000;
  const moves = alternate({
    copy: [() => void calls.benchCopy(n, BITS + 1, 17), n],
    migrate: [() => migrateAll(calls, n), n],
  });
  const still = boot(module, false);
  const scans = alternate({ scan: [() => scanAll(still), 16 * PAGES] });
  const metadata = still.segment.metadata / still.shape.frames;
  return {
    "migrate 4 KiB / bare copy of 4 KiB": atMost(moves.migrate.median / moves.copy.median, 1.5, { ns: moves }),
    "reclaim scan, descriptors a second": atLeast(1e9 / scans.scan.median, 100e6, { ns: scans }),
    "metadata, bytes a page": atMost(metadata, 64, {}),
  };
}

function migrateAll(calls, count) {
  const moved = calls.benchMigrate(count, BITS, 3);
  if (moved !== count) throw new Error(`${moved} of ${count} pages moved`);
}
/** Scan the inactive list 16 times, every page accessed since the last time; only the scans are timed. Gives ns. */
function scanAll({ calls }) {
  let us = 0;
  for (let round = 0; round < 16; round++) {
    calls.benchMark(PAGES);
    const before = process.cpuUsage();
    const scanned = calls.benchScan(PAGES);
    const used = process.cpuUsage(before);
    us += used.user + used.system;
    if (scanned !== PAGES) throw new Error(`${scanned} of ${PAGES} descriptors scanned`);
  }
  return us * 1000;
}
