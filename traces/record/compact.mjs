/**
 * Turns what `valgrind --tool=lackey --trace-mem=yes` prints into a compact trace of page accesses:
 *
 *     valgrind ... | node compact.mjs OUT.mtr.gz [--filter PAGES]
 *
 * In: lines ` L address,size` (load), ` S ...` (store), ` M ...` (load and store), `I  ...` (instruction fetch, left
 * out); address in hex, size in decimal bytes. Anything else (valgrind's own `==pid==` lines) is skipped.
 *
 * Out: the format that ../README.md describes; a key is a 4 KiB page, its identifier the page's number.
 *
 * The filter stands for the CPU's caches: it remembers the PAGES (64) distinct pages touched last, in LRU order. An
 * access to a page in it is dropped, except the first store since the page entered it: that is kept, as a write. An
 * access to any other page is kept, and that page enters the filter.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { constants, gzipSync } from "node:zlib";

const PAGE = 4096;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { filter: { type: "string" } } });
const out = positionals[0];
const filterPages = Number(values.filter ?? 64);
if (out === undefined || !(filterPages >= 1)) {
  process.stderr.write("usage: valgrind ... | node compact.mjs OUT.mtr.gz [--filter PAGES]\n");
  process.exit(2);
}

const keyOfPage = new Map();
const pages = [];
const keys = [];
const ops = [];
const counts = { fetches: 0, accesses: 0 };

// The filter, most recent page first; `written` says whether a store has been kept since the page entered.
const recent = new Float64Array(filterPages).fill(-1);
const written = new Uint8Array(filterPages);

function keep(page, write) {
  let key = keyOfPage.get(page);
  if (key === undefined) {
    key = pages.length;
    keyOfPage.set(page, key);
    pages.push(page);
  }
  keys.push(key);
  ops.push(write);
}

function touch(page, write) {
  let at = 0;
  while (at < filterPages && recent[at] !== page) at++;
  const known = at < filterPages;
  const wasWritten = known ? written[at] : 0;
  if (!known || write > wasWritten) keep(page, write);
  if (at === 0) {
    written[0] = wasWritten | write;
    return;
  }
  const last = known ? at : filterPages - 1;
  recent.copyWithin(1, 0, last);
  written.copyWithin(1, 0, last);
  recent[0] = page;
  written[0] = wasWritten | write;
}

const NEWLINE = 10;
const SPACE = 32;
const COMMA = 44;
const LETTER_I = 73;
const LETTER_L = 76;
const LETTER_M = 77;
const LETTER_S = 83;

/** Takes the whole lines of `bytes` and returns where the last, unfinished one starts. Called for gigabytes: one pass. */
function lines(bytes) {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  let at = 0;
  while (at < end) {
    const kind = bytes[at + 1];
    if (bytes[at] === SPACE && (kind === LETTER_L || kind === LETTER_S || kind === LETTER_M)) {
      let address = 0;
      for (at += 3; bytes[at] !== COMMA; at++) address = address * 16 + hexDigit(bytes[at]);
      let size = 0;
      for (at++; bytes[at] !== NEWLINE; at++) size = size * 10 + bytes[at] - 48;
      access(address, size, kind === LETTER_L ? 0 : 1);
    } else if (bytes[at] === LETTER_I) {
      counts.fetches++;
      at += 11; // "I  ", at least 8 digits: still within the line
    }
    while (bytes[at] !== NEWLINE) at++;
    at++;
  }
  return end;
}

function hexDigit(byte) {
  return byte < 58 ? byte - 48 : (byte | 32) - 87;
}

/** An access touches one page, or two where it crosses into the next. */
function access(address, size, write) {
  counts.accesses++;
  const last = Math.floor((address + size - 1) / PAGE);
  for (let page = Math.floor(address / PAGE); page <= last; page++) touch(page, write);
}

let rest = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  rest = bytes.subarray(lines(bytes));
}

const n = keys.length;
const m = pages.length;
const padded = (bytes) => Math.ceil(bytes / 8) * 8;
const file = new Uint8Array(32 + 8 * m + padded(4 * m) + padded(4 * n) + padded(n));
file.set(Buffer.from("MTRACE1\n"), 0);
const head = new DataView(file.buffer);
head.setUint32(8, 2, true);
head.setUint32(12, n, true);
head.setUint32(16, m, true);
head.setUint32(20, 1, true);
head.setFloat64(24, 0, true);
let at = 32;
for (const page of pages) {
  head.setBigUint64(at, BigInt(page), true);
  at += 8;
}
for (let key = 0; key < m; key++) head.setUint32(at + 4 * key, PAGE, true);
at += padded(4 * m);
for (let i = 0; i < n; i++) head.setUint32(at + 4 * i, keys[i], true);
at += padded(4 * n);
file.set(ops, at);
// Of zlib's settings these pack such columns best: matches are short, and small blocks follow the session's phases.
const packed = gzipSync(file, { level: 9, memLevel: 6, strategy: constants.Z_FILTERED });
writeFileSync(out, packed);

const writes = ops.reduce((sum, op) => sum + op, 0);
process.stderr.write(
  `${out}: ${n} requests (${writes} writes) to ${m} pages, ${packed.length} bytes; ` +
    `from ${counts.accesses} loads and stores (${counts.fetches} instruction fetches left out), filter ${filterPages} pages\n`,
);
