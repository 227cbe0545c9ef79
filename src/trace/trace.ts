/**
 * A trace in memory: who asked for what, in order. Every reader and generator makes this one shape and every replay
 * consumes it, so it is columns (structure of arrays): a request is an index, a key is an index, and nothing is
 * allocated per request.
 */

/** Bytes of an object whose source does not say: one base page. */
export const DEFAULT_OBJECT_BYTES = 4096;

/** The most tenants that a trace can tell apart: the tenant column is one byte a request. */
export const MAX_TENANTS = 256;

/** One recorded or generated sequence of requests. Columns are read-only by agreement; requests and keys are >= 1. */
export interface Trace {
  /** The file's base name without its extensions, or what a generator was told. */
  readonly name: string;
  readonly requests: number;
  /** Distinct objects; each is asked for at least once. */
  readonly keys: number;
  /** 1 where there is no tenant column. */
  readonly tenants: number;
  /** Seconds a tick of `time` lasts; 0: ticks are not seconds (instructions, counted accesses), or there is no time. */
  readonly secondsPerTick: number;
  /** [keys] the source's own identifier: page or block number (neighbours are neighbours), object id, or a hash. */
  readonly original: BigUint64Array;
  /** [keys] bytes of the key's object, >= 1; it never changes. */
  readonly size: Uint32Array;
  /** [requests] 0..keys-1, numbered by first appearance. */
  readonly key: Uint32Array;
  /** [requests] ticks since the start; sources mostly, but need not, keep it from running backwards. */
  readonly time?: Uint32Array;
  /** [requests] 0 read, 1 write; absent: all reads. */
  readonly op?: Uint8Array;
  /** [requests] 0..tenants-1; absent: all 0. */
  readonly tenant?: Uint8Array;
}

/** Sum of the sizes of all distinct objects, in bytes: what a memory needs to hold everything at once. */
export function footprintBytes(trace: Trace): number {
  let bytes = 0;
  for (let key = 0; key < trace.keys; key++) bytes += trace.size[key]!;
  return bytes;
}

/** Sum of the sizes of all requested objects, in bytes, each counted as often as it is asked for. */
export function requestedBytes(trace: Trace): number {
  const { key, size } = trace;
  let bytes = 0;
  for (let i = 0; i < trace.requests; i++) bytes += size[key[i]!]!;
  return bytes;
}

/** How many requests are writes. */
export function countWrites(trace: Trace): number {
  let writes = 0;
  for (const op of trace.op ?? []) writes += op;
  return writes;
}

/**
 * What is wrong with a trace, in words, or undefined: the rules above, all of them, in one pass over the columns.
 * A reader calls it on what a file said, a writer on what a caller handed over.
 */
export function findTraceFault(trace: Trace): string | undefined {
  return findShapeFault(trace) ?? findKeyFault(trace) ?? findRequestFault(trace);
}

function findShapeFault(trace: Trace): string | undefined {
  const { requests, keys, tenants, secondsPerTick } = trace;
  if (!(requests >= 1)) return "it has no requests";
  if (!(keys >= 1 && keys <= requests))
    return `it has ${keys} keys for ${requests} requests; allowed: 1 to ${requests}`;
  if (!(tenants >= 1 && tenants <= MAX_TENANTS)) return `it has ${tenants} tenants; allowed: 1 to ${MAX_TENANTS}`;
  if (trace.tenant === undefined && tenants !== 1) return `it has ${tenants} tenants but no tenant column`;
  if (!(secondsPerTick >= 0 && secondsPerTick < Number.POSITIVE_INFINITY)) {
    return `a tick lasts ${secondsPerTick} s; allowed: 0 (not seconds) or a positive number`;
  }
  const lengths: [string, number | undefined, number][] = [
    ["original", trace.original.length, keys],
    ["size", trace.size.length, keys],
    ["key", trace.key.length, requests],
    ["time", trace.time?.length, requests],
    ["op", trace.op?.length, requests],
    ["tenant", trace.tenant?.length, requests],
  ];
  for (const [column, length, expected] of lengths) {
    if (length !== undefined && length !== expected) return `column ${column} has ${length} entries, not ${expected}`;
  }
  return undefined;
}

function findKeyFault({ requests, keys, key, size }: Trace): string | undefined {
  for (let k = 0; k < keys; k++) {
    if (size[k] === 0) return `key ${k} has size 0; allowed: 1 to 4294967295 bytes`;
  }
  let seen = 0;
  for (let i = 0; i < requests; i++) {
    const k = key[i]!;
    if (k >= keys) return `request ${i} is for key ${k}; allowed: 0 to ${keys - 1}`;
    if (k > seen) return `request ${i} is for key ${k} before key ${seen}: keys are numbered by first appearance`;
    if (k === seen) seen++;
  }
  return seen === keys ? undefined : `key ${seen} is never requested`;
}

function findRequestFault({ requests, tenants, op, tenant }: Trace): string | undefined {
  for (let i = 0; op !== undefined && i < requests; i++) {
    if (op[i]! > 1) return `request ${i} has op ${op[i]}; allowed: 0 (read), 1 (write)`;
  }
  for (let i = 0; tenant !== undefined && i < requests; i++) {
    if (tenant[i]! >= tenants) return `request ${i} has tenant ${tenant[i]}; allowed: 0 to ${tenants - 1}`;
  }
  return undefined;
}
