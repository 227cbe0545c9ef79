import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeOracleGeneral } from "./oracle-general.ts";
import { bytesSource, type Source } from "./source.ts";

interface Record {
  readonly time: number;
  readonly id: bigint;
  readonly size: number;
  readonly next: bigint;
}

function bytesOf(records: readonly Record[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(records.length * 24);
  const view = new DataView(bytes.buffer);
  for (const [i, record] of records.entries()) {
    view.setUint32(i * 24, record.time, true);
    view.setBigUint64(i * 24 + 4, record.id, true);
    view.setUint32(i * 24 + 12, record.size, true);
    view.setBigInt64(i * 24 + 16, record.next, true);
  }
  return bytes;
}

/** One zstd frame of raw blocks: a 1 KiB window and no checksum. */
function zstdOf(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0)];
  for (let at = 0; at < bytes.length || at === 0; at += 512) {
    const block = bytes.subarray(at, at + 512);
    const header = (block.length << 3) | (at + 512 >= bytes.length ? 1 : 0);
    parts.push(Uint8Array.of(header, header >> 8, header >> 16), block);
  }
  return Buffer.concat(parts);
}

/** Forty requests, round seven objects, as the zstd program compresses them (`-19`). */
const ZSTD_FIXTURE =
  "KLUv/WTAAq0FAGQH6AMAAQAAZAAAAAcA6QMAAAHICOoCLAEAAAnrA5AK7AT0C+0FWAIAAAzuBrwN7w7wD/EQ8hHzEvQT9RT2FfcW+Bf5GPoZ+xr8G/0c/h3/HgAEHwEEIAIEIQMEIgQEIwUEJAYEJQcmCCcJ/wr/C/8M/w3/Dv8P/1moMHANc8Bb1kBCYmbpAQjJADQgEpBsYNLtJkQNu5IbZ7InQOmfESNGjBgxxRUScg2gAAjHIMdbKJVUxg5IVO4Q";

const anyRecord = fc.record({
  time: fc.nat(0xffff_ffff),
  id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  size: fc.integer({ min: 1, max: 0xffff_ffff }),
  next: fc.oneof(fc.constantFrom(-1n, 2n ** 63n - 1n), fc.bigInt({ min: 0n, max: 1n << 40n })),
});

/** A source whose content comes in chunks of `length` bytes. */
function inChunks(bytes: Uint8Array, length: number): Source {
  return {
    ...bytesSource("any.oracleGeneral", bytes),
    async *chunks() {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
    },
  };
}

test("any records come back, whatever the chunks and the packing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 60 }),
      async (records, length) => {
        const bytes = bytesOf(records);
        const trace = await decodeOracleGeneral(inChunks(bytes, length));
        const ids = [...new Set(records.map((record) => record.id))];
        expect([...trace.original]).toEqual(ids);
        expect(Array.from(trace.key, (key) => trace.original[key])).toEqual(records.map((record) => record.id));
        const sizeOf = (id: bigint) => Math.max(...records.filter((r) => r.id === id).map((r) => r.size));
        expect([...trace.size]).toEqual(ids.map(sizeOf));
        const start = Math.min(...records.map((record) => record.time));
        expect([...trace.time!]).toEqual(records.map((record) => record.time - start));
        expect(trace.secondsPerTick).toBe(1);
        expect(await decodeOracleGeneral(bytesSource("any.oracleGeneral.zst", zstdOf(bytes)))).toEqual(trace);
        expect(await decodeOracleGeneral(bytesSource("any.oracleGeneral.bin.gz", gzipSync(bytes)))).toEqual(trace);
      },
    ),
    { numRuns: 50 },
  );
});

test("what the zstd program compressed is read", async () => {
  const bytes = Buffer.from(ZSTD_FIXTURE, "base64");
  const trace = await decodeOracleGeneral(bytesSource("ring.oracleGeneral.zst", bytes));
  expect(trace.name).toBe("ring");
  expect(trace.requests).toBe(40);
  expect([...trace.original]).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n].map((id) => id + (1n << 40n)));
  expect([...trace.size]).toEqual([100, 200, 300, 400, 500, 600, 700]);
  expect([...trace.key]).toEqual(Array.from({ length: 40 }, (_, i) => i % 7));
  expect(trace.time![39]).toBe(39);
});

test("every truncation and any damage of the zstd data is an EFORMAT error, or harmless", async () => {
  const bytes = Buffer.from(ZSTD_FIXTURE, "base64");
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytesSource.bind(undefined, "x.oracleGeneral.zst", bytes.subarray(0, length));
    await expect((async () => decodeOracleGeneral(cut()))(), `${length} bytes`).rejects.toMatchObject({
      code: "EFORMAT",
    });
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, value) => {
      const damaged = Buffer.from(bytes);
      damaged[at] = value;
      await (async () => decodeOracleGeneral(bytesSource("x.oracleGeneral.zst", damaged)))().catch((error) =>
        expect(error).toMatchObject({ name: "LieuError", code: "EFORMAT" }),
      );
    }),
    { numRuns: 500 },
  );
});

test("a zstd frame that asks for a huge window is refused", async () => {
  const bytes = zstdOf(bytesOf([{ time: 0, id: 1n, size: 1, next: -1n }]));
  bytes[5] = (21 << 3) | 0; // 2 GiB
  await expect(decodeOracleGeneral(bytesSource("x.oracleGeneral.zst", bytes))).rejects.toThrow(
    /EFORMAT: .*window of 2147483648/,
  );
});

test("a record cut short is an EFORMAT error at every length", async () => {
  const bytes = bytesOf([1, 2, 3].map((time) => ({ time, id: 1n, size: 1, next: -1n })));
  for (let length = 0; length < bytes.length; length++) {
    const result = decodeOracleGeneral(bytesSource("x.oracleGeneral", bytes.subarray(0, length)));
    if (length > 0 && length % 24 === 0) expect((await result).requests).toBe(length / 24);
    else await expect(result, `${length} bytes`).rejects.toMatchObject({ code: "EFORMAT" });
  }
});

test("requests of size 0 are skipped; nothing else left is an error", async () => {
  const empty = { time: 1, id: 1n, size: 0, next: -1n };
  const trace = await decodeOracleGeneral(
    bytesSource("x.oracleGeneral", bytesOf([empty, { ...empty, id: 2n, size: 5 }, empty])),
  );
  expect(trace).toMatchObject({ requests: 1, keys: 1, original: BigUint64Array.of(2n) });
  await expect(decodeOracleGeneral(bytesSource("x.oracleGeneral", bytesOf([empty])))).rejects.toThrow(
    /EFORMAT: .*no requests/,
  );
});

test("an impossible next access tells another format", async () => {
  const text = new TextEncoder().encode("é".repeat(24));
  await expect(decodeOracleGeneral(bytesSource("x.oracleGeneral", text))).rejects.toThrow(
    /EFORMAT: .*not an oracleGeneral trace: record 0/,
  );
});
