/** `kswapd: "thread"`: the thread itself, from its start to its end. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Memory, openMemorySync } from "../../src/index.ts";
import type { SharedMemory } from "../../src/memory/shared-memory.ts";
import { KSWAPD, KSWAPD_ASLEEP, KSWAPD_NONE, KSWAPD_SLOT, LOCK } from "../../src/runtime/control.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import type { SwapDevice } from "../../src/swap/device.ts";
import { messageOf, PAGE, sharedMemory, startWorker } from "./helpers.ts";

const SLOW = 120_000;
let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lieu-kswapd-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function open(options: Parameters<typeof sharedMemory>[0] = {}): Memory {
  const swap = [{ kind: "file", path: join(folder, `swap${files++}`), size: "32MiB" }] as const;
  return sharedMemory({ swap, kswapd: "thread", ...options });
}
const stateOf = (memory: Memory): number => Atomics.load((memory.vm as SharedVm).control.words, KSWAPD);
async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("it works beside the program, and ends with the memory", { timeout: SLOW }, async () => {
  const memory = open();
  await until(() => stateOf(memory) === KSWAPD_ASLEEP);
  const region = memory.map("16MiB");
  for (let page = 0; page < 4096; page++) {
    region.writeInt32(page * PAGE, page);
    // Fewer pages than there are from low to min: what is written meanwhile finds room.
    if (page % 16 === 0) await until(() => stateOf(memory) === KSWAPD_ASLEEP);
  }
  const { pgsteal_kswapd, pswpout } = memory.vmstat();
  // How much the program reclaims itself, below min, is a matter of how the two are scheduled.
  expect(pgsteal_kswapd).toBeGreaterThan(500);
  expect(pswpout).toBeGreaterThan(2000);
  for (let page = 0; page < 4096; page++) expect(region.readInt32(page * PAGE)).toBe(page);
  memory.check();
  const { worker } = (memory as SharedMemory).kswapd as NonNullable<SharedMemory["kswapd"]>;
  let ended = false;
  worker?.once("exit", () => {
    ended = true;
  });
  await memory.close();
  expect(ended).toBe(true);
});

test("caches, regions and workers at once: nothing is lost, torn or stale, and every invariant holds after", {
  timeout: SLOW,
}, async () => {
  await using memory = open({ zswap: { size: "512KiB" } });
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", maxSize: "16MiB" });
  const region = memory.map("8MiB", { name: "r" });
  const body = `
    const memory = await lieu.attachMemory(data.memory);
    const cache = memory.cache("c", { codec: "bytes" });
    const region = memory.region("r");
    let x = data.seed, bad = "";
    const random = (n) => (x = (Math.imul(x, 1103515245) + 12345) >>> 0, (x >>> 8) % n);
    const mine = new Int32Array(2048), counts = new Map(), sizes = new Map();
    for (let i = 0; i < data.ops && bad === ""; i++) {
      const page = random(2048), at = page * 4096 + data.me * 4;
      if (region.readInt32(at) !== mine[page]) bad = "lost: page " + page + " after " + i;
      region.writeInt32(at, ++mine[page]);
      const key = "k" + data.me + ":" + random(3000);
      if (random(3) > 0) {
        const value = new Uint8Array(100 + random(4000)).fill(i & 255);
        cache.set(key, value);
        counts.set(key, i & 255);
        sizes.set(key, value.length);
      } else {
        const value = cache.get(key);
        if (value !== undefined && (value.length !== sizes.get(key) || value.some((byte) => byte !== counts.get(key)))) bad = "wrong: " + key;
      }
    }
    await memory.close();
    post(bad);`;
  const workers = [0, 1].map((me) => startWorker(body, { memory: memory.descriptor(), me, seed: 3 + me, ops: 12_000 }));
  expect(await Promise.all(workers.map((worker) => messageOf(worker)))).toEqual(["", ""]);
  await Promise.all(workers.map((worker) => worker.terminate()));
  memory.check();
  expect(memory.vmstat().pswpout).toBeGreaterThan(0);
  expect(cache.size).toBeGreaterThan(0);
  expect(region.size).toBe(2048 * PAGE);
});

test("a process does not stay for it", { timeout: SLOW }, () => {
  const lieu = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
  const script = `
    import { openMemory } from ${JSON.stringify(lieu)};
    const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "2MiB" } }, shared: true, kswapd: "thread" });
    memory.cache().set("a", 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    console.log("end");`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    timeout: SLOW,
    encoding: "utf8",
  });
  expect(out).toBe("end\n");
});

test.each([
  ["asleep", ["LIEU_FALLBACK"]],
  // Whoever has the lock next says that he has taken it over from a dead one.
  ["in the middle of a turn", ["LIEU_TAKEOVER", "LIEU_FALLBACK"]],
])("if it dies %s, whoever comes by reclaims, and that is said once", { timeout: SLOW }, async (when, said) => {
  await using memory = open();
  const warnings: Error[] = [];
  const hear = (warning: Error): number => warnings.push(warning);
  process.on("warning", hear);
  try {
    await until(() => stateOf(memory) === KSWAPD_ASLEEP);
    const vm = memory.vm as SharedVm;
    const { words } = vm.control;
    const { worker } = (memory as SharedMemory).kswapd as NonNullable<SharedMemory["kswapd"]>;
    // So that it does not wake up and die with it.
    vm.enter();
    worker?.prependOnceListener("exit", () => {
      vm.leave();
      if (when !== "asleep") Atomics.store(words, LOCK, words[KSWAPD_SLOT] as number);
    });
    await worker?.terminate();
    await until(() => warnings.length >= said.length);
    expect(stateOf(memory)).toBe(KSWAPD_NONE);
    const region = memory.map("8MiB");
    for (let page = 0; page < 2048; page++) region.writeInt32(page * PAGE, page);
    for (let page = 0; page < 2048; page++) expect(region.readInt32(page * PAGE)).toBe(page);
    memory.check();
    expect(warnings.map((warning) => (warning as NodeJS.ErrnoException).code)).toEqual(said);
  } finally {
    process.off("warning", hear);
  }
});

test("what it cannot work with is refused", async () => {
  const nodes = { dram: { kind: "dram", size: "1MiB" } } as const;
  expect(() => sharedMemory({ nodes, shared: false, kswapd: "thread" })).toThrow(
    expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("shared: true") }),
  );
  expect(() => sharedMemory({ nodes, kswapd: "other" as never })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  const swap = [{ kind: "file", path: join(folder, "own"), size: "1MiB" }] as const;
  let closed = false;
  // One that serves the thread alone that opened it.
  const wrapDevice = (device: SwapDevice): SwapDevice => ({
    kind: device.kind,
    slots: device.slots,
    keepsBytes: true,
    write: () => undefined,
    read: () => undefined,
    free: () => undefined,
    close: () => {
      closed = true;
      device.close();
    },
  });
  expect(() => openMemorySync({ nodes, swap, shared: true, kswapd: "thread" }, { wrapDevice })).toThrow(
    expect.objectContaining({ code: "ENOTSUP" }),
  );
  expect(closed).toBe(true);
});
