import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCsv } from "./csv.ts";
import { bytesSource, type Source } from "./source.ts";

function parse(text: string) {
  return decodeCsv(bytesSource("x.csv", new TextEncoder().encode(text)));
}

test("a header names the columns in any order and case; unknown ones are ignored", async () => {
  const trace = await parse("Op,Colour,ID,time,Size,tenant\nread,red,7,10,100,0\nW,blue,8,12,200,2\nGET,,7,12,150,0\n");
  expect(trace).toEqual({
    name: "x",
    requests: 3,
    keys: 2,
    tenants: 3,
    secondsPerTick: 1,
    original: BigUint64Array.of(7n, 8n),
    size: Uint32Array.of(150, 200),
    key: Uint32Array.of(0, 1, 0),
    time: Uint32Array.of(0, 2, 2),
    op: Uint8Array.of(0, 1, 0),
    tenant: Uint8Array.of(0, 2, 0),
  });
});

test("a key is enough: objects of a page, all reads, no time", async () => {
  const trace = await parse("key\na\nb\na");
  expect(trace).toMatchObject({
    requests: 3,
    keys: 2,
    tenants: 1,
    size: Uint32Array.of(4096, 4096),
    secondsPerTick: 0,
  });
  expect(trace.time ?? trace.op ?? trace.tenant).toBeUndefined();
});

test("without a header the columns are time,id,size, and further ones are ignored", async () => {
  const trace = await parse("1.5,0xff,10,whatever\n2.25,255,20,\n3,/index.html,5,x,y\n");
  expect(trace).toMatchObject({ requests: 3, keys: 2, secondsPerTick: 0.001, time: Uint32Array.of(0, 750, 1500) });
  expect([...trace.size]).toEqual([20, 5]);
});

test("every op word is known", async () => {
  const words = ["r", "R", "read", "GET", "get", "0", "w", "W", "write", "Set", "1"];
  const trace = await parse(`key,op\n${words.map((word) => `1,${word}`).join("\n")}`);
  expect([...trace.op!]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
});

test("CRLF, blank lines, spaces, quotes and a byte order mark are taken in stride", async () => {
  const trace = await parse('\ufeff\r\n"key", size \r\n\r\n"a,b",  1\r\n   \r\n"say ""hi""","2"\r\n"a,b",3\r\n\r\n');
  expect(trace).toMatchObject({ requests: 3, keys: 2, size: Uint32Array.of(3, 2) });
});

test.each<[string, string, RegExp]>([
  ["nothing", "", /x\.csv is empty/],
  ["blank lines", "\n\r\n\n", /x\.csv is empty/],
  ["a header only", "key,size\n", /no requests/],
  ["no key column", "size,time\n1,2\n", /line 1: "size,time" is neither a header .* nor a request as time,id,size/],
  ["prose", "\nhello world\n", /line 2: "hello world" is neither/],
  ["two key columns", "key,obj_id\n1,2\n", /line 1: two columns are named key/],
  ["an inherited property as a column", "constructor,__proto__\n1,2\n", /line 1: .* is neither/],
  ["too few fields", "key,size\n\n1\n", /line 3: it has 1 fields; allowed: 2, as in the header/],
  ["too many fields", "key\n1,2\n", /line 2: it has 2 fields; allowed: 1, as in the header/],
  ["too few fields without a header", "1,2,3\n1,2\n", /line 2: it has 2 fields; allowed: 3 or more/],
  ["an empty key", "key,size\n,5\n", /line 2: key is ""; allowed: a number under 2\^64 or a name/],
  ["size 0", "key,size\n1,0\n", /line 2: size is "0"; allowed: a whole number of bytes from 1 to 4294967295/],
  ["a huge size", "key,size\n1,4294967296\n", /line 2: size is "4294967296"/],
  ["a negative size", "key,size\n1,-5\n", /line 2: size is "-5"/],
  ["a size in words", "1,1,1\n2,2,big\n", /line 2: size is "big"/],
  ["an empty time", "key,time\n1,\n", /line 2: time is ""; allowed: seconds/],
  ["a time that is no number", "key,time\n1,NaN\n", /line 2: time is "NaN"/],
  ["times that are not seconds", "key,time\n1,0\n1,1600000000000\n", /spans 1600000000000 s/],
  ["an unknown op", "key,op\n1,delete\n", /line 2: op is "delete"; allowed: r, read, get, 0, w, write, set, 1/],
  ["an inherited property as an op", "key,op\n1,toString\n", /line 2: op is "toString"/],
  ["an unknown tenant", "key,tenant\n1,256\n", /line 2: tenant is "256"; allowed: a whole number from 0 to 255/],
  ["an open quote", 'key\n"abc\n', /line 2: "\\"abc"; allowed: a quote opens and closes a whole field/],
  ["text after a quote", 'key,size\n"abc"d,1\n', /line 2: .*allowed: a quote/],
  ["a line without end", `key\n${"x".repeat(70_000)}`, /line 2: over 65536 characters/],
])("%s is an EFORMAT error that says where and what", async (_case, text, words) => {
  await expect(parse(text)).rejects.toMatchObject({ code: "EFORMAT", message: expect.stringMatching(words) });
});

test("line numbers and lines survive any chunking", async () => {
  const text = "key,op\r\nä,r\r\n€uro,w\r\n😀,x\r\n";
  const bytes = new TextEncoder().encode(text);
  for (let length = 1; length <= bytes.length; length++) {
    const source: Source = {
      ...bytesSource("x.csv", bytes),
      async *chunks() {
        for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
      },
    };
    await expect(decodeCsv(source)).rejects.toThrow('line 4: op is "x"');
  }
});

test("any requests come back from text", async () => {
  const anyRequest = fc.record({
    id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    size: fc.integer({ min: 1, max: 0xffff_ffff }),
    op: fc.nat(1),
    tenant: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyRequest, { minLength: 1 }), fc.constantFrom("\n", "\r\n"), async (requests, end) => {
      const lines = requests.map(({ id, size, op, tenant }) => `${id},${size},${op},${tenant}`);
      const text = ["id,size,op,tenant", ...lines].join(end);
      const trace = await parse(text);
      expect(Array.from(trace.key, (key) => trace.original[key])).toEqual(requests.map(({ id }) => id));
      expect([...trace.op!]).toEqual(requests.map(({ op }) => op));
      expect([...trace.tenant!]).toEqual(requests.map(({ tenant }) => tenant));
      expect(await decodeCsv(bytesSource("x.csv.gz", gzipSync(text)))).toEqual(trace);
    }),
  );
});

test("any text is a trace or an EFORMAT error", async () => {
  const piece = fc.constantFrom(
    "key",
    "size",
    ",",
    "\n",
    "\r",
    '"',
    '""',
    "1",
    "4294967296",
    "0x",
    " ",
    "\0",
    "é",
    ".",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.boolean(), async (pieces, withHeader) => {
      const text = (withHeader ? "key,size\n" : "") + pieces.join("");
      await parse(text).catch((error) => expect(error).toMatchObject({ name: "LieuError", code: "EFORMAT" }));
    }),
    { numRuns: 500 },
  );
});

test("every truncation of the gzipped text is an EFORMAT error", async () => {
  const bytes = gzipSync("key,size\n1,2\n3,4\n1,2\n");
  for (let length = 0; length < bytes.length; length++) {
    const result = (async () => decodeCsv(bytesSource("x.csv.gz", bytes.subarray(0, length))))();
    await expect(result, `${length} bytes`).rejects.toMatchObject({ code: "EFORMAT" });
  }
});
