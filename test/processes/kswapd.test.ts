/** `kswapd: "thread"` of a memory that processes share: one of them has the thread, and another's takes its place, however that one ends. */
import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { attachMemory, type MemoryOptions, openMemory } from "../../src/index.ts";
import { lookAtNamed } from "../../src/memory/named-look.ts";
import { KSWAPD, KSWAPD_RUNNING } from "../../src/runtime/control.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import { lieu } from "../cli/support.ts";
import { describeShared, freshPath, Peer, type ProcessPeer, SLOW, smallMemory } from "./helpers.ts";

const PAGES = 2048;
const JOIN = `
  state.memory = await lieu.openMemory(data.options);
  state.region = state.memory.map("8MiB", { name: "r" });
  state.cache = state.memory.cache({ name: "c", maxSize: "2MiB", codec: "bytes" });`;
/** Write all pages, fewer at a time than there are from low to min; the thread, if there is one, keeps up. */
const WRITE = `
  const isAtWork = () => state.memory.engines.some(({ control }) => control.words[${KSWAPD}] === ${KSWAPD_RUNNING});
  for (let page = 0; page < ${PAGES}; page++) {
    state.region.writeInt32(page * 4096, page + data.round);
    if (page % 16 !== 0) continue;
    do await new Promise((resolve) => setTimeout(resolve, 1));
    while (isAtWork());
  }`;
const READ = `
  const wrong = [];
  for (let page = 0; page < ${PAGES}; page++) if (state.region.readInt32(page * 4096) !== page + data.round) wrong.push(page);
  state.memory.check();
  return wrong;`;

function optionsOf(path: string, more: Partial<MemoryOptions> = {}): MemoryOptions {
  const swap = [{ kind: "file", path: `${path}.swap`, size: "16MiB" }] as const;
  return smallMemory(path, { swap, kswapd: "thread", ...more });
}
/** The process whose thread reclaims, when there is one; it is asked of the file, from outside. */
async function reclaimer(path: string, not?: number): Promise<number> {
  for (;;) {
    const [one, ...more] = lookAtNamed(path).members.filter(({ kswapd, alive }) => kswapd && alive);
    expect(more).toEqual([]);
    if (one !== undefined && one.pid !== not) return one.pid;
    await sleep(5);
  }
}
/** Processes that have joined one after the other, so the first has the thread. */
async function joined(n: number, options: MemoryOptions): Promise<ProcessPeer[]> {
  const peers: ProcessPeer[] = [];
  for (let i = 0; i < n; i++) {
    const peer = await Peer.start();
    // Where there is no node_modules.
    await peer.run(`process.chdir("/");${JOIN}`, { options });
    if (i === 0) expect(await reclaimer(options.shared as string)).toBe(peer.pid);
    peers.push(peer);
  }
  return peers;
}
const stolen = (path: string): number => lookAtNamed(path).vmstat.pgsteal_kswapd as number;
const handles = (path: string): number[] => lookAtNamed(path).members.map(({ pid }) => pid);

describeShared("a thread that reclaims for processes", () => {
  test.each([1, 2])(
    "is one process's, works for all, and is another's when that one is killed; shards: %i",
    {
      timeout: SLOW,
    },
    async (shards) => {
      const path = freshPath();
      const options = optionsOf(path, { shards });
      const [first, second, third] = (await joined(3, options)) as [ProcessPeer, ProcessPeer, ProcessPeer];
      await second.run(WRITE, { round: 0 });
      expect(stolen(path)).toBeGreaterThan(500);
      expect(await third.run(READ, { round: 0 })).toEqual([]);
      if (shards === 1) expect((await lieu("stat", path)).stdout).toContain(`a thread of ${first.pid} reclaims`);
      await third.run("state.cache.set('k', new Uint8Array(100))");
      // In the middle of it, most likely.
      const writing = second.run(WRITE, { round: 1 });
      await sleep(20);
      await first.kill();
      const begun = performance.now();
      const heir = await reclaimer(path, first.pid);
      // Two looks and the start of a thread; far more for machines that are busy.
      expect(performance.now() - begun).toBeLessThan(20_000);
      expect([second.pid, third.pid]).toContain(heir);
      await writing;
      const before = stolen(path);
      await third.run(WRITE, { round: 2 });
      expect(stolen(path) - before).toBeGreaterThan(500);
      expect(await second.run(READ, { round: 2 })).toEqual([]);
      await Promise.all([second, third].map((peer) => peer.run("await state.memory.close()")));
      expect(fs.existsSync(path)).toBe(false);
      expect(fs.existsSync(`${path}.swap`)).toBe(false);
    },
  );

  test("is another's when its process leaves or exits, who takes nothing along", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = optionsOf(path);
    const peers = (await joined(3, options)) as [ProcessPeer, ProcessPeer, ProcessPeer];
    const [, , last] = peers;
    await last.run("for (let i = 0; i < 100; i++) state.cache.set('k' + i, new Uint8Array(100).fill(i))");
    for (let round = 0; round < 2; round++) {
      const peer = peers.find(({ pid }) => pid === reclaimerNow(path)) as ProcessPeer;
      const others = peers.filter((one) => one !== peer && handles(path).includes(one.pid));
      const writing = (others[0] as ProcessPeer).run(WRITE, { round });
      await sleep(10);
      if (round === 0) await peer.run("state.memory[Symbol.dispose]()");
      else await peer.exit();
      // By then its thread has left, too.
      expect(handles(path)).not.toContain(peer.pid);
      await writing;
      const heir = await reclaimer(path, peer.pid);
      expect(others.map(({ pid }) => pid)).toContain(heir);
      peers.splice(peers.indexOf(peer), 1);
    }
    const survivor = peers[0] as ProcessPeer;
    expect(lookAtNamed(path).vmstat.takeover).toBe(0);
    expect(await survivor.run("return state.cache.size")).toBe(100);
    expect(await survivor.run(READ, { round: 1 })).toEqual([]);
    // Nobody but a process with its thread, which ends by itself.
    await survivor.exit();
    expect(fs.existsSync(path)).toBe(false);
    expect(fs.existsSync(`${path}.swap`)).toBe(false);
  });

  test("whose process was killed leaves the work to those who only attached", { timeout: SLOW }, async () => {
    const path = freshPath();
    const [peer] = (await joined(1, optionsOf(path))) as [ProcessPeer];
    await using memory = await attachMemory(path);
    const region = memory.region("r");
    for (let page = 0; page < 500; page++) region.writeInt32(page * 4096, page);
    await peer.kill();
    expect(lookAtNamed(path).members.filter(({ kswapd }) => kswapd)).toHaveLength(1);
    const before = stolen(path);
    for (let page = 0; page < PAGES; page++) {
      region.writeInt32(page * 4096, page);
      if (page % 16 === 0) await sleep(2);
    }
    expect(lookAtNamed(path).members.filter(({ kswapd }) => kswapd)).toEqual([]);
    expect(stolen(path) - before).toBeGreaterThan(500);
    for (let page = 0; page < PAGES; page++) expect(region.readInt32(page * 4096)).toBe(page);
    memory.check();
  });

  test("that fails is not begun again in its process, which says so once", { timeout: SLOW }, async () => {
    const path = freshPath();
    await using memory = await openMemory(optionsOf(path));
    const warnings: string[] = [];
    const hear = (warning: Error): number => warnings.push((warning as NodeJS.ErrnoException).code ?? "");
    process.on("warning", hear);
    try {
      expect(await reclaimer(path)).toBe(process.pid);
      const { helper } = memory.vm as SharedVm;
      const { thread } = helper as unknown as { thread: { worker: { terminate(): Promise<number> } } };
      await thread.worker.terminate();
      for (let i = 0; i < 5; i++) memory.tick();
      await sleep(50);
      expect(warnings.filter((code) => code === "LIEU_FALLBACK")).toEqual(["LIEU_FALLBACK"]);
      expect(lookAtNamed(path).members.filter(({ kswapd, alive }) => kswapd && alive)).toEqual([]);
      const other = await Peer.start();
      await other.run(JOIN, { options: optionsOf(path) });
      expect(await reclaimer(path)).toBe(other.pid);
      await other.run("await state.memory.close()");
      memory.check();
    } finally {
      process.off("warning", hear);
    }
  });

  test("of a process whose number another has by now is nobody's", { timeout: SLOW }, async () => {
    const path = freshPath();
    const [peer] = (await joined(1, optionsOf(path))) as [ProcessPeer];
    await using memory = await attachMemory(path);
    await peer.kill();
    const { control } = memory.vm;
    const { slot } = control.members().find(({ kswapd }) => kswapd) as { slot: number };
    // It is nobody's, and nobody has looked.
    control.part(slot);
    await using next = await attachMemory(path);
    expect(next.vm.slot).toBe(slot);
    expect(control.members().filter(({ kswapd }) => kswapd)).toEqual([]);
    next.check();
  });

  test("is asked for by all, or by none", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = optionsOf(path);
    await using memory = await openMemory(options);
    expect(memory.nodeNames).toHaveLength(2);
    await expect(openMemory({ ...options, kswapd: "inline" })).rejects.toMatchObject({
      code: "EINVAL",
      message: expect.stringContaining("kswapd"),
    });
    await expect(openMemory({ ...options, kswapd: "other" as never })).rejects.toMatchObject({ code: "EINVAL" });
    await expect(openMemory({ ...options, shared: false })).rejects.toMatchObject({
      code: "EINVAL",
      message: expect.stringContaining("shared: true, or a name"),
    });
  });
});

function reclaimerNow(path: string): number | undefined {
  return lookAtNamed(path).members.find(({ kswapd, alive }) => kswapd && alive)?.pid;
}
