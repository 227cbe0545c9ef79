/**
 * Machines as sysfs shows them, to lay in a folder: what of it lieu reads, in the kernel's own words. The shapes are those of
 * real machines: two sockets; sockets with persistent memory; CXL with HMAT; HBM beside DRAM; and the odd ones.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

interface NodeFiles {
  /** Rows of distances go in the order of online nodes. */
  readonly distance: string;
  readonly mib: number;
  /** [read ns, write ns, read MB/s, write MB/s] of an access class. */
  readonly access0?: readonly [number, number, number, number];
  readonly access1?: readonly [number, number, number, number];
}
export interface Machine {
  readonly online: string;
  readonly hasMemory: string;
  readonly hasCpu: string;
  readonly nodes: Readonly<Record<number, NodeFiles>>;
  /** Node lists by memory_tier number. */
  readonly tiers?: Readonly<Record<number, string>>;
  readonly demotion?: "true" | "false" | "1" | "0";
  /** Other files, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Lay a machine in a new folder; gives its path. */
export function layMachine(machine: Machine): string {
  const root = mkdtempSync(join(tmpdir(), "lieu-sysfs-"));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const base = "sys/devices/system/node";
  put(`${base}/online`, `${machine.online}\n`);
  put(`${base}/has_memory`, `${machine.hasMemory}\n`);
  put(`${base}/has_cpu`, `${machine.hasCpu}\n`);
  for (const [id, node] of Object.entries(machine.nodes)) {
    put(`${base}/node${id}/distance`, `${node.distance}\n`);
    put(
      `${base}/node${id}/meminfo`,
      `Node ${id} MemTotal:       ${node.mib * 1024} kB\nNode ${id} MemFree:        ${node.mib * 512} kB\n`,
    );
    for (const access of ["access0", "access1"] as const) {
      const figures = node[access];
      if (figures === undefined) continue;
      ["read_latency", "write_latency", "read_bandwidth", "write_bandwidth"].forEach((name, i) => {
        put(`${base}/node${id}/${access}/initiators/${name}`, `${figures[i]}\n`);
      });
    }
  }
  for (const [tier, nodes] of Object.entries(machine.tiers ?? {})) {
    put(`sys/devices/virtual/memory_tiering/memory_tier${tier}/nodelist`, `${nodes}\n`);
  }
  if (machine.demotion !== undefined) put("sys/kernel/mm/numa/demotion_enabled", `${machine.demotion}\n`);
  for (const [path, text] of Object.entries(machine.files ?? {})) put(path, text);
  return root;
}

const GiB = 1024;
/** Two sockets, and persistent memory on each. */
const withPersistentMemory = {
  0: { distance: "10 21 17 28", mib: 96 * GiB },
  1: { distance: "21 10 28 17", mib: 96 * GiB },
  2: { distance: "17 28 10 28", mib: 512 * GiB },
  3: { distance: "28 17 28 10", mib: 512 * GiB },
};

export const MACHINES = {
  laptop: { online: "0", hasMemory: "0", hasCpu: "0", nodes: { 0: { distance: "10", mib: 16 * GiB } } },
  twoSockets: {
    online: "0-1",
    hasMemory: "0-1",
    hasCpu: "0-1",
    nodes: { 0: { distance: "10 21", mib: 128 * GiB }, 1: { distance: "21 10", mib: 128 * GiB } },
    tiers: { 4: "0-1" },
    demotion: "false",
  },
  /** Two sockets with persistent memory each, as dax/kmem brings it online; without Linux's tiers (5.15). */
  persistentMemory: {
    online: "0-3",
    hasMemory: "0-3",
    hasCpu: "0-1",
    nodes: withPersistentMemory,
    demotion: "1",
  },
  /** The same on Linux 6.1, which names its tiers. */
  persistentMemoryTiers: {
    online: "0-3",
    hasMemory: "0-3",
    hasCpu: "0-1",
    nodes: withPersistentMemory,
    tiers: { 4: "0-1", 22: "2-3" },
    demotion: "true",
  },
  /** One socket, CXL memory with HMAT, no tiers in sysfs. */
  cxl: {
    online: "0-1",
    hasMemory: "0-1",
    hasCpu: "0",
    nodes: {
      0: { distance: "10 14", mib: 64 * GiB, access0: [99, 99, 200_000, 200_000], access1: [99, 99, 200_000, 200_000] },
      1: { distance: "14 10", mib: 128 * GiB, access1: [250, 255, 28_000, 28_000] },
    },
  },
  /** Flat-mode HBM: nodes without CPUs that are faster than DRAM in what counts, bandwidth. */
  hbm: {
    online: "0-3",
    hasMemory: "0-3",
    hasCpu: "0-1",
    nodes: {
      0: { distance: "10 21 13 23", mib: 256 * GiB, access1: [110, 110, 300_000, 300_000] },
      1: { distance: "21 10 23 13", mib: 256 * GiB, access1: [110, 110, 300_000, 300_000] },
      2: { distance: "13 23 10 23", mib: 64 * GiB, access1: [130, 130, 900_000, 900_000] },
      3: { distance: "23 13 23 10", mib: 64 * GiB, access1: [130, 130, 900_000, 900_000] },
    },
  },
  /** Two CXL expanders, one behind a switch: the distances of the rows differ with the direction. */
  asymmetric: {
    online: "0-2",
    hasMemory: "0-2",
    hasCpu: "0",
    nodes: {
      0: { distance: "10 30 20", mib: 32 * GiB },
      1: { distance: "20 10 40", mib: 64 * GiB },
      2: { distance: "28 40 10", mib: 64 * GiB },
    },
    tiers: { 4: "0", 22: "1-2" },
  },
  /** Node 1 is offline, node 2 has CPUs and no memory: rows have a number for each online node alone. */
  holes: {
    online: "0,2-3",
    hasMemory: "0,3",
    hasCpu: "0,2",
    nodes: {
      0: { distance: "10 20 17", mib: 32 * GiB },
      2: { distance: "20 10 31", mib: 0 },
      3: { distance: "17 31 10", mib: 64 * GiB },
    },
  },
  /** A container on the CXL machine: two limits, the tighter above, and node 0 alone. */
  container: {
    online: "0-1",
    hasMemory: "0-1",
    hasCpu: "0",
    nodes: { 0: { distance: "10 14", mib: 64 * GiB }, 1: { distance: "14 10", mib: 128 * GiB } },
    tiers: { 4: "0", 22: "1" },
    files: {
      "proc/self/cgroup": "0::/kubepods/pod7/app\n",
      "sys/fs/cgroup/cgroup.controllers": "cpuset memory\n",
      "sys/fs/cgroup/kubepods/pod7/app/memory.max": "max\n",
      "sys/fs/cgroup/kubepods/pod7/app/memory.high": "1073741824\n",
      "sys/fs/cgroup/kubepods/pod7/app/memory.current": "52428800\n",
      "sys/fs/cgroup/kubepods/pod7/app/cpuset.mems.effective": "0\n",
      "sys/fs/cgroup/kubepods/pod7/memory.max": "2147483648\n",
      "sys/fs/cgroup/kubepods/memory.max": "68719476736\n",
    },
  },
  oldContainer: {
    online: "0",
    hasMemory: "0",
    hasCpu: "0",
    nodes: { 0: { distance: "10", mib: 8 * GiB } },
    files: {
      "proc/self/cgroup": "4:memory:/docker/abc\n3:cpuset:/docker/abc\n0::/\n",
      "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "536870912\n",
      "sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes": "1048576\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    },
  },
} as const satisfies Record<string, Machine>;
