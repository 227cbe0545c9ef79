/**
 * Rule 8, pins: a folio held by a reader is not freed under it. Migration needs the expected reference count; a
 * speculative reference taken meanwhile means that the last holder frees the old frame, which is off the LRU.
 */
import { describe, expect, test } from "vitest";
import { isLieuError, openMemorySync, simCrank } from "../../src/index.ts";
import { EAGAIN, EBUSY } from "../../src/mm/errno.ts";
import { folioTryGet, PG_ISOLATED, PG_LOCKED, PG_LRU } from "../../src/mm/folio.ts";
import { GFP_DEMOTE } from "../../src/mm/gfp.ts";
import { flags, frameAddr, H_SWAPPINESS, N_FREE, node, refs, setRefs } from "../../src/mm/layout.ts";
import { lruDel } from "../../src/mm/lru.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import * as migrate from "../../src/mm/migrate.ts";
import { freeBlock } from "../../src/mm/page-alloc.ts";
import { PTE_MIGRATION, PTE_PRESENT } from "../../src/mm/page-table.ts";
import { bootEngine, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const nodes = [
  { pages: 256, watermarks: marks },
  { pages: 256, tier: 1, watermarks: marks },
];

describe("rule 8, pins: the stages of a migration", () => {
  /** A page about to be migrated by hand: isolated, with a frame on node 1 to go to. */
  const prepare = (order: number) => {
    const memory = bootEngine({ nodes, swap: 256 });
    const pages = memory.map(1 << order, { order }).fill();
    const from = pages.head(0);
    lruDel(from);
    migrate.isolate(from);
    const to = migrate.allocTarget(1, order, GFP_DEMOTE);
    const bytes = (f: number) => memory.vm.segment.h8.slice(frameAddr(f), frameAddr(f) + (4096 << order));
    return { memory, pages, from, to, bytes, before: bytes(from) };
  };

  describe.each([0, 4])("order %d", (order) => {
    test.each(["unmapped", "moved"])("a reference taken when the page was %s keeps the old bytes readable", (when) => {
      const { memory, pages, from, to, bytes, before } = prepare(order);
      expect(migrate.migrateUnmap(from)).toBe(0);
      expect(pages.pte(0) & (PTE_PRESENT | PTE_MIGRATION), "nobody may touch it now").toBe(PTE_MIGRATION);
      if (when === "unmapped") expect(folioTryGet(from)).toBe(1);
      migrate.migrateMove(from, to);
      if (when === "moved") expect(folioTryGet(from)).toBe(1);
      migrate.migrateRemap(from, to);

      expect([pages.head(0), pages.nid(0), pages.order(0)]).toEqual([to, 1, order]);
      pages.verify();
      pages.fill();
      expect(bytes(from), "the holder's bytes").toEqual(before);
      expect(refs(from)).toBe(1);
      expect(flags(from) & (PG_LRU | PG_ISOLATED | PG_LOCKED), "off the LRU, at rest").toBe(0);
      expect(memory.check().pins).toBe(1);

      const free = node(0, N_FREE);
      expect(migrate.folioPut(from), "the last holder frees it").toBe(1);
      expect(node(0, N_FREE)).toBe(free + (1 << order));
      expect(memory.check().pins).toBe(0);
      expect(folioTryGet(from), "a dead folio gives no reference").toBe(0);
      pages.verify();
    });

    test("two holders: only the last one's put frees the frame", () => {
      const { memory, pages, from, to } = prepare(order);
      migrate.migrateUnmap(from);
      expect(folioTryGet(from)).toBe(1);
      migrate.migrateMove(from, to);
      expect(folioTryGet(from)).toBe(1);
      migrate.migrateRemap(from, to);
      expect(memory.check().pins).toBe(2);
      expect(migrate.folioPut(from)).toBe(0);
      memory.check();
      expect(migrate.folioPut(from)).toBe(1);
      pages.verify();
    });

    test("without a holder the old frame is free as soon as the new one is mapped", () => {
      const { memory, pages, from, to } = prepare(order);
      migrate.migrateUnmap(from);
      migrate.migrateMove(from, to);
      migrate.migrateRemap(from, to);
      expect([node(0, N_FREE), refs(from), memory.check().pins]).toEqual([256, 0, 0]);
      pages.verify();
    });

    test("a reference taken before makes the count unexpected: nothing is unmapped", () => {
      const { pages, from, to } = prepare(order);
      expect(folioTryGet(from)).toBe(1);
      expect(migrate.migrateUnmap(from)).toBe(EAGAIN);
      expect(pages.pte(0) & (PTE_PRESENT | PTE_MIGRATION)).toBe(PTE_PRESENT);
      expect(migrate.migrateFolio(from, 1)).toBe(EAGAIN);
      setRefs(to, 0);
      freeBlock(to);
      migrate.putback(from);
      expect(pages.head(0)).toBe(from);
      expect(migrate.folioPut(from)).toBe(0);
      pages.verify();
    });
  });
});

describe.each(TWINS)("rule 8, pins (%s)", (engine) => {
  const boot = (): TestEngine => bootEngine({ engine, nodes, swap: 2048, steps: 64 });
  const press = (memory: TestEngine): Pages => memory.map(900).fill().verify(0, 200);

  test("pinned pages keep their frames and bytes under pressure, whatever reclaims", () => {
    const memory = boot();
    const small = memory.map(20).fill();
    const large = memory.map(64, { order: 5 }).fill();
    const cache = memory.map(20, { file: true }).fill();
    const held = [small, small, large, cache].map((pages, i) => ({ pages, page: i * 6, frame: pages.pin(i * 6) }));
    press(memory);
    memory.reclaim(500, 3, 0);
    memory.reclaim(500, 3, 2);
    for (const pages of [small, large, cache]) pages.pageout();
    expect(memory.check().pins).toBe(4);
    for (const { pages, page, frame } of held) {
      expect(pages.frame(page)).toBe(frame);
      pages.verifyResident(page);
    }
    expect(large.order(12)).toBe(5);
    for (const { frame } of held) memory.calls.unpinFrame(frame);
    expect(memory.check().pins).toBe(0);
    for (const pages of [small, large]) expect(pages.chill().pageout()).toBeGreaterThan(0);
    small.verify();
    large.verify();
  });

  test.each([0, 4])(
    "a migration that fails is counted once an attempt, in base pages, however many targets there are (order %d)",
    (order) => {
      const memory = bootEngine({
        engine,
        nodes: [{ pages: 256 }, { pages: 64, tier: 1 }, { pages: 64, tier: 1 }, { pages: 64, tier: 2 }],
      });
      for (const nid of [1, 2, 3]) {
        const filler = memory.map(64, { policy: MPOL_BIND, mask: 1 << nid, locked: true });
        for (let page = 0; page < 64 && filler.access(page, 1) === 0; page++);
      }
      const pages = memory.map(16, { order }).fill();
      for (let attempt = 1; attempt <= 3; attempt++) {
        const before = memory.vmstat();
        pages.chill();
        expect(memory.reclaim(16, 1, 1)).toBe(0);
        const after = memory.vmstat();
        const tries = (after.pgscan_proactive - before.pgscan_proactive) / 16;
        expect(tries).toBeGreaterThan(0);
        expect(after.pgmigrate_fail - before.pgmigrate_fail, `${tries} attempts`).toBe(16 * tries);
        expect(after.thp_migration_fail - before.thp_migration_fail).toBe(order > 0 ? tries : 0);
        memory.calls.tune(H_SWAPPINESS, 60);
      }
    },
  );

  test("a pinned page is not unmapped, nor moved by a change of policy, mems or by promotion", () => {
    const memory = boot();
    const cg = memory.group(3);
    const pages = memory.map(10, { memcg: cg }).fill().chill();
    while (pages.countAt(1) < 10) memory.reclaim(10, 1, 1);
    const frame = pages.pin(3);
    expect(pages.unmap()).toBe(EBUSY);
    expect(memory.calls.changePolicy(pages.id, MPOL_BIND, 1)).toBe(EBUSY);
    expect(memory.calls.changeMems(cg, 1)).toBe(EBUSY);
    expect(memory.calls.zapRange(pages.id, pages.start, 10)).toBe(EBUSY);
    memory.clock.advance(5000);
    memory.vm.turn();
    pages.verify();
    expect([pages.frame(3), pages.place(3)]).toEqual([frame, 1]);
    expect(pages.countAt(0), "the others, by the change that failed or by promotion").toBe(9);
    expect(memory.vmstat().pgpromote_success).toBeGreaterThan(0);
    memory.calls.unpinFrame(frame);
    expect(pages.unmap()).toBe(0);
  });
});

test("rule 8, pins: a region's pin is the memory itself, and stays put while it is held", () => {
  using memory = openMemorySync(
    { nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "8MiB", tier: 1 } } },
    { crank: simCrank() },
  );
  const region = memory.map("7MiB");
  region.fill(0x5a, 0, 4096);
  const pin = region.pin(16, 100, { write: true });
  expect(pin.zeroCopy).toBe(true);
  region.fill(1, 4096);
  pin.bytes[0] = 77;
  expect([region.readUint8(16), region.readUint8(17)]).toEqual([77, 0x5a]);
  expect(region.placeOf(0)).toMatchObject({ where: "node", node: 0 });
  expect(() => region.unmap()).toThrow(expect.toSatisfy((e: unknown) => isLieuError(e, "EBUSY")));
  pin.release();
  memory.check();
  region.unmap();
});
