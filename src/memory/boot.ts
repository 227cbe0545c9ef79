/** Brings the engine up for a checked configuration: segment, twin, nodes, swap, tunables. */
import { LieuError } from "../errors.ts";
import { useHugePages } from "../host/huge-pages.ts";
import {
  H_HINT_PERIOD,
  H_HINT_SIZE,
  H_HOME,
  H_HOT_THRESHOLD,
  H_INITIAL,
  H_RATE_LIMIT,
  H_SWAPPINESS,
  N_WMARK_PROMO,
  node as nodeField,
} from "../mm/layout.ts";
import { createSegment, giveUpSegment, type Segment } from "../runtime/segment.ts";
import { SharedVm, type Sharing } from "../runtime/shared-vm.ts";
import { type Crank, Vm } from "../runtime/vm.ts";
import type { SwapDevice } from "../swap/device.ts";
import { bindHostNodes, mapNodeFiles } from "./backing.ts";
import type { MemoryConfig } from "./options.ts";
import { layOut } from "./shape.ts";
import { openSwapDevices, type WrapDevice } from "./swap-devices.ts";

/** What a harness may have to say (memory.ts). */
export interface BootExtras {
  readonly wrapDevice?: WrapDevice;
  readonly initialCount?: number;
  /** Puts the segment of a shared memory where other processes find it. */
  readonly publish?: (segment: Segment) => Sharing;
}

/** Start an engine. Devices that were opened are closed again if anything fails. */
export function boot(config: MemoryConfig, crank: Crank, extras: BootExtras = {}): Vm {
  const { starts, shape } = layOut(config);
  // Before the devices: options that cannot be met are found here.
  const segment = createSegment(
    shape,
    extras.publish !== undefined ||
      config.nodes.some(({ backing }) => backing.kind === "numa" || backing.kind === "mapped-file"),
  );
  let vm: Vm | undefined;
  let devices: SwapDevice[] = [];
  try {
    const sharing = extras.publish?.(segment) ?? { control: undefined };
    // What comes before the frames is tables, most of them with room for more than is used.
    if (config.hasBytes && extras.publish === undefined)
      useHugePages(segment.h8.subarray(segment.data), config.hugePages);
    devices = openSwapDevices(config.swap, extras.wrapDevice, config.sharedName !== undefined);
    bindHostNodes(segment, config.nodes, starts);
    mapNodeFiles(segment, config.nodes, starts);
    vm = config.shared
      ? new SharedVm(segment, shape, devices, crank, config.engine, sharing)
      : new Vm(segment, shape, devices, crank, config.engine);
    describe(vm, config, starts, extras.initialCount ?? 0);
    return vm;
  } catch (error) {
    if (vm !== undefined) vm.close();
    else {
      for (const device of devices) device.close();
      giveUpSegment(segment);
    }
    throw error;
  }
}

function describe(vm: Vm, config: MemoryConfig, starts: readonly number[], initialCount: number): void {
  const { calls, shape, segment } = vm;
  const n = config.nodes.length;
  calls.initMemory(
    n,
    shape.frames,
    shape.vpns,
    shape.slots,
    shape.zpages ?? 0,
    shape.pins ?? 0,
    segment.data,
    config.options,
    config.seed | 0,
  );
  config.nodes.forEach((node, nid) => {
    calls.initNode(nid, starts[nid] as number, node.pages, node.adistance, node.movable ? 1 : 0);
    config.distances[nid]?.forEach((d, to) => {
      calls.setDistance(nid, to, d);
    });
  });
  calls.tune(H_INITIAL, initialCount | 0);
  calls.tune(H_HOME, config.home);
  calls.tune(H_SWAPPINESS, config.swappiness);
  calls.tune(H_HINT_PERIOD, config.promotion.scanPeriod);
  calls.tune(H_HINT_SIZE, config.promotion.scanPages);
  calls.tune(H_HOT_THRESHOLD, config.promotion.hotThreshold);
  calls.tune(H_RATE_LIMIT, Math.min(config.promotion.ratePages, 0x7fffffff));
  calls.finishNodes();
  calls.setupWatermarks(config.minFreeKbytes, config.watermarkScaleFactor);
  config.nodes.forEach((node, nid) => {
    const w = node.watermarks;
    if (w !== undefined) calls.setWatermarks(nid, w.min, w.low, w.high, w.promo);
    const targets = config.demotionTargets[nid];
    if (targets !== undefined) calls.setDemotionTargets(nid, targets, targets);
    calls.setBalance(nid, config.balance[nid] as number);
  });
  config.nodes.forEach((node, nid) => {
    calls.setLatency(nid, node.latency);
  });
  calls.setPrices(config.prices.move, config.prices.look, config.prices.touch);
  checkWatermarks(vm, config);
  vm.devices.forEach((device, dev) => {
    calls.addSwapDevice(dev, vm.deviceStart[dev] as number, device.slots, config.swap[dev]?.priority ?? 0);
    const options = config.swap[dev]?.options;
    if (options?.kind === "remote" && options.sole !== true) calls.keepForCaches(dev);
  });
}

/** Marks that a node can never be above would keep everybody reclaiming for ever. */
function checkWatermarks(vm: Vm, config: MemoryConfig): void {
  vm.inspect();
  config.nodes.forEach(({ name, pages }, nid) => {
    const promo = nodeField(nid, N_WMARK_PROMO);
    if (promo >= 0 && promo < pages) return;
    const marks = `the watermarks of node ${name} reach up to ${promo} of its ${pages} pages`;
    throw new LieuError("EINVAL", `${marks}; lower minFree or watermarkScaleFactor (${config.watermarkScaleFactor})`);
  });
}
