/**
 * A node of a cluster that is killed in the midst of traffic, and comes back: no wrong byte, no page of a region lost, no operation that takes
 * over a second, and the cluster holds pages again.
 */
import { expect, onTestFinished, test } from "vitest";
import { isLieuError, type Region } from "../../src/index.ts";
import { pick, runSeed, seeded } from "../property/source.ts";
import { pageOf } from "../support/pages.ts";
import { describeWithRedis, startCluster } from "../support/redis.ts";
import { PAGE, swapPath, twoTiers } from "./helpers.ts";

const KEYS = 2500;
const PAGES = 900;
/** Operations of a burst: several hundred go to the servers. */
const BURST = 1500;

describeWithRedis("a cluster", () => {
  test("a node that is killed in the midst of traffic, and comes back", { timeout: 120_000 }, async () => {
    const seed = runSeed();
    const random = seeded(seed);
    const servers = await startCluster();
    onTestFinished(() => {
      for (const server of servers) server.kill();
    });
    const remote = { kind: "remote", url: servers.map(({ url }) => url), size: "16MiB" } as const;
    const file = { kind: "file", path: swapPath(), size: "8MiB" } as const;
    const memory = twoTiers({ swap: [{ ...remote, priority: 5 }, file] });
    const alone = twoTiers({ swap: [{ ...remote, sole: true }] });
    onTestFinished(() => {
      memory[Symbol.dispose]();
      alone[Symbol.dispose]();
    });
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0 });
    const regions = [memory.map(PAGES * PAGE), alone.map(PAGES * PAGE)] as const;
    const versions = { cache: new Int32Array(KEYS), regions: regions.map(() => new Int32Array(PAGES)) };
    let version = 0;
    let [longest, hits, failed] = [0, 0, 0];

    const onCache = (): void => {
      const key = random.below(KEYS);
      if (random.below(3) === 0) {
        versions.cache[key] = ++version;
        cache.set(key, pageOf(key, version));
        return;
      }
      const value = cache.get(key);
      if (value === undefined) return;
      hits++;
      if (Buffer.compare(value, pageOf(key, versions.cache[key] as number)) !== 0)
        throw new Error(`key ${key} is wrong`);
    };
    const onRegion = (region: Region, which: number): void => {
      const page = random.below(PAGES);
      const known = versions.regions[which] as Int32Array;
      try {
        if (random.below(2) === 0) {
          region.write(page * PAGE, pageOf(page, ++version));
          known[page] = version;
          return;
        }
        const expected = known[page] === 0 ? Buffer.alloc(PAGE) : pageOf(page, known[page] as number);
        if (Buffer.compare(region.read(page * PAGE, PAGE), expected) !== 0) throw new Error(`page ${page} is wrong`);
      } catch (error) {
        // What only a node that is lost has, or would have to take.
        if (which === 0 || !(isLieuError(error, "EIO") || isLieuError(error, "ENOMEM"))) throw error;
        failed++;
      }
    };
    const burst = async (operations: number, halfway: () => void = () => undefined): Promise<void> => {
      for (let i = 0; i < operations; i++) {
        if (i === operations >> 1) halfway();
        const begun = performance.now();
        const kind = random.below(10);
        if (kind < 6) onCache();
        else if (kind < 8) onRegion(regions[0], 0);
        else onRegion(regions[1], 1);
        longest = Math.max(longest, performance.now() - begun);
      }
      for (const one of [memory, alone]) one.check();
      await new Promise((later) => setTimeout(later, 10));
    };
    const onCluster = (): number => memory.swapDevices()[0]?.used ?? 0;

    try {
      for (let i = 0; i < 4; i++) await burst(BURST);
      expect(onCluster()).toBeGreaterThan(PAGE * 500);
      expect(failed).toBe(0);
      for (const lost of [pick(random, servers), pick(random, servers)]) {
        await burst(BURST, () => lost.kill());
        for (let i = 0; i < 3; i++) await burst(BURST);
        await lost.restart();
        for (const server of servers) {
          while (!String(await server.command("CLUSTER", "INFO")).includes("cluster_state:ok")) await burst(100);
        }
        // The connection is tried anew every two seconds at most.
        const before = hits;
        for (const end = Date.now() + 15_000; memory.swapDevices()[0]?.failed === true && Date.now() < end; )
          await burst(200);
        expect(memory.swapDevices()[0]?.failed).toBe(false);
        for (let i = 0; i < 3; i++) await burst(BURST);
        expect(hits).toBeGreaterThan(before);
      }
      expect(onCluster()).toBeGreaterThan(PAGE * 500);
      // All that the region ever was told is there.
      for (let page = 0; page < PAGES; page++) {
        const known = versions.regions[0]?.[page] as number;
        const expected = known === 0 ? Buffer.alloc(PAGE) : pageOf(page, known);
        expect(Buffer.compare(regions[0].read(page * PAGE, PAGE), expected), `page ${page}`).toBe(0);
      }
    } catch (error) {
      throw new Error(`LIEU_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
    expect(longest).toBeLessThan(1000);
  });
});
