/** Sentences say what the numbers say: they turn when the numbers do. */
import { describe, expect, test } from "vitest";
import type { Fixture } from "../../src/parity/scenario.ts";
import { COSTS, price } from "../../src/study/costs.ts";
import { demotion } from "../../src/study/demotion.ts";
import { Results } from "../../src/study/experiment.ts";
import { limit } from "../../src/study/limit.ts";
import { breakEven } from "../../src/study/promotion.ts";
import { anchor, markdownTable } from "../../src/study/report.ts";
import type { Trial } from "../../src/study/trial.ts";
import { list, moves, relative, tally, verdict } from "../../src/study/words.ts";

const fixture: Fixture = { kernels: {}, scenarios: [] };

function trial(workload: string, value: string, memory: number, swap = 0, work = 0, figures = {}): Trial {
  const total = memory + swap + work;
  const moment = { access: 0, free0: 1, free1: 1, on0: 1, on1: 1, swapped: 0, demoted: 0, pswpout: 0, violations: 0 };
  return {
    workload,
    value,
    share: [50, 50, 0],
    price: { memory, swap, work, total },
    work: { node0: 1, node1: 1, swap: 0, fresh: 0, pswpout: 0, migrated: 0, scanned: 0, hintFaults: 0 },
    works: [],
    figures,
    series: [moment, { ...moment, access: 1 }],
    killed: false,
  };
}

describe("comparisons", () => {
  test("in words", () => {
    expect(relative(100, 50)).toBe("-50 %");
    expect(relative(100, 103.46)).toBe("+3.5 %");
    expect(relative(100_000, 100_001)).toBe("0.0 %");
    expect(moves(1200, 300)).toBe("from 1,200 to 300 (-75 %)");
    expect(moves(300, 300)).toBe("unchanged at 300");
    expect([list([]), list(["a"]), list(["a", "b", "c"])]).toEqual(["none", "a", "a, b and c"]);
  });

  test("a tally counts what is cheaper, dearer and the same, and names the most", () => {
    const results = new Results(
      [
        trial("w1", "off", 100),
        trial("w1", "on", 50),
        trial("w2", "off", 100),
        trial("w2", "on", 130),
        trial("w3", "off", 100),
        trial("w3", "on", 100.5),
      ],
      fixture,
    );
    const t = tally(results, "off", "on");
    expect([t.better, t.worse, t.same]).toEqual([["w1"], ["w2"], ["w3"]]);
    expect(verdict(t)).toBe(
      "mixed, +0.5 % in the median: cheaper on 1 of 3 workloads (most: w1, -50 %), dearer on 1 (most: w2, +30 %) and within 1 % on 1",
    );
    expect(verdict(tally(results, "on", "on"))).toBe("within 1 % on all 3 workloads");
  });

  test("work is spent once however many accesses an entry stands for, so it may be repaid", () => {
    const [before, after] = [trial("w", "off", 300), trial("w", "on", 100, 0, 1000)];
    expect(breakEven(before, after)).toBe(5);
    expect(breakEven(after, before), "less work, slower accesses").toBeUndefined();
    expect(breakEven(trial("w", "off", 300, 50), trial("w", "on", 100, 0)), "cheaper in both").toBe(0);
    expect(breakEven(trial("w", "off", 100), trial("w", "on", 100, 0, 10)), "nothing saved").toBeUndefined();
    const results = new Results([before, after], fixture);
    expect(verdict(tally(results, "off", "on"))).toContain("a cost, +267 % in the median: dearer on 1 of 1 workload");
    expect(verdict(tally(results, "off", "on", 64))).toContain(
      "a gain, -61 % in the median: cheaper on 1 of 1 workload",
    );
  });

  test("a price is the costs times the counts", () => {
    const work = { node0: 1, node1: 2, swap: 1, fresh: 0, pswpout: 3, migrated: 4, scanned: 5, hintFaults: 6 };
    const { dram, slow, swapIn, swapOut, migrate, scan, hintFault } = COSTS;
    const p = price(work);
    expect(p.memory).toBe((dram + 2 * slow) / 4);
    expect(p.swap).toBe((swapIn + 3 * swapOut) / 4);
    expect(p.work).toBe((4 * migrate + 5 * scan + 6 * hintFault) / 4);
    expect(p.total).toBe(p.memory + p.swap + p.work);
  });
});

describe("findings", () => {
  test("demotion's answer turns round with the results", () => {
    const run = (off: number, on: number) => [
      trial("w", "linux off", off),
      trial("w", "linux on", on),
      trial("w", "lieu off", off),
      trial("w", "lieu on", on),
    ];
    const good = demotion.conclude(new Results(run(200, 100), fixture));
    const bad = demotion.conclude(new Results(run(100, 200), fixture));
    expect(good.answer).toContain(
      "Under `linux` a gain, -50 % in the median: cheaper on 1 of 1 workload (most: w, -50 %)",
    );
    expect(bad.answer).toContain(
      "Under `linux` a cost, +100 % in the median: dearer on 1 of 1 workload (most: w, +100 %)",
    );
  });

  test("demotion under a limit is called useless only if swapping stays", () => {
    const run = (pswpout: number) =>
      ["linux off", "linux demotes", "lieu demotes", "lieu off"].map((value) =>
        trial("max48M", value, 100, 0, 0, { pgdemote: 100, pswpout: value === "linux demotes" ? pswpout : 1000 }),
      );
    expect(limit.conclude(new Results(run(1000), fixture)).answer).toMatch(/^Next to nothing: 100 demotions/);
    expect(limit.conclude(new Results(run(10), fixture)).answer).toMatch(/^Some swapping: 100 demotions/);
  });
});

describe("Markdown", () => {
  test("numbers are to the right, words to the left", () => {
    expect(markdownTable(["name", "n"], [["a", "1,000"]])).toBe("| name |     n |\n| ---- | ----: |\n| a    | 1,000 |");
  });
  test("anchors are those that GitHub makes", () => {
    expect(anchor("2. Waking the target's kswapd")).toBe("2-waking-the-targets-kswapd");
    expect(anchor("3. nr_reclaimed++ against += nr_pages")).toBe("3-nr_reclaimed-against--nr_pages");
  });
});
