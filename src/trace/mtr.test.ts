import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeMtr, encodeMtr, readMtr, writeMtr } from "./mtr.ts";
import { bytesSource } from "./source.ts";
import type { Trace } from "./trace.ts";

/** Any sound trace: requests by first appearance, any values elsewhere. */
const anyTrace: fc.Arbitrary<Trace> = fc
  .record({ steps: fc.array(fc.nat(), { minLength: 1, maxLength: 60 }), tenants: fc.integer({ min: 1, max: 256 }) })
  .chain(({ steps, tenants }) => {
    let keys = 0;
    const key = Uint32Array.from(steps, (step) => {
      const k = step % (keys + 1);
      if (k === keys) keys++;
      return k;
    });
    const requests = key.length;
    const column = (max: number) => fc.array(fc.nat(max), { minLength: requests, maxLength: requests });
    const optional = (max: number) => fc.option(column(max), { nil: undefined });
    return fc
      .record({
        secondsPerTick: fc.double({ min: 0, noDefaultInfinity: true, noNaN: true }),
        original: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: keys, maxLength: keys }),
        size: fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: keys, maxLength: keys }),
        time: optional(0xffff_ffff),
        op: optional(1),
        tenant: optional(tenants - 1),
      })
      .map(({ secondsPerTick, original, size, time, op, tenant }) => ({
        name: "any",
        requests,
        keys,
        tenants: tenant ? tenants : 1,
        secondsPerTick,
        original: BigUint64Array.from(original),
        size: Uint32Array.from(size),
        key,
        ...(time && { time: Uint32Array.from(time) }),
        ...(op && { op: Uint8Array.from(op) }),
        ...(tenant && { tenant: Uint8Array.from(tenant) }),
      }));
  });

const small: Trace = {
  name: "small",
  requests: 5,
  keys: 3,
  tenants: 2,
  secondsPerTick: 0.5,
  original: BigUint64Array.of(1n, 2n ** 64n - 1n, 3n),
  size: Uint32Array.of(10, 20, 30),
  key: Uint32Array.of(0, 1, 0, 2, 1),
  time: Uint32Array.of(0, 1, 2, 3, 4),
  op: Uint8Array.of(0, 1, 0, 1, 0),
  tenant: Uint8Array.of(0, 0, 1, 1, 0),
};

function bytesOf(trace: Trace): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([...encodeMtr(trace)]));
}

async function decode(bytes: Uint8Array, name = "small.mtr"): Promise<Trace> {
  return decodeMtr(bytesSource(name, bytes));
}

/** `small` as bytes, changed by `edit`. */
function edited(edit: (view: DataView) => void): Uint8Array {
  const bytes = bytesOf(small);
  edit(new DataView(bytes.buffer));
  return bytes;
}

test("any trace comes back as it was written, plain and gzipped", async () => {
  await fc.assert(
    fc.asyncProperty(anyTrace, async (trace) => {
      const bytes = bytesOf(trace);
      expect(await decode(bytes, "any.mtr")).toEqual(trace);
      expect(await decode(gzipSync(bytes), "any.mtr.gz")).toEqual(trace);
    }),
  );
});

test("any bytes after the magic are a trace or an EFORMAT error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), async (changes) => {
      const bytes = bytesOf(small);
      for (const [at, value] of changes) bytes[8 + (at % (bytes.length - 8))] = value;
      await decode(bytes).catch((error) => expect(error).toMatchObject({ name: "LieuError", code: "EFORMAT" }));
    }),
    { numRuns: 500 },
  );
});

test("every truncation is an EFORMAT error", async () => {
  const plain = bytesOf(small);
  for (let length = 0; length < plain.length; length++) {
    await expect(decode(plain.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({ code: "EFORMAT" });
  }
  const packed = gzipSync(plain);
  for (let length = 0; length < packed.length; length++) {
    await expect(decode(packed.subarray(0, length), "small.mtr.gz"), `${length} packed bytes`).rejects.toMatchObject({
      code: "EFORMAT",
    });
    const cut = gzipSync(plain.subarray(0, length));
    await expect(decode(cut, "small.mtr.gz"), `${length} bytes, packed`).rejects.toMatchObject({ code: "EFORMAT" });
  }
});

// Offsets in `small`: header 32, original 24, size 12 + 4, key 20 + 4, time 20 + 4, op 5 + 3, tenant 5 + 3 bytes.
test.each<[string, Uint8Array, RegExp]>([
  ["another magic", edited((v) => v.setUint8(6, 0x32)), /begins with "MTRACE2\\n"/],
  ["an unknown flag", edited((v) => v.setUint32(8, 15, true)), /flags are 15/],
  ["a flag for a section that is missing", bytesOf(small).subarray(0, 128), /take 136 bytes/],
  ["no requests", edited((v) => v.setUint32(12, 0, true)), /no requests/],
  ["no keys", edited((v) => v.setUint32(16, 0, true)), /0 keys/],
  ["more keys than requests", edited((v) => v.setUint32(16, 6, true)), /6 keys for 5 requests/],
  ["0 tenants", edited((v) => v.setUint32(20, 0, true)), /0 tenants/],
  ["4 billion tenants", edited((v) => v.setUint32(20, 0xffff_ffff, true)), /4294967295 tenants/],
  ["a negative tick", edited((v) => v.setFloat64(24, -1, true)), /tick lasts -1/],
  ["an endless tick", edited((v) => v.setFloat64(24, Number.POSITIVE_INFINITY, true)), /tick lasts Infinity/],
  ["size 0", edited((v) => v.setUint32(56, 0, true)), /key 0 has size 0/],
  ["padding in use", edited((v) => v.setUint8(71, 1)), /padding after section size/],
  ["a key out of range", edited((v) => v.setUint32(84, 3, true)), /key 3; allowed: 0 to 2/],
  ["keys out of order", edited((v) => v.setUint32(72, 1, true)), /key 1 before key 0/],
  ["op 2", edited((v) => v.setUint8(120, 2)), /request 0 has op 2/],
  ["tenant 2", edited((v) => v.setUint8(132, 2)), /request 4 has tenant 2/],
  ["trailing garbage", Buffer.concat([bytesOf(small), new Uint8Array(8)]), /but it has 144/],
])("%s is an EFORMAT error that says so, plain and gzipped", async (_case, bytes, words) => {
  await expect(decode(bytes)).rejects.toMatchObject({ code: "EFORMAT", message: expect.stringMatching(words) });
  await expect(decode(gzipSync(bytes), "small.mtr.gz")).rejects.toMatchObject({ code: "EFORMAT" });
});

test("a header is not believed beyond what the file can hold", async () => {
  const huge = edited((view) => {
    view.setUint32(12, 0xffff_ffff, true);
    view.setUint32(16, 0xffff_ffff, true);
  });
  await expect(decode(huge)).rejects.toMatchObject({ code: "EFORMAT", message: expect.stringContaining("4294967295") });
  await expect(decode(gzipSync(huge), "x.mtr.gz")).rejects.toMatchObject({
    code: "EFORMAT",
    message: expect.stringContaining("can unpack to"),
  });
});

test("a gzip bomb is left at the first byte too many", async () => {
  const bomb = gzipSync(Buffer.concat([bytesOf(small), new Uint8Array(64 << 20)]));
  const before = process.memoryUsage().arrayBuffers;
  await expect(decode(bomb, "bomb.mtr.gz")).rejects.toThrow(/bytes follow the last section/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
});

test("bytes after the gzip data are an EFORMAT error", async () => {
  const bytes = Buffer.concat([gzipSync(bytesOf(small)), Buffer.from("garbage")]);
  await expect(decode(bytes, "small.mtr.gz")).rejects.toMatchObject({ code: "EFORMAT" });
});

test("an unsound trace cannot be written", () => {
  expect(() => encodeMtr({ ...small, size: Uint32Array.of(1, 0, 1) })).toThrow(/EINVAL: .*key 1 has size 0/);
});

describe("files", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "lieu-mtr-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("are written and read, gzipped by name", async () => {
    for (const file of ["small.mtr", "small.mtr.gz"]) {
      const path = join(directory, file);
      await writeMtr(path, small);
      expect(await readMtr(path)).toEqual(small);
      const isGzip = (await readFile(path))[0] === 0x1f;
      expect(isGzip).toBe(file.endsWith(".gz"));
    }
  });

  test("a packed file under a plain name is read all the same", async () => {
    const path = join(directory, "other.v2.mtr");
    await writeFile(path, gzipSync(bytesOf(small)));
    expect(await readMtr(path)).toEqual({ ...small, name: "other.v2" });
  });

  test("errors of the file system have their codes and name the path", async () => {
    const missing = join(directory, "missing.mtr");
    await expect(readMtr(missing)).rejects.toMatchObject({ code: "ENOENT", message: expect.stringContaining(missing) });
    await expect(readMtr(directory)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(readMtr("a\0b")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(writeMtr(join(directory, "no", "such.mtr"), small)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a file whose name promises gzip must be gzip", async () => {
    const path = join(directory, "plain.mtr.gz");
    await writeFile(path, bytesOf(small));
    await expect(readMtr(path)).rejects.toThrow(/EFORMAT: .*name ends in \.gz/);
  });
});
