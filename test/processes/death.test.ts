/** A process that is killed while it has the lock: found by whoever waits for it, within a tenth of a second where there is time to look. */
import fs from "node:fs";
import { expect, test, vi } from "vitest";
import { openMemory } from "../../src/index.ts";
import { describeShared, freshPath, Peer, SLOW, smallMemory } from "./helpers.ts";

/** Decoding is what a user may do under the lock. */
const TEXT = { encode: (text: string) => Buffer.from(text), decode: String };

describeShared("a process that is killed in the middle of an operation", () => {
  test("leaves nobody waiting, and nothing wrong to be read", { timeout: SLOW }, async () => {
    const path = freshPath();
    const options = smallMemory(path);
    const memory = await openMemory(options);
    // Its own timer would wait for the lock, and this process with it, before the victim could be killed.
    vi.spyOn(memory, "tick").mockImplementation(() => undefined);
    const cache = memory.cache<string>({ name: "c", maxSize: "512KiB", heap: { entries: 10 }, codec: TEXT });
    const region = memory.map("256KiB", { name: "r" });
    // He is not at this one.
    const kept = memory.cache<number>({ name: "kept", maxSize: "256KiB" });
    for (let i = 0; i < 100; i++) kept.set(`k${i}`, i);
    region.writeInt32(4096, 42);
    cache.set("k", "v");
    for (let i = 0; i < 5; i++) cache.get("k");
    const [victim, other] = [await Peer.start(), await Peer.start()];
    const open = `state.memory = await lieu.openMemory(data.options); state.r = state.memory.map("256KiB", { name: "r" });`;
    await other.run(
      `${open} state.c = state.memory.cache({ name: "c", maxSize: "512KiB", codec: { encode: Buffer.from, decode: String } });`,
      { options },
    );
    const within = freshPath();
    const stuck = victim.run(
      `${open}
       const { writeFileSync } = await import("node:fs");
       const decode = () => { writeFileSync(data.within, ""); for (;;); };
       state.memory.cache({ name: "c", maxSize: "512KiB", heap: 0, codec: { encode: Buffer.from, decode } }).set("k", "w").get("k", {});`,
      { options, within },
    );
    while (!fs.existsSync(within)) await new Promise((resolve) => setTimeout(resolve, 5));
    // Two wait for it, in two processes, while it dies.
    const theirs = other.run("return [state.c.get('k') ?? null, state.r.readInt32(4096)]");
    await victim.kill();
    await expect(stuck).rejects.toThrow("ended");
    const begun = performance.now();
    const ours = [cache.get("k") ?? null, region.readInt32(4096)];
    // Far more than it takes, for machines that are busy.
    expect(performance.now() - begun).toBeLessThan(60_000);
    // Of a cache nothing need be left; of a region all is.
    expect([null, "v", "w"]).toContain(ours[0]);
    expect(ours[1]).toBe(42);
    expect(Array.from({ length: 100 }, (_, i) => kept.get(`k${i}`))).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await theirs).toEqual(ours);
    memory.check();
    expect(memory.vmstat().takeover).toBe(1);
    // Who opens it next has it, too.
    await using next = await openMemory(options);
    expect(next.map("256KiB", { name: "r" }).readInt32(4096)).toBe(42);
    next.cache<string>({ name: "c", maxSize: "512KiB", codec: TEXT }).set("k", "x");
    expect(cache.get("k")).toBe("x");
    await memory.close();
    next.check();
  });
});
