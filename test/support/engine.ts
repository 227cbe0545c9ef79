/**
 * The engine for tests: booted without the public API, on either twin, with swap in memory, a virtual clock, and a model
 * of every page's content. Whatever a test does, the invariant walk runs over every engine that it booted when it ends.
 */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll } from "vitest";
import { globalVmstat, groupVmstat, nodeVmstat, type Vmstat } from "../../src/memory/vmstat.ts";
import { checkInvariants, type Walk } from "../../src/mm/debug-vm.ts";
import { folioHead, folioNid, folioOrder, PG_ACTIVE, PG_LRU } from "../../src/mm/folio.ts";
import * as layout from "../../src/mm/layout.ts";
import { folioLruList, lruAdd, lruDel } from "../../src/mm/lru.ts";
import { MPOL_DEFAULT } from "../../src/mm/mempolicy.ts";
import { OPT_LRU_GEN } from "../../src/mm/options.ts";
import { PTE_ACCESSED, PTE_DIRTY, PTE_HINT, PTE_PRESENT } from "../../src/mm/page-table.ts";
import { type Behaviour, behaviourBits, type Preset } from "../../src/mm/presets.ts";
import type { EngineCalls, EngineKind } from "../../src/runtime/engine.ts";
import { createSegment } from "../../src/runtime/segment.ts";
import { SharedVm } from "../../src/runtime/shared-vm.ts";
import { type SimCrank, simCrank } from "../../src/runtime/sim.ts";
import { type Crank, Vm } from "../../src/runtime/vm.ts";
import type { SwapDevice } from "../../src/swap/device.ts";
import { type FaultPlan, type FaultyDevice, injectFaults } from "../../src/swap/faulty.ts";
import { POOL_RATIO, poolStandIn } from "../../src/swap/pool.ts";
import { Bystander } from "./bystander.ts";

/** Whether engines are those of memories that threads share: the rules are tested with both (vitest.config.ts). */
export const SHARED: boolean = process.env.LIEU_VM === "shared";
/** Both twins, for `describe.each`; of memories that threads share the one that those have. */
export const TWINS: readonly EngineKind[] = SHARED ? ["wasm"] : ["js", "wasm"];
/** The designs of the lists (src/mm/lru.ts). */
export type LruDesign = "classic" | "mglru";
/** The design that engines get that do not ask for one: the rules are tested with both (vitest.config.ts). */
export const LRU: LruDesign = process.env.LIEU_LRU === "mglru" ? "mglru" : "classic";
/** Abstract distance of a tier: 0 is DRAM. */
export const adistanceOf = (tier: number): number => 576 + tier * 128;

export interface NodeSpec {
  readonly pages: number;
  /** 0 by default: DRAM's; each more is one slower. */
  readonly tier?: number;
  /** In place of `tier`. */
  readonly adistance?: number;
  readonly watermarks?: readonly [min: number, low: number, high: number, promo: number];
}
export interface SwapSpec {
  readonly slots: number;
  /** Devices are given by falling priority; 0 by default. */
  readonly priority?: number;
  readonly faults?: FaultPlan;
}
export interface EngineSpec {
  readonly nodes: readonly NodeSpec[];
  /** [from][to]; by default 10 to itself, 20 within a tier and 10 more for each tier between. */
  readonly distances?: readonly (readonly number[])[];
  /** Slots of one device, or several devices; none by default. */
  readonly swap?: number | readonly SwapSpec[];
  /** Pages of the pool of compressed ones; none by default. */
  readonly zpages?: number;
  /** Records of whose pins are; by default they are nobody's. */
  readonly pins?: number;
  readonly preset?: Preset;
  readonly behaviours?: Partial<Record<Behaviour, boolean>>;
  /** Whether frames have bytes; true by default. */
  readonly bytes?: boolean;
  readonly engine?: EngineKind;
  readonly seed?: number;
  readonly vpns?: number;
  /** kswapd's steps a turn; 0 = it never gets one. 256 by default. */
  readonly steps?: number;
  /** The design of the lists; {@link LRU} by default. */
  readonly lru?: LruDesign;
  /** A crank of the test's own, in place of the virtual clock. */
  readonly crank?: Crank;
  readonly swappiness?: number;
  /** What counters that wrap begin with, and the virtual clock. */
  readonly initialCount?: number;
  readonly startTime?: number;
}
export interface MapSpec {
  readonly file?: boolean;
  readonly memcg?: number;
  readonly order?: number;
  readonly locked?: boolean;
  /** One of the MPOL_ constants. */
  readonly policy?: number;
  readonly mask?: number;
  readonly weights?: Readonly<Record<number, number>>;
  /** What word `i` of a page holds in its `version`; noise by default. */
  readonly words?: (page: number, version: number, i: number) => number;
}

const live = new Set<TestEngine>();
afterEach(() => {
  const engines = [...live];
  live.clear();
  for (const engine of engines) engine.end();
});
let bystander: Bystander | undefined;
if (SHARED) {
  beforeAll(async () => {
    bystander = await Bystander.start();
  });
  afterAll(async () => {
    const { joined, visits } = (await bystander?.end()) ?? { joined: 0, visits: 0 };
    if (booted > 0 && (joined !== booted || visits === 0))
      throw new Error(`the other thread was on ${joined} of ${booted} engines, and came by ${visits} times`);
  });
}
let booted = 0;

/** A device that keeps its pages in memory. */
export function memoryDevice(slots: number): SwapDevice {
  const store = new Uint8Array(slots * 4096);
  return {
    kind: "memory",
    slots,
    keepsBytes: true,
    write(slot, nr, memory, addrs) {
      for (let i = 0; i < nr; i++) {
        const at = addrs[i] as number;
        store.set(memory.subarray(at, at + 4096), (slot + i) * 4096);
      }
    },
    read(slot, memory, addr) {
      memory.set(store.subarray(slot * 4096, (slot + 1) * 4096), addr);
    },
    free() {},
    close() {},
  };
}

/** A device that keeps nothing, for engines without bytes. */
function emptyDevice(slots: number): SwapDevice {
  return { kind: "empty", slots, keepsBytes: false, write() {}, read() {}, free() {}, close() {} };
}

/** Boot an engine; the test that does so ends with its invariant walk. */
export function bootEngine(spec: EngineSpec): TestEngine {
  return new TestEngine(spec);
}

export class TestEngine implements Disposable {
  readonly vm: Vm;
  readonly calls: EngineCalls;
  readonly clock: SimCrank;
  /** Swap devices; those with a fault plan are {@link FaultyDevice}s. */
  readonly devices: readonly SwapDevice[];

  constructor(spec: EngineSpec) {
    const { nodes, preset = "lieu", bytes = true, engine = "js" } = spec;
    const swap = typeof spec.swap === "object" ? spec.swap : spec.swap === undefined ? [] : [{ slots: spec.swap }];
    const starts: number[] = [];
    let frames = 0;
    for (const node of nodes) {
      starts.push(Math.ceil(frames / 512) * 512);
      frames = (starts.at(-1) as number) + node.pages;
    }
    const zslots = (spec.zpages ?? 0) * POOL_RATIO;
    const slots = swap.reduce((n, s) => n + s.slots, zslots);
    const vpns = spec.vpns ?? 4 * (frames + slots);
    const { pins = 0 } = spec;
    const shape = { nodes: nodes.length, frames, vpns, slots, zpages: spec.zpages ?? 0, pins, bytes };
    const segment = createSegment(shape);
    const pool = zslots > 0 ? [poolStandIn(zslots)] : [];
    const devices = swap.map((s) => {
      const device = bytes ? memoryDevice(s.slots) : emptyDevice(s.slots);
      return s.faults === undefined ? device : injectFaults(device, s.faults);
    });
    this.devices = [...pool, ...devices];
    this.clock = simCrank(spec.steps, spec.startTime);
    const crank = spec.crank ?? this.clock;
    this.vm = SHARED
      ? new SharedVm(segment, shape, this.devices, crank, engine, { control: undefined })
      : new Vm(segment, shape, this.devices, crank, engine);
    this.calls = this.vm.calls;
    const c = this.calls;
    const generations = (spec.lru ?? LRU) === "mglru" ? OPT_LRU_GEN : 0;
    const options = behaviourBits(preset, spec.behaviours) | generations;
    c.initMemory(nodes.length, frames, vpns, slots, spec.zpages ?? 0, pins, segment.data, options, spec.seed ?? 1);
    c.tune(layout.H_INITIAL, (spec.initialCount ?? 0) | 0);
    const adistances = nodes.map((node) => node.adistance ?? adistanceOf(node.tier ?? 0));
    const tier = (nid: number): number => (adistances[nid] as number) >> 7;
    const top = Math.min(...nodes.map((_, nid) => tier(nid)));
    nodes.forEach((node, nid) => {
      c.initNode(nid, starts[nid] as number, node.pages, adistances[nid] as number, tier(nid) > top ? 1 : 0);
      nodes.forEach((_, to) => {
        const derived = nid === to ? 10 : 20 + 10 * Math.abs(tier(nid) - tier(to));
        c.setDistance(nid, to, spec.distances?.[nid]?.[to] ?? derived);
      });
    });
    c.finishNodes();
    c.setupWatermarks(0, 10);
    nodes.forEach((node, nid) => {
      if (node.watermarks) c.setWatermarks(nid, ...node.watermarks);
    });
    if (zslots > 0) c.addSwapDevice(0, 0, zslots, 32767);
    swap.forEach((s, i) => {
      const dev = i + pool.length;
      c.addSwapDevice(dev, this.vm.deviceStart[dev] as number, s.slots, s.priority ?? 0);
    });
    if (spec.swappiness !== undefined) c.tune(layout.H_SWAPPINESS, spec.swappiness);
    live.add(this);
    if (bystander !== undefined && this.vm instanceof SharedVm) {
      bystander.join(this.vm, engine);
      booted++;
    }
  }

  /** Map `pages` pages. */
  map(pages: number, spec: MapSpec = {}): Pages {
    return new Pages(this, pages, spec);
  }
  /** Make a group under the root, or under `parent`. */
  group(mems: number, parent = 0): number {
    return this.calls.createMemcg(parent, mems);
  }

  vmstat(): Vmstat {
    return globalVmstat(this.vm);
  }
  nodeVmstat(nid: number): Vmstat {
    return nodeVmstat(this.vm, nid);
  }
  groupVmstat(cg: number): Vmstat {
    return groupVmstat(this.vm, cg);
  }
  /** A field of a node: one of layout.ts's N_ constants. */
  node(nid: number, field: number): number {
    this.vm.inspect();
    return layout.node(nid, field);
  }
  free(nid: number): number {
    return this.node(nid, layout.N_FREE);
  }
  /** Pages in use on a node. */
  used(nid: number): number {
    return this.node(nid, layout.N_PAGES) - this.free(nid);
  }
  memcg(cg: number, field: number): number {
    this.vm.inspect();
    return layout.memcg(cg, field);
  }
  /** Whether a node's kswapd has been woken and not gone back to sleep. */
  awake(nid: number): boolean {
    this.vm.inspect();
    return (layout.hdr(layout.H_KSWAPD) & (1 << nid)) !== 0;
  }
  /** Run kswapd until all nodes' sleep; throws if they never do. */
  settle(): void {
    this.vm.inspect();
    for (let steps = 0; layout.hdr(layout.H_KSWAPD) !== 0; steps++) {
      if (steps === 100_000) throw new Error(`kswapd does not come to rest: ${layout.hdr(layout.H_KSWAPD)}`);
      for (let nid = 0; nid < this.vm.shape.nodes; nid++) this.calls.kswapdStep(nid);
      this.vm.inspect();
    }
  }
  /** A proactive request: mode 0 = any, 1 = demote only, 2 = never demote. Returns the pages demoted and freed. */
  reclaim(nr: number, nodes: number, mode = 0, cg = -1): number {
    return this.calls.reclaimProactive(nr, nodes, cg, mode);
  }

  /** Everything but the frames' bytes, hashed. */
  metadataHash(): string {
    const { h8, metadata } = this.vm.segment;
    const words = h8.slice(0, metadata);
    // Which threads there are, and how often the lock was taken, is another thread's doing, too.
    if (SHARED) words.fill(0, layout.marksAddr(), layout.laneAddr(1));
    return createHash("sha256").update(words).digest("hex");
  }

  /** The invariant walk. */
  check(): Walk {
    this.vm.inspect();
    return checkInvariants();
  }
  /** Walk for the last time, for engines that are booted in a loop. */
  [Symbol.dispose](): void {
    live.delete(this);
    this.end();
  }
  /** The other thread goes, and there is a walk. */
  end(): void {
    if (this.vm instanceof SharedVm) bystander?.part(this.vm);
    this.check();
  }
}

/** A mapping and the model of its content: the version that each page was last stamped with, 0 = never. */
export class Pages {
  readonly engine: TestEngine;
  readonly id: number;
  readonly start: number;
  readonly count: number;
  readonly version: Int32Array;
  readonly #salt: number;
  readonly #words32: MapSpec["words"];

  constructor(engine: TestEngine, count: number, spec: MapSpec) {
    const { calls, vm } = engine;
    const { file = false, memcg = 0, order = 0, locked = false, policy = MPOL_DEFAULT, mask = 0 } = spec;
    this.engine = engine;
    this.count = count;
    this.id = calls.createVma(count, 1 << order, file ? 1 : 0, memcg, order, locked ? 1 : 0);
    if (this.id < 0) throw new Error(`createVma: ${this.id}`);
    for (const [nid, weight] of Object.entries(spec.weights ?? {})) calls.setWeight(this.id, Number(nid), weight);
    calls.setPolicy(this.id, policy, mask);
    vm.inspect();
    this.start = layout.vma(this.id, layout.V_START);
    this.version = new Int32Array(count);
    this.#salt = Math.imul(this.id + 1, 0x9e3779b1);
    this.#words32 = spec.words;
  }

  /** Access a page as a region does. Returns 0 or a negative errno. */
  access(page: number, mode: 0 | 1 | 2 | 4 = 0): number {
    const { h32 } = this.engine.vm.segment;
    const at = this.engine.vm.pageTable + this.start + page;
    const p = h32[at] as number;
    if ((p & (PTE_PRESENT | PTE_HINT)) !== PTE_PRESENT)
      return this.engine.vm.fault(this.id, this.start + page, mode, 0);
    h32[at] = p | PTE_ACCESSED | (mode === 0 ? 0 : PTE_DIRTY);
    return 0;
  }
  /** Access pages that must be there or come. */
  touch(from = 0, to = this.count, mode: 0 | 1 = 1): this {
    for (let page = from; page < to; page++) {
      const r = this.access(page, mode);
      if (r < 0) throw new Error(`page ${page}: error ${r}`);
    }
    return this;
  }
  /** Stamp all 4096 bytes of a page with a new version. Returns 0 or a negative errno. */
  write(page: number): number {
    const r = this.access(page, 1);
    if (r < 0) return r;
    const version = (this.version[page] as number) + 1;
    this.version[page] = version;
    const words = this.#words(page);
    for (let i = 0; i < 1024; i++) words[i] = this.#word(page, version, i);
    return 0;
  }
  /** Stamp a range; all of it must fit. */
  fill(from = 0, to = this.count): this {
    for (let page = from; page < to; page++) {
      const r = this.write(page);
      if (r < 0) throw new Error(`page ${page}: error ${r}`);
    }
    return this;
  }
  /** Access a page and check all of its bytes. Returns 0 or a negative errno. */
  read(page: number): number {
    const r = this.access(page, 0);
    if (r === 0) this.verifyResident(page);
    return r;
  }
  /** Read a range and check every byte. */
  verify(from = 0, to = this.count): this {
    for (let page = from; page < to; page++) {
      const r = this.read(page);
      if (r < 0) throw new Error(`page ${page}: error ${r}`);
    }
    return this;
  }
  /** Check all bytes of a resident page without counting as an access. */
  verifyResident(page: number): void {
    const version = this.version[page] as number;
    const words = this.#words(page);
    for (let i = 0; i < 1024; i++) {
      const want = version === 0 ? 0 : this.#word(page, version, i);
      if (words[i] !== want) throw new Error(`page ${page} version ${version}, word ${i}: ${words[i]}, not ${want}`);
    }
  }
  #word(page: number, version: number, i: number): number {
    if (this.#words32 !== undefined) return this.#words32(page, version, i) | 0;
    return Math.imul(this.#salt ^ Math.imul(page * 4099 + version, 0x85ebca6b), i | 1) ^ (i * 2654435761);
  }
  #words(page: number): Int32Array {
    const { segment } = this.engine.vm;
    const at = (segment.data + this.frame(page) * 4096) >>> 2;
    return segment.h32.subarray(at, at + 1024);
  }

  pte(page: number): number {
    return this.engine.vm.segment.h32[this.engine.vm.pageTable + this.start + page] as number;
  }
  /** The frame that holds a resident page. */
  frame(page: number): number {
    const p = this.pte(page);
    if ((p & PTE_PRESENT) === 0) throw new Error(`page ${page} is not resident: entry ${p}`);
    return p >>> 6;
  }
  /** The head of its folio; the layout accessors are plugged in. */
  head(page: number): number {
    this.engine.vm.inspect();
    return folioHead(this.frame(page));
  }
  order(page: number): number {
    return folioOrder(this.head(page));
  }
  flags(page: number): number {
    return layout.flags(this.head(page));
  }
  setFlags(page: number, set: number, clear = 0): void {
    const f = this.head(page);
    layout.setFlags(f, (layout.flags(f) & ~clear) | set);
  }
  shadow(page: number): number {
    this.engine.vm.inspect();
    // Of a page that is present, the word says when it was last used.
    return (this.pte(page) & PTE_PRESENT) !== 0 ? 0 : layout.shadow(this.start + page);
  }
  /** Node of a page; -1 = nowhere, -2 - d = swap device d. */
  place(page: number): number {
    return this.engine.vm.placeCode(this.start + page);
  }
  /** How many pages are at a place. */
  countAt(place: number): number {
    let n = 0;
    for (let page = 0; page < this.count; page++) if (this.place(page) === place) n++;
    return n;
  }
  /** The LRU list of a page, or -1. */
  list(page: number): number {
    const f = this.head(page);
    return (layout.flags(f) & PG_LRU) === 0 ? -1 : folioLruList(f);
  }
  /** Make pages unreferenced and inactive; the first is the coldest. */
  chill(from = 0, to = this.count): this {
    this.engine.calls.adviseCold(this.start + from, to - from);
    return this;
  }
  /** Put resident pages on the active list, the last in front, without counting as activations. */
  heat(from = 0, to = this.count): this {
    for (let page = from; page < to; page++) {
      const f = this.head(page);
      lruDel(f);
      layout.setFlags(f, layout.flags(f) | PG_ACTIVE);
      lruAdd(f);
    }
    return this;
  }
  nid(page: number): number {
    return folioNid(this.head(page));
  }
  pageout(from = 0, to = this.count): number {
    return this.engine.calls.advisePageout(this.id, this.start + from, to - from);
  }
  pin(page: number): number {
    return this.engine.calls.pinPage(this.start + page);
  }
  unmap(): number {
    return this.engine.calls.destroyVma(this.id);
  }
}

/** A device that was given a fault plan. */
export function faultsOf(engine: TestEngine, dev = 0): FaultyDevice["faults"] {
  return (engine.devices[dev] as FaultyDevice).faults;
}
