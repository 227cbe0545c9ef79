import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uniform } from "./generate.ts";
import { encodeMtr } from "./mtr.ts";
import { openTrace } from "./open.ts";
import { countWrites, footprintBytes } from "./trace.ts";

const trace = uniform({ keys: 20, requests: 100, writeRatio: 0.5, name: "a.b" });
const mtr = Buffer.concat([...encodeMtr(trace)]);
const csv = Buffer.from("1,7,100\n2,8,100\n2,7,100\n");
const oracle = new Uint8Array(24);
oracle.set([1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lieu-open-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function open(name: string, bytes: Uint8Array) {
  const path = join(directory, name);
  await writeFile(path, bytes);
  return openTrace(path);
}

test.each<[string, Uint8Array, number]>([
  ["a.b.mtr", mtr, 100],
  ["a.b.mtr.gz", gzipSync(mtr), 100],
  ["a.b.MTR.GZ", gzipSync(mtr), 100],
  ["a.b.csv", csv, 3],
  ["a.b.csv.gz", gzipSync(csv), 3],
  ["a.b.oracleGeneral", oracle, 1],
  ["a.b.oracleGeneral.bin", oracle, 1],
  ["a.b.oracleGeneral.bin.gz", gzipSync(oracle), 1],
  ["a.b.OracleGeneral.gz", gzipSync(oracle), 1],
])("%s is read by its extension", async (name, bytes, requests) => {
  expect(await open(name, bytes)).toMatchObject({ name: "a.b", requests });
});

test.each<[string, Uint8Array, string]>([
  ["trace.dat", mtr, "trace"],
  ["trace", gzipSync(mtr), "trace"],
  ["trace.txt.gz", gzipSync(csv), "trace"],
  ["trace.constructor", csv, "trace"],
  [".trace", Buffer.from("\nkey,size\n1,2\n"), ".trace"],
])("%s is read by what it begins with", async (file, bytes, name) => {
  expect((await open(file, bytes)).name).toBe(name);
});

test.each<[string, Uint8Array]>([
  ["unknown.bin", oracle],
  ["unknown.jsonl", Buffer.from('{"key": 1}\n')],
  ["unknown.bin.gz", gzipSync(oracle)],
  ["unknown", new Uint8Array(0)],
])("%s is an EFORMAT error that lists the formats", async (name, bytes) => {
  await expect(open(name, bytes)).rejects.toMatchObject({
    code: "EFORMAT",
    message: expect.stringMatching(/unknown.*supported: \.mtr.*\.csv.*\.oracleGeneral.*\.gz or \.zst/),
  });
});

test("a format that the name promises and the content breaks is an EFORMAT error", async () => {
  await expect(open("wrong.mtr", csv)).rejects.toThrow(/EFORMAT: .*not "MTRACE1\\n"/);
  await expect(open("wrong.csv", mtr)).rejects.toMatchObject({ code: "EFORMAT" });
  await expect(open("wrong.csv.zst", csv)).rejects.toThrow(/EFORMAT: .*zstd/);
});

test("a missing file is an ENOENT error, a directory EINVAL", async () => {
  await expect(openTrace(join(directory, "missing"))).rejects.toMatchObject({ code: "ENOENT" });
  await expect(openTrace(directory)).rejects.toMatchObject({ code: "EINVAL" });
});

test("the trace that ships with lieu is what its README says", async () => {
  const shipped = await openTrace(fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url)));
  expect(shipped).toMatchObject({ requests: 739_384, keys: 11_576, tenants: 1, secondsPerTick: 0 });
  expect(countWrites(shipped)).toBe(315_600);
  expect(footprintBytes(shipped)).toBe(11_576 * 4096);
});
