/**
 * Rule 13 by a model of its own (room-oracle.ts): whatever is done in whatever order, on whatever topology, no page leaves memory
 * while a node that its owner may use has free pages above its high watermark.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { C_MAX, N_DEMOTE_ALLOWED } from "../../src/mm/layout.ts";
import {
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_PREFERRED,
  MPOL_WEIGHTED_INTERLEAVE,
} from "../../src/mm/mempolicy.ts";
import { bootEngine, type Pages, TWINS } from "../support/engine.ts";
import { RoomOracle } from "../support/room-oracle.ts";

const POLICIES = [MPOL_DEFAULT, MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE];
const ACTS = [
  "touch",
  "touch",
  "touch",
  "loop",
  "refault",
  "unmap",
  "policy",
  "mems",
  "cold",
  "pageout",
  "demote",
  "any",
  "evict",
  "time",
  "limit",
] as const;

/** A large folio leaves node 1 for node 2, in one batch with a page of node 0 that may not be on node 2: what is free on node 1 then was not before. */
const FOLIO_THAT_MADE_ROOM = {
  slow: [
    { pages: 100, tier: 1 },
    { pages: 100, tier: 1 },
  ],
  top: 270,
  distances: Array.from({ length: 25 }, () => 11),
  targets: [1, 4, 12, 13, 4],
  lru: "classic" as const,
  regions: [
    { policy: MPOL_BIND, mask: 27, group: 2, order: 0 as const, file: false, pages: 467 },
    { policy: MPOL_INTERLEAVE, mask: 19, group: 0, order: 4 as const, file: false, pages: 337 },
  ],
  acts: [
    ["any", 999981, 1],
    ["unmap", 983454, 4],
    ["touch", 9, 4],
    ["demote", 999983, 1],
    ["policy", 999989, 2],
    ["touch", 604460, 4],
    ["touch", 407524, 1],
    ["pageout", 912534, 0],
    ["touch", 530153, 1],
    ["cold", 933689, 0],
    ["touch", 3, 3],
    ["time", 10, 1],
    ["limit", 775536, 4],
    ["refault", 16, 2],
    ["refault", 706094, 2],
    ["demote", 307196, 1],
    ["touch", 332182, 0],
    ["time", 604354, 2],
  ] as [(typeof ACTS)[number], number, number][],
};

interface Placed {
  pages: Pages;
  readonly cg: number;
  readonly order: number;
  readonly file: boolean;
  bind: number;
}

describe.each(TWINS)("rule 13, by a model (%s)", (engine) => {
  test("nothing leaves memory while there is room for it", { timeout: 60_000 }, () => {
    const nid = fc.nat(4);
    fc.assert(
      fc.property(
        fc.record({
          slow: fc.array(
            fc.record({ pages: fc.integer({ min: 100, max: 500 }), tier: fc.integer({ min: 1, max: 3 }) }),
            {
              minLength: 1,
              maxLength: 4,
            },
          ),
          top: fc.integer({ min: 200, max: 500 }),
          distances: fc.array(fc.integer({ min: 11, max: 90 }), { minLength: 25, maxLength: 25 }),
          targets: fc.option(fc.array(fc.nat(31), { minLength: 5, maxLength: 5 }), { nil: undefined }),
          lru: fc.constantFrom("classic" as const, "mglru" as const),
          regions: fc.array(
            fc.record({
              policy: fc.constantFrom(...POLICIES),
              mask: fc.integer({ min: 1, max: 31 }),
              group: fc.nat(2),
              order: fc.constantFrom(0, 0, 4),
              file: fc.boolean(),
              pages: fc.integer({ min: 50, max: 900 }),
            }),
            { minLength: 2, maxLength: 5 },
          ),
          acts: fc.array(fc.tuple(fc.constantFrom(...ACTS), fc.nat(1e6), nid), { minLength: 10, maxLength: 40 }),
        }),
        ({ slow, top, distances, targets, lru, regions, acts }) => {
          const nodes = [{ pages: top, tier: 0 }, ...slow];
          const n = nodes.length;
          const all = (1 << n) - 1;
          using memory = bootEngine({
            engine,
            lru,
            nodes,
            swap: 4000,
            distances: nodes.map((_, a) => nodes.map((_, b) => (a === b ? 10 : (distances[a * 5 + b] as number)))),
          });
          if (targets !== undefined) {
            for (let from = 0; from < n; from++) {
              const lower = memory.node(from, N_DEMOTE_ALLOWED) & (targets[from] as number);
              memory.calls.setDemotionTargets(from, lower & -lower, lower);
            }
          }
          const oracle = new RoomOracle(memory);
          const groups = [0, memory.group(all), memory.group(all)];
          const mems = [all, all, all];
          const placed: Placed[] = [];
          const note = ({ pages, cg, bind }: Placed): void => {
            oracle.allowed.set(pages.id, bind & (mems[groups.indexOf(cg)] as number));
          };
          const map = (spec: (typeof regions)[number]): void => {
            const mask = spec.mask & all || all;
            const cg = groups[spec.group] as number;
            const bind = spec.policy === MPOL_BIND ? mask : all;
            if ((bind & (mems[spec.group] as number)) === 0) return;
            const weights = Object.fromEntries(nodes.map((_, i) => [i, i + 1]));
            const pages = memory.map(spec.pages, { ...spec, mask, memcg: cg, weights });
            const one = { pages, cg, order: spec.order, file: spec.file, bind };
            placed.push(one);
            note(one);
            if (spec.file) oracle.watchDiscards(pages.id);
            if (oracle.limited.has(-cg)) oracle.limited.add(pages.id);
          };
          regions.forEach(map);
          for (const [act, x, to] of acts) {
            const one = placed[x % Math.max(1, placed.length)];
            if (one === undefined) break;
            const { pages } = one;
            const mask = 1 + (x % all);
            oracle.begin();
            if (act === "touch" || act === "loop") {
              const length = act === "loop" ? pages.count * 2 : Math.min(pages.count, 40 + (x % 400));
              for (let i = 0; i < length; i++) {
                const r = pages.access((x + i) % pages.count, 1);
                expect(r === 0 || r === -12).toBe(true);
              }
            } else if (act === "refault") {
              for (let page = 0; page < pages.count; page++) if (pages.place(page) < -1) pages.access(page, 0);
            } else if (act === "unmap") {
              memory.calls.zapRange(pages.id, pages.start, pages.count);
            } else if (act === "policy") {
              const policy = POLICIES[x % POLICIES.length] as number;
              const bind = policy === MPOL_BIND ? mask : all;
              if (policy === MPOL_WEIGHTED_INTERLEAVE) continue;
              oracle.vacated = bind;
              oracle.allowed.set(pages.id, (oracle.allowed.get(pages.id) as number) & bind);
              if (memory.calls.changePolicy(pages.id, policy, mask) === 0) one.bind = bind;
              note(one);
            } else if (act === "mems") {
              const g = 1 + (x % 2);
              oracle.vacated = mask;
              // Old and new are both in force meanwhile.
              for (const p of placed)
                if (p.cg === groups[g]) oracle.allowed.set(p.pages.id, p.bind & (mems[g] as number) & mask);
              if (memory.calls.changeMems(groups[g] as number, mask) === 0) mems[g] = mask;
              placed.forEach(note);
            } else if (act === "cold") pages.chill();
            else if (act === "pageout") {
              oracle.vacated = all;
              pages.pageout(x % pages.count, Math.min(pages.count, (x % pages.count) + 60));
            } else if (act === "demote") memory.reclaim(1 + (x % 200), all, 1);
            else if (act === "any") {
              oracle.vacated = mask;
              memory.reclaim(1 + (x % 200), mask, 0);
            } else if (act === "evict") {
              oracle.vacated = all;
              memory.reclaim(1 + (x % 100), mask, 2);
            } else if (act === "time") {
              memory.clock.advance(x % 4000);
              memory.vm.turn();
              memory.settle();
            } else if (act === "limit") {
              const cg = groups[1 + (to % 2)] as number;
              oracle.limited.add(-cg);
              for (const p of placed) if (p.cg === cg) oracle.limited.add(p.pages.id);
              memory.calls.setLimit(cg, C_MAX, 50 + (x % 500));
              memory.calls.enforceLimits(cg);
            }
            expect(oracle.violations.slice(0, 3), act).toEqual([]);
            expect(memory.vmstat().room_violations, act).toBe(0);
          }
        },
      ),
      {
        numRuns: engine === "js" ? 8 : 60,
        interruptAfterTimeLimit: 5000,
        examples: [[FOLIO_THAT_MADE_ROOM]],
      },
    );
  });

  test("the model sees what is lost: without room before loss it has something to say", () => {
    using memory = bootEngine({
      engine,
      behaviours: { roomFirst: false },
      nodes: [{ pages: 600 }, { pages: 100, tier: 1 }],
      swap: 2000,
    });
    const oracle = new RoomOracle(memory);
    const pages = memory.map(300, { policy: MPOL_PREFERRED, mask: 2 });
    oracle.allowed.set(pages.id, 3);
    pages.touch();
    memory.settle();
    expect(oracle.judged).toBeGreaterThan(0);
    expect(oracle.violations.length).toBeGreaterThan(0);
  });
});
