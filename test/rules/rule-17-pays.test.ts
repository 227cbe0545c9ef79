/**
 * Rule 17, what can rise, rises, if it pays: what is known of pages is what they are used for, not that somebody looked at a use; and room that was made
 * for what pays is not taken by what does not.
 */
import { describe, expect, test } from "vitest";
import { openMemorySync } from "../../src/index.ts";
import { N_RIPE_TIME, N_RIPE_USES, node } from "../../src/mm/layout.ts";
import { ProgramClock } from "../../src/parity/program.ts";
import { uniform } from "../../src/trace/generate.ts";
import { seededRandom } from "../../src/trace/random.ts";
import { LRU, TWINS } from "../support/engine.ts";

const PAGE = 4096;

describe.each(TWINS)("rule 17, moves that pay (%s)", (engine) => {
  /** A memory, a region of `pages`, and what uses one: `lines` of it, `ms` after the last. */
  function program(nodes: readonly [fast: number, slow: number], pages: number) {
    const clock = new ProgramClock();
    const [fast, slow] = nodes;
    const memory = openMemorySync(
      {
        engine,
        lru: LRU,
        pretouch: false,
        nodes: {
          fast: { kind: "model", size: fast * PAGE },
          slow: { kind: "model", size: slow * PAGE, tier: 1 },
        },
      },
      { crank: clock },
    );
    const region = memory.map(pages * PAGE);
    let uses = 0;
    const use = (page: number, lines: number, ms: number): void => {
      clock.time += ms;
      region.translate(page * PAGE, "read", lines * 64);
      if (++uses % 64 === 0) memory.tick();
    };
    return { memory, region, use };
  }

  test("pages that are read whole, at random, do not come up because they were used: those that are not will be next", () => {
    const [fast, pages] = [2048, 3072];
    const { memory, use } = program([fast, 1536], pages);
    const [begin, accesses] = [10 * pages, 20 * pages];
    const { key } = uniform({ keys: pages, requests: begin + accesses, seed: 5 });
    // Each page is used a little more than once in the time of a sample.
    for (let i = 0; i < begin; i++) use(key[i] as number, 64, 0.08);
    const before = memory.vmstat();
    let known = 0;
    for (let i = 0; i < accesses; i++) {
      use(key[begin + i] as number, 64, 0.08);
      if (i % pages !== 0) continue;
      memory.vm.inspect();
      known += node(0, N_RIPE_USES) / node(0, N_RIPE_TIME) / 20;
    }
    // Of 64 lines, in units of 8 ms.
    const rate = (64 * 8) / (0.08 * pages);
    expect(known).toBeGreaterThan(0.88 * rate);
    expect(known).toBeLessThan(1.06 * rate);
    const after = memory.vmstat();
    expect(after.pgpromote_judged - before.pgpromote_judged).toBeGreaterThan(accesses / 10);
    // One in 64 of those that ask is tried.
    expect(after.pgpromote_success - before.pgpromote_success).toBeLessThan(accesses / 50);
    memory.close();
  });

  test("where one page comes up now and then, no batch goes down for it that others take", () => {
    const [fast, pages] = [8192, 12288];
    const { memory, use } = program([fast, 6144], pages);
    const random = seededRandom(3);
    // Zipf's law, as near as matters: so many ranks, as their logarithms are at random.
    const rank = () => Math.floor(pages ** random()) - 1;
    // What was rare becomes frequent, a page every 25 accesses.
    for (let i = 0; i < 125_000; i++) use(((rank() + Math.floor(i / 25)) * 7919) % pages, 1, 0.02);
    const { pgpromote_success, pgdemote_direct, pgdemote_kswapd } = memory.vmstat();
    expect(pgpromote_success).toBeGreaterThan(10);
    expect(pgdemote_direct + pgdemote_kswapd, `${pgpromote_success} up`).toBeLessThan(3 * pgpromote_success + 100);
    memory.close();
  });
});
