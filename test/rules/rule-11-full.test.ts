/** Rule 11, where all is full: what was written can be read, and written over, whether or not anything new fits. */
import { describe, expect, test } from "vitest";
import { ENOMEM } from "../../src/mm/errno.ts";
import { N_WMARK_MIN } from "../../src/mm/layout.ts";
import { bootEngine, type EngineSpec, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

/** Write pages until there is no room. Returns how many were. */
function fill(pages: Pages): number {
  let page = 0;
  while (page < pages.count && pages.write(page) === 0) page++;
  return page;
}

describe.each(TWINS)("rule 11, all full (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> & Pick<EngineSpec, "nodes">): TestEngine => bootEngine({ engine, ...spec });

  test.each([
    ["one node", [{ pages: 100 }], 150],
    ["two nodes", [{ pages: 100 }, { pages: 150, tier: 1 }], 150],
    ["two nodes and two slots", [{ pages: 100 }, { pages: 150, tier: 1 }], 2],
    ["two nodes, two devices", [{ pages: 100 }, { pages: 150, tier: 1 }], [{ slots: 50 }, { slots: 75 }]],
  ] as const)("each page can be read again, time and again, in any order: %s", (_, nodes, swap) => {
    for (const lru of ["classic", "mglru"] as const) {
      for (const preset of ["lieu", "linux"] as const) {
        using memory = boot({ nodes, swap, lru, preset });
        const pages = memory.map(1000);
        const written = fill(pages);
        expect(pages.countAt(-2)).toBeGreaterThan(0);
        expect(pages.write(written)).toBe(ENOMEM);
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < written; i++) {
            const page = (i * ([1, 7, 389][round] as number)) % written;
            expect(pages.read(page), `round ${round}, page ${page}`).toBe(0);
          }
          memory.check();
        }
        for (let page = 0; page < written; page++) expect(pages.write(page)).toBe(0);
        for (let page = 0; page < written; page++) expect(pages.read(page)).toBe(0);
        memory.check();
        // What was lent of the reserve has been given back.
        for (let nid = 0; nid < nodes.length; nid++) {
          expect(memory.free(nid)).toBeGreaterThanOrEqual(memory.node(nid, N_WMARK_MIN));
        }
      }
    }
  });

  test("with nothing that could go in its place, half of the reserve is lent, and no more; with room again, all is well", () => {
    using memory = boot({ nodes: [{ pages: 200, watermarks: [16, 20, 24, 28] }], swap: 100 });
    const pages = memory.map(400);
    const written = fill(pages);
    const below = Array.from({ length: written }, (_, page) => page).filter((page) => pages.place(page) < 0);
    const held = Array.from({ length: written }, (_, page) => page).filter((page) => pages.place(page) >= 0);
    expect(below.length).toBe(100);
    const pins = held.map((page) => pages.pin(page));
    const came = below.filter((page) => pages.read(page) === 0 && pins.push(pages.pin(page)) > 0);
    expect(came.length).toBe(8);
    expect(memory.free(0)).toBe(8);
    memory.check();
    for (const frame of pins) memory.calls.unpinFrame(frame);
    for (let page = 0; page < written; page++) expect(pages.read(page), `page ${page}`).toBe(0);
    memory.check();
  });
});
