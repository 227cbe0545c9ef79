/** A node as `memory.node()` tells of it. */
import { H_PRICE_MOVE, hdr, N_FREE, N_LATENCY, N_PAGES, node as nodeField } from "../mm/layout.ts";
import { showAs } from "../runtime/show.ts";
import type { Vm } from "../runtime/vm.ts";
import { placementOf } from "./backing.ts";
import type { Balloons } from "./balloon.ts";
import type { MemoryConfig, NodeConfig } from "./options.ts";
import type { NodeInfo } from "./requests.ts";
import { nodeVmstat } from "./vmstat.ts";

export function nodeInfo(vm: Vm, config: MemoryConfig, balloons: Balloons, nid: number): NodeInfo {
  const { name, backing, adistance } = config.nodes[nid] as NodeConfig;
  const tiers = [...new Set(config.nodes.map((n) => n.adistance >> 7))];
  vm.inspect();
  const pages = nodeField(nid, N_PAGES) - balloons.held(nid);
  const free = nodeField(nid, N_FREE);
  const info: NodeInfo = {
    name,
    kind: backing.kind,
    size: pages * 4096,
    free: free * 4096,
    residentPages: pages - free,
    tier: tiers.indexOf(adistance >> 7),
    latency: nodeField(nid, N_LATENCY),
    move: hdr(H_PRICE_MOVE),
    vmstat: () => {
      vm.ensureOpen();
      return nodeVmstat(vm, nid);
    },
    resize: (size) => {
      vm.ensureOpen();
      return balloons.resize(nid, size);
    },
    hostPlacement: () => placementOf(vm, nid),
  };
  showAs(info, "Node", ({ vmstat: _, hostPlacement: __, resize: ___, ...shown }) => shown);
  return info;
}
