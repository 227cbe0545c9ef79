/** `lieu topology`: the memory of this machine as tiers, as lieu and Linux see it. */
import type { Command } from "commander";
import type { HostNode, HostTopology } from "../host/topology.ts";
import { hostTopology } from "../host/topology.ts";
import { hostNodeOptions } from "../memory/host-options.ts";
import { formatSize } from "../memory/size.ts";
import type { Context } from "./context.ts";
import { refuse } from "./refuse.ts";

export function addTopology(program: Command, context: Context): void {
  program
    .command("topology")
    .summary("see the memory tiers of this machine")
    .description(
      "Show this machine's memory nodes as tiers, with what each demotes to, as Linux derives them from sysfs; and the limits " +
        "of the process's cgroup.",
    )
    .option("--json", "print one JSON object")
    .option("--config", "print a configuration for openMemory() or lieu replay --config, in YAML")
    .option("--root <dir>", "read a copy of another machine's /sys and /proc", "/")
    .action((options: { json?: boolean; config?: boolean; root: string }) => {
      if (options.config) refuse(options, ["json"], "and --config are two ways to print it; give one");
      const topology = hostTopology(options.root);
      if (options.json) context.stdout.write(`${JSON.stringify(topology, finite, 2)}\n`);
      else if (options.config) context.stdout.write(configOf(topology));
      else context.stdout.write(`${pictureOf(topology)}\n`);
    });
}

/** JSON has no Infinity: no limit is null. */
function finite(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? null : value;
}

/** The configuration, in YAML. */
export function configOf(topology: HostTopology): string {
  const lines = Object.entries(hostNodeOptions(topology)).map(
    ([name, { hostNode, size }]) => `  ${name}: { kind: numa, hostNode: ${hostNode}, size: ${size} }`,
  );
  return `nodes:\n${lines.join("\n")}\n`;
}

/** The tiers from the fastest down, a box for each node, arrows to what it demotes to. */
export function pictureOf(topology: HostTopology): string {
  const lines: string[] = [];
  if (topology.nodes.length === 0) lines.push("no memory node is to be seen");
  topology.tiers.forEach((ids, tier) => {
    const nodes = ids.map((id) => topology.nodes.find((node) => node.id === id) as HostNode);
    lines.push(...tierOf(tier, nodes));
    const arrows = nodes.flatMap((n) => n.demotionTargets.map((to) => `${n.id} → ${to}`));
    if (arrows.length > 0) lines.push(`           ↓ demotes: ${arrows.join(", ")}`);
  });
  lines.push("", ...notesOf(topology));
  return lines.join("\n");
}

const NODES_A_ROW = 3;

function tierOf(tier: number, nodes: readonly HostNode[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < nodes.length; i += NODES_A_ROW) {
    const boxes = nodes.slice(i, i + NODES_A_ROW).map(boxOf);
    for (let row = 0; row < (boxes[0] as string[]).length; row++) {
      const label = i === 0 && row === 1 ? `tier ${tier}` : "";
      lines.push(`${label.padEnd(9)}${boxes.map((box) => box[row]).join(" ")}`);
    }
  }
  return lines;
}

const WIDTH = 27;

function boxOf(node: HostNode): string[] {
  const p = node.performance;
  const speed =
    p === undefined ? `distance class ${node.adistance}` : `${p.readLatency} ns, ${p.readBandwidth / 1000} GB/s`;
  const rows = [
    `node ${node.id}${node.hasCpu ? ", CPUs" : ""}${node.allowed ? "" : ", not allowed"}`,
    `${formatSize(node.size)}, ${formatSize(node.free)} free`,
    speed,
  ];
  const line = "─".repeat(WIDTH);
  return [`┌${line}┐`, ...rows.map((row) => `│ ${row.padEnd(WIDTH - 1).slice(0, WIDTH - 1)}│`), `└${line}┘`];
}

function notesOf({ nodes, demotionEnabled, cgroup }: HostTopology): string[] {
  const ids = nodes.map((node) => node.id);
  const lines: string[] = [];
  if (ids.length > 1) {
    lines.push(`distances  ${ids.map((id) => String(id).padStart(4)).join("")}`);
    for (const { id, distances } of nodes) {
      lines.push(`   from ${String(id).padStart(2)} ${ids.map((to) => String(distances[to]).padStart(4)).join("")}`);
    }
  }
  if (demotionEnabled !== undefined) lines.push(`the kernel's own demotion is ${demotionEnabled ? "on" : "off"}`);
  if (cgroup !== undefined) {
    const limit = (bytes: number): string => (Number.isFinite(bytes) ? formatSize(bytes) : "none");
    lines.push(
      `cgroup ${cgroup.path}: ${formatSize(cgroup.current)} in use, high ${limit(cgroup.high)}, max ${limit(cgroup.max)}`,
    );
  }
  return lines;
}
