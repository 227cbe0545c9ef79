/** `lieu stat NAME` and `lieu rm NAME`: memories that processes share, from outside. */
import type { Command } from "commander";
import { lookAtNamed, type NamedMemoryInfo, removeNamed } from "../memory/named-look.ts";
import { formatSize } from "../memory/size.ts";
import type { Context } from "./context.ts";
import { count, percent, table } from "./report.ts";

export function addStat(program: Command, context: Context): void {
  program
    .command("stat")
    .summary("look at a memory that processes share")
    .description(
      'Show a memory that processes share by a name (openMemory({ shared: "/my-app" })): who has it, and what its nodes, caches and regions hold. Reads alone.',
    )
    .argument("<name>", "its name, as in /my-app, or the path of its file")
    .option("--json", "print one JSON object, with all counters")
    .action((name: string, { json = false }: { json?: boolean }) => {
      const info = lookAtNamed(name);
      context.stdout.write(`${json ? JSON.stringify(info, null, 2) : pictureOf(info)}\n`);
    });
}

export function addRm(program: Command, context: Context): void {
  program
    .command("rm")
    .summary("remove what is left of a memory that processes shared")
    .description("Remove the file of a memory whose processes were all killed, and its swap files.")
    .argument("<names...>", "names, as in /my-app, or paths of files")
    .option("--force", "though it is in use: who has it keeps it, who opens the name next makes another")
    .action((names: string[], { force = false }: { force?: boolean }) => {
      for (const name of names) removeNamed(name, force);
      context.status = 0;
    });
}

function pictureOf({ path, size, state, members, nodes, swap, groups, caches, regions }: NamedMemoryInfo): string {
  const processes = new Map<number, number>();
  for (const { pid, alive } of members) if (alive) processes.set(pid, (processes.get(pid) ?? 0) + 1);
  const dead = members.filter(({ alive }) => !alive).length;
  const who = [...processes].map(([pid, threads]) => (threads === 1 ? `${pid}` : `${pid} (${threads} handles)`));
  const reclaims = members.find(({ kswapd, alive }) => kswapd && alive);
  const more = [
    ...(reclaims === undefined ? [] : [`a thread of ${reclaims.pid} reclaims`]),
    ...(dead > 0 ? [`${count(dead)} that ended without leaving`] : []),
  ];
  const lines = [
    `${path}, ${formatSize(size)}, ${state}`,
    `processes: ${[who.join(", ") || "none", ...more].join("; ")}`,
    table(
      ["node", "tier", "size", "in use", ""],
      nodes.map(({ name, tier, size, free }) => [name, `${tier}`, ...used(size - free, size)]),
    ),
  ];
  if (swap.length > 0) {
    lines.push(
      table(
        ["swap", "size", "in use", "", "holds"],
        swap.map(({ name, size, used: n, stored }) => [name, ...used(n, size), formatSize(stored)]),
      ),
    );
  }
  const holders = [
    ...caches.map((cache) => ({ ...cache, name: `cache ${cache.name}` })),
    ...regions.map((region) => ({ ...region, name: `region ${region.name}` })),
  ].map(({ name, maxSize, resident, swapped }) => [
    name,
    formatSize(maxSize),
    formatSize(resident),
    formatSize(swapped),
  ]);
  if (holders.length > 0) lines.push(table(["", "at most", "in nodes", "in swap"], holders));
  if (groups.length > 0) {
    lines.push(
      table(
        ["group", "in nodes"],
        groups.map(({ name, usage }) => [name, formatSize(usage)]),
      ),
    );
  }
  return lines.join("\n");
}

function used(bytes: number, size: number): string[] {
  return [formatSize(size), formatSize(bytes), percent(bytes / size)];
}
