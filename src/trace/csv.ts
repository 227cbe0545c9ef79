/**
 * Traces as comma-separated text, plain or packed. Either a header line names the columns, in any order and case:
 *
 *     key (or id, obj_id)   required: a number under 2^64 (decimal or 0x...), or any text
 *     size (obj_size)       bytes, 1 to 2^32 - 1; without the column every object has 4096
 *     time (timestamp, clock_time)  seconds, fractions allowed
 *     op                    r, read, get, 0 | w, write, set, 1; without the column all reads
 *     tenant                0 to 255
 *
 * (others are ignored), or there is no header and the columns are `time,id,size`, libCacheSim's default; further ones
 * are ignored. A field may stand in double quotes, a quote in it doubled; it cannot contain a line break. Lines end in
 * LF or CRLF; blank ones are skipped.
 */

import { LieuError } from "../errors.ts";
import { type RequestDetail, TraceBuilder } from "./builder.ts";
import { type Id, parseId } from "./ids.ts";
import { splitFields, textLines } from "./lines.ts";
import { openSource, type Source } from "./source.ts";
import { DEFAULT_OBJECT_BYTES, MAX_TENANTS, type Trace } from "./trace.ts";

type ColumnName = "key" | "size" | "time" | "op" | "tenant";

const COLUMN_NAMES: ReadonlyMap<string, ColumnName> = new Map([
  ["key", "key"],
  ["id", "key"],
  ["obj_id", "key"],
  ["size", "size"],
  ["obj_size", "size"],
  ["time", "time"],
  ["timestamp", "time"],
  ["clock_time", "time"],
  ["op", "op"],
  ["tenant", "tenant"],
]);

const OPS: ReadonlyMap<string, number> = new Map([
  ...["r", "read", "get", "0"].map((word) => [word, 0] as const),
  ...["w", "write", "set", "1"].map((word) => [word, 1] as const),
]);
const MAX_SIZE = 0xffff_ffff;

/** Where each column stands in a line. */
type Layout = Readonly<Partial<Record<ColumnName, number>> & { key: number; hasHeader: boolean; fields: number }>;

/**
 * The trace in the CSV file at `path`, plain or packed.
 *
 * @throws LieuError ENOENT, EACCES, EINVAL, EIO of the file; EFORMAT with the line, the value and what is allowed.
 */
export async function readCsv(path: string): Promise<Trace> {
  return decodeCsv(await openSource(path));
}

/** @throws LieuError EFORMAT as {@link readCsv}; what reading the source throws. */
export async function decodeCsv(source: Source): Promise<Trace> {
  let addRow: ((fields: readonly string[], line: number) => void) | undefined;
  let builder: TraceBuilder | undefined;
  for await (const lines of textLines(source)) {
    for (let i = 0; i < lines.texts.length; i++) {
      const text = lines.texts[i]!;
      const line = lines.first + i;
      if (text === "" || text.trim() === "") continue;
      const fields = splitFields(text, line, source.path);
      if (addRow === undefined) {
        const layout = findLayout(fields);
        if (typeof layout === "string") throw new LieuError("EFORMAT", `${source.path} line ${line}: ${layout}`);
        const { time, op, tenant } = layout;
        const columns = { time: time !== undefined, op: op !== undefined, tenant: tenant !== undefined };
        builder = new TraceBuilder(source.name, columns);
        addRow = rowParser(layout, builder, source.path);
        if (layout.hasHeader) continue;
      }
      addRow(fields, line);
    }
  }
  if (builder === undefined) throw new LieuError("EFORMAT", `${source.path} is empty`);
  return builder.finish();
}

/** Whether a file whose first line is `line` is likely one for {@link readCsv}. */
export function looksLikeCsv(line: string): boolean {
  return typeof findLayout(line.split(",")) !== "string";
}

/** The layout that the first line announces, or what is wrong with it. */
function findLayout(fields: readonly string[]): Layout | string {
  const names = fields.map((field) => COLUMN_NAMES.get(field.trim().toLowerCase()));
  const layout: Partial<Record<ColumnName, number>> = {};
  for (const [at, name] of names.entries()) {
    if (name === undefined) continue;
    if (layout[name] !== undefined)
      return `two columns are named ${name}, or mean it: ${fields.join(",").slice(0, 80)}`;
    layout[name] = at;
  }
  if (layout.key !== undefined) return { ...layout, key: layout.key, hasHeader: true, fields: fields.length };
  const isBare = fields.length >= 3 && parseSeconds(fields[0]!) !== undefined && /^\d+$/.test(fields[2]!.trim());
  if (isBare) return { time: 0, key: 1, size: 2, hasHeader: false, fields: fields.length };
  const found = JSON.stringify(fields.join(",").slice(0, 80));
  return (
    `${found} is neither a header that names a column key, id or obj_id ` +
    "(and, if you like, size, time, op, tenant) nor a request as time,id,size"
  );
}

/** Parses rows of `layout` into `builder`. */
function rowParser(layout: Layout, builder: TraceBuilder, path: string) {
  const id: Id = { lo: 0, hi: 0 };
  const detail: RequestDetail = { time: 0, op: 0, tenant: 0 };
  return (fields: readonly string[], line: number): void => {
    const fail = (name: ColumnName, allowed: string): never => {
      const value = JSON.stringify(fields[layout[name]!]!.slice(0, 40));
      throw new LieuError("EFORMAT", `${path} line ${line}: ${name} is ${value}; allowed: ${allowed}`);
    };
    if (layout.hasHeader ? fields.length !== layout.fields : fields.length < 3) {
      const expected = layout.hasHeader ? `${layout.fields}, as in the header` : "3 or more (time,id,size)";
      throw new LieuError("EFORMAT", `${path} line ${line}: it has ${fields.length} fields; allowed: ${expected}`);
    }
    const key = fields[layout.key]!.trim();
    if (key === "") fail("key", "a number under 2^64 or a name");
    parseId(key, id);

    let size = DEFAULT_OBJECT_BYTES;
    if (layout.size !== undefined) {
      size = parseWhole(fields[layout.size]!, MAX_SIZE) ?? 0;
      if (size === 0) fail("size", `a whole number of bytes from 1 to ${MAX_SIZE}`);
    }
    if (layout.time !== undefined) {
      detail.time = parseSeconds(fields[layout.time]!) ?? fail("time", "seconds, a number from 0 up");
    }
    if (layout.op !== undefined) {
      detail.op = OPS.get(fields[layout.op]!.trim().toLowerCase()) ?? fail("op", "r, read, get, 0, w, write, set, 1");
    }
    if (layout.tenant !== undefined) {
      const tenant = parseWhole(fields[layout.tenant]!, MAX_TENANTS - 1);
      detail.tenant = tenant ?? fail("tenant", `a whole number from 0 to ${MAX_TENANTS - 1}`);
    }
    builder.add(id.lo, id.hi, size, detail);
  };
}

function parseWhole(text: string, max: number): number | undefined {
  const digits = text.trim();
  if (!/^\d{1,15}$/.test(digits)) return undefined;
  const value = Number(digits);
  return value <= max ? value : undefined;
}

function parseSeconds(text: string): number | undefined {
  const number = text.trim();
  if (!/^\d{1,20}(\.\d*)?([eE][+-]?\d{1,2})?$/.test(number)) return undefined;
  return Number(number);
}
