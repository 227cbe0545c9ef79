/** Turns a stream of requests, of whatever source, into a {@link Trace}. */

import { LieuError } from "../errors.ts";
import { Column } from "./column.ts";
import { IdTable } from "./ids.ts";
import type { Trace } from "./trace.ts";

/** The most requests of one trace; at 4 to 10 bytes each this is several GiB. */
const MAX_REQUESTS = 2 ** 29;
const MAX_TICKS = 0xffff_ffff;

/** Which optional columns a source has; the others are left out of the trace. */
export interface TraceColumns {
  readonly time?: boolean;
  readonly op?: boolean;
  readonly tenant?: boolean;
}

/** What the optional columns say of a request; values of columns that the builder does not keep are ignored. */
export interface RequestDetail {
  /** Seconds, fractions allowed, from any epoch. */
  time: number;
  /** 0 read, 1 write. */
  op: number;
  /** 0 to 255. */
  tenant: number;
}

/** Add every request in order, then `finish` once. */
export class TraceBuilder {
  readonly #name: string;
  readonly #ids = new IdTable();
  readonly #size = new Column(Uint32Array);
  readonly #key = new Column(Uint32Array);
  readonly #time: Column<Float64Array<ArrayBuffer>> | undefined;
  readonly #op: Column<Uint8Array<ArrayBuffer>> | undefined;
  readonly #tenant: Column<Uint8Array<ArrayBuffer>> | undefined;
  #maxTenant = 0;

  constructor(name: string, columns: TraceColumns = {}) {
    this.#name = name;
    this.#time = columns.time ? new Column(Float64Array) : undefined;
    this.#op = columns.op ? new Column(Uint8Array) : undefined;
    this.#tenant = columns.tenant ? new Column(Uint8Array) : undefined;
  }

  get requests(): number {
    return this.#key.length;
  }

  /**
   * One request for the object whose 64-bit identifier has the unsigned halves `lo` and `hi`. `size` is in bytes, 1 to
   * 2^32 - 1; an object that is seen with several sizes has the largest of them.
   *
   * @throws LieuError EFORMAT when the trace grows beyond what a trace can hold.
   */
  add(lo: number, hi: number, size: number, detail?: Readonly<RequestDetail>): void {
    if (this.#key.length === MAX_REQUESTS) {
      throw new LieuError(
        "EFORMAT",
        `trace ${this.#name} has over ${MAX_REQUESTS} requests, the most that one can have`,
      );
    }
    const key = this.#ids.intern(lo, hi);
    if (key === this.#size.length) this.#size.push(size);
    else if (size > this.#size.get(key)) this.#size.set(key, size);
    this.#key.push(key);
    this.#time?.push(detail?.time ?? 0);
    this.#op?.push(detail?.op ?? 0);
    if (this.#tenant !== undefined) {
      const tenant = detail?.tenant ?? 0;
      this.#tenant.push(tenant);
      if (tenant > this.#maxTenant) this.#maxTenant = tenant;
    }
  }

  /**
   * The trace of all requests so far. Time starts at the earliest; a tick is a second, or a millisecond where some time
   * has a fraction and the whole span fits.
   *
   * @throws LieuError EFORMAT when there is no request, or the times span more ticks than the column can count.
   */
  finish(): Trace {
    if (this.#key.length === 0) throw new LieuError("EFORMAT", `trace ${this.#name} has no requests`);
    const clock = this.#time === undefined ? undefined : this.#ticks(this.#time.toArray());
    return {
      name: this.#name,
      requests: this.#key.length,
      keys: this.#ids.size,
      tenants: this.#maxTenant + 1,
      secondsPerTick: clock?.secondsPerTick ?? 0,
      original: this.#ids.originals(),
      size: this.#size.toArray(),
      key: this.#key.toArray(),
      ...(clock && { time: clock.time }),
      ...(this.#op && { op: this.#op.toArray() }),
      ...(this.#tenant && { tenant: this.#tenant.toArray() }),
    };
  }

  #ticks(seconds: Float64Array): { secondsPerTick: number; time: Uint32Array } {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    let whole = true;
    for (const second of seconds) {
      if (second < first) first = second;
      if (second > last) last = second;
      whole &&= Number.isInteger(second);
    }
    if (last - first > MAX_TICKS) {
      throw new LieuError(
        "EFORMAT",
        `trace ${this.#name} spans ${last - first} s, from ${first} to ${last}; at most ${MAX_TICKS} s can be counted. ` +
          "Times are seconds: divide finer units",
      );
    }
    const perSecond = !whole && (last - first) * 1000 < MAX_TICKS ? 1000 : 1;
    const time = new Uint32Array(seconds.length);
    // Rounded to a millionth first: 1.001 s is 1001 ms even where the difference of doubles says 1000.9999999.
    for (let i = 0; i < time.length; i++) {
      time[i] = Math.floor(Math.round((seconds[i]! - first) * perSecond * 1e3) / 1e3);
    }
    return { secondsPerTick: 1 / perSecond, time };
  }
}
