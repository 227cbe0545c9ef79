/**
 * The same operations on both twins of the engine give the same results and the same counters, byte for byte: every
 * result goes into a digest that is compared after each operation, and all of vmstat now and then.
 */
import { expect, test } from "vitest";
import { CONFIGS, type Config } from "./configs.ts";
import { drive } from "./drive.ts";
import { runSeed } from "./source.ts";
import { agree, type World } from "./world.ts";

const seed = runSeed();
/** The JavaScript twin is slow under a test runner, which turns each import into a getter. */
const OPS = Math.min(1500, Number(process.env.LIEU_OPS ?? 1500));
const EVERY = 20;

const counters = (w: World) => [w.memory.vmstat(), ...w.memory.nodes().map((n) => n.vmstat())];

function compare(config: Config): void {
  const digests: number[] = [];
  const snapshots: ReturnType<typeof counters>[] = [];
  const first = drive(config, seed, OPS, {
    change: { engine: "wasm" },
    after(w, op) {
      digests.push(w.digest);
      if (op % EVERY === 0) snapshots.push(counters(w));
    },
  });
  const second = drive(config, seed, OPS, {
    change: { engine: "js" },
    after(w, op) {
      agree(w.digest === digests[op], () => "the twins came to different results");
      if (op % EVERY === 0) expect(counters(w)).toEqual(snapshots[op / EVERY]);
    },
  });
  expect(second).toEqual(first);
}

for (const config of CONFIGS.filter((c) => c.options.engine === undefined)) {
  test(`${config.name}: twins agree, seed ${seed}`, { timeout: 10 * 60_000 }, () => compare(config));
}
