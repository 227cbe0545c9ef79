import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isLieuError, openMemorySync } from "../index.ts";
import { hugePageSetting, useHugePages } from "./huge-pages.ts";

const folder = mkdtempSync(join(tmpdir(), "lieu-huge-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("what the system does about huge pages", () => {
  test.each(["always", "madvise", "never"])("%s", (word) => {
    const file = join(folder, word);
    writeFileSync(file, `${"always madvise never\n".replace(word, `[${word}]`)}`);
    expect(hugePageSetting(file)).toBe(word);
  });

  test("is unknown where it does not say", () => {
    expect(hugePageSetting(join(folder, "none"))).toBeUndefined();
    expect(hugePageSetting(folder)).toBeUndefined();
  });
});

describe("a wish for huge pages", () => {
  const range = new Uint8Array(4096);

  test.each(["never", null])("is refused where the system has none (%s)", (setting) => {
    expect(() => useHugePages(range, true, setting)).toThrow(/hugePages/);
    try {
      useHugePages(range, true, setting);
    } catch (error) {
      expect(isLieuError(error) && error.code).toBe("ENOTSUP");
    }
    useHugePages(range, undefined, setting);
    useHugePages(range, false, setting);
  });

  test("has nothing to ask for where everybody gets them", () => {
    useHugePages(range, true, "always");
  });
});

/** Bytes of the mappings of at least `bytes` for which huge pages were asked for. */
function askedFor(bytes: number): number[] {
  const maps = readFileSync("/proc/self/smaps", "latin1").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return maps
    .filter((map) => / hg\b/.test(/^VmFlags:(.*)$/m.exec(map)?.[1] ?? ""))
    .map((map) => Number(/^Size:\s+(\d+) kB/m.exec(map)?.[1]) * 1024)
    .filter((size) => size >= bytes);
}

describe.runIf(process.platform === "linux" && hugePageSetting() === "madvise")("a memory on Linux", () => {
  const open = (size: string, hugePages?: boolean) =>
    openMemorySync({
      nodes: { dram: { kind: "dram", size } },
      pretouch: false,
      ...(hugePages !== undefined && { hugePages }),
    });
  const asked = (bytes: number): number => askedFor(bytes).length;

  test("asks for them if it is large, or told to; not if it is told not to", async () => {
    const before = asked(2 ** 26);
    const unasked = open("100MiB", false);
    expect(asked(2 ** 26)).toBe(before);
    const large = open("120MiB");
    expect(asked(2 ** 26)).toBe(before + 1);
    const some = asked(2 ** 23);
    const small = open("10MiB");
    expect(asked(2 ** 23)).toBe(some);
    const told = open("20MiB", true);
    expect(asked(2 ** 23)).toBe(some + 1);
    for (const memory of [unasked, large, small, told]) {
      const region = memory.map("1MiB");
      region.fill(7);
      expect(region.readUint8(4097)).toBe(7);
      memory.check();
      await memory.close();
    }
  });

  test("for what pages hold, not for tables, of which little is used", async () => {
    const before = askedFor(2 ** 26);
    const memory = open("150MiB");
    const [size, ...others] = askedFor(2 ** 26).filter((bytes) => !before.includes(bytes));
    expect(others).toEqual([]);
    expect(Math.abs((size as number) - memory.node("dram").size)).toBeLessThan(2 ** 16);
    await memory.close();
  });
});
