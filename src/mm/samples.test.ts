/** Samples of what pages are used for: how much of it says where others like them are to begin. */
import { expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import {
  clock,
  H_CLOCK,
  N_NEW_NR,
  N_NEW_USES,
  N_VICTIM_NR,
  N_VICTIM_USES,
  node,
  priv,
  pte,
  setPriv,
  setVma,
  V_USE,
} from "./layout.ts";
import { pteIndex } from "./page-table.ts";
import { mostWorth } from "./prices.ts";
import { takeSample, worthOfVictim } from "./samples.ts";
import { SAMPLE_NEW, SAMPLE_VICTIM, startCount } from "./uses.ts";

test("however much a new page is used, it is counted for no more than what it costs until it comes up by itself", () => {
  for (const [by, most] of [
    [1, 42],
    [64, 168],
  ] as const) {
    const memory = bootEngine({ lru: "classic", bytes: false, nodes: [{ pages: 400 }, { pages: 800, tier: 1 }] });
    memory.calls.setPrices(2000, 50, 0);
    const pages = memory.map(64).touch();
    memory.vm.inspect();
    setVma(pages.id, V_USE, by);
    // A move up and one down, at 200 ns a use, and the use that makes somebody look; twice.
    expect(Math.floor(mostWorth(0, 1, by))).toBe(most);
    const sample = (from: number, to: number, kind: number, uses: (page: number) => number): void => {
      const frames = Array.from({ length: to - from }, (_, i) => pteIndex(pte(pages.start + from + i)));
      for (const [i, f] of frames.entries()) {
        startCount(f, kind);
        setPriv(f, priv(f) | uses(from + i));
      }
      memory.vm.segment.hf[H_CLOCK >>> 3] = clock() + 1100;
      for (const f of frames) takeSample(f, 0, true, 0);
    };
    sample(0, 10, SAMPLE_NEW, (page) => (page < 5 ? 1000 : 0));
    expect([node(0, N_NEW_NR), node(0, N_NEW_USES)]).toEqual([10, 5 * most]);
    sample(10, 30, SAMPLE_VICTIM, (page) => (page < 15 ? 1000 : 1));
    expect([node(0, N_VICTIM_NR), node(0, N_VICTIM_USES)]).toEqual([20, 5 * 1000 + 15]);
    expect(worthOfVictim(0)).toBe((5 * most + 15) / 20);
  }
});
