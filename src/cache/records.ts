/**
 * Records, written in one go: plain objects and arrays of strings, numbers, booleans, null and dates, all objects being of shapes that
 * have numbers already. That is what most values of most caches are, and all but the first few of each shape.
 *
 * The general way looks a value through for what MessagePack would change (structured.ts) and then has msgpackr encode it, which
 * keeps a table of the objects that it has met, since one that is met twice must come back as one. That is twice as slow. Here both are done while
 * writing, and what is met that is not of the kinds above (a shape without a number, a class, an object that was met before, -0, a lone
 * surrogate, a function, ...) makes it give up: the general way does the whole value then, or says what is wrong with it.
 *
 * Bytes are MessagePack's, with msgpackr's records (a byte from 0x40 on is a shape's number, its fields' values follow) and its word
 * for undefined; msgpackr decodes them.
 */
const SIZE = 64 * 1024;
/** Bytes of a number or a date at most: one that begins within may end behind. */
const LARGEST = 16;
/** Room that there is for any value at least; one that turns out to be longer is not written here. */
const ROOM = 16 * 1024;
/** Strings of fewer characters are written one by one: a call would cost more. */
const SHORT = 24;
const MOST_NESTED = 64;
/** Objects met that are looked for one by one; from then on by a Set. */
const FEW = 24;
/** Positions of a value whose object's shape is foretold by the last value's. */
const FORETOLD = 256;
const RECORDS = 0x40;
/** After giving up 1, 2, 3... times in a row: values that are not tried, 2^(n - 1) up to this. */
const MOST_SKIPPED = 64;

const { keys: keysOf, getPrototypeOf, getOwnPropertySymbols } = Object;
const OBJECT = Object.prototype;
const DATE = Date.prototype;

/** Written from the front, one value after the other, so that what was written lasts; then there is another. */
let bytes = Buffer.allocUnsafeSlow(SIZE + LARGEST);
let free = 0;
/** A getter of a value that is being written may write another. */
let busy = false;
let view = new DataView(bytes.buffer);

/**
 * Shapes as msgpackr keeps them: by number, the names of the fields. They may become more. Only the first `sharedLength` have
 * numbers of their own; behind these are some that a single value brought along.
 */
export interface Shapes extends ReadonlyArray<readonly string[] | undefined> {
  readonly sharedLength?: number;
}

/** See the file's head. Its fields are no #private ones: those cost a twentieth of the time. */
export class RecordWriter {
  private readonly shapes: Shapes;
  private readonly foretold = new Uint8Array(FORETOLD);
  private readonly met: object[] = [];
  private more: Set<object> | undefined;
  private nrMet = 0;
  private at = 0;
  private nested = 0;
  private failed = false;
  private skip = 0;
  private failures = 0;

  constructor(shapes: Shapes) {
    this.shapes = shapes;
  }

  /** The bytes of a record; undefined: it is none, or not yet. */
  write(value: object): Uint8Array | undefined {
    if (busy || inheritsFields()) return undefined;
    if (this.skip > 0) {
      this.skip--;
      return undefined;
    }
    if (free > SIZE - ROOM) {
      bytes = Buffer.allocUnsafeSlow(SIZE + LARGEST);
      view = new DataView(bytes.buffer);
      free = 0;
    }
    this.at = free;
    this.nrMet = 0;
    this.nested = 0;
    this.failed = false;
    busy = true;
    try {
      this.object(value);
    } finally {
      busy = false;
      this.more = undefined;
      this.met.fill(NONE, 0, Math.min(this.nrMet, FEW));
    }
    if (this.failed || this.at > SIZE) {
      this.skip = this.failures === 0 ? 0 : Math.min(2 ** (this.failures - 1), MOST_SKIPPED);
      this.failures = Math.min(this.failures + 1, 8);
      return undefined;
    }
    this.failures = 0;
    // A third cheaper than a Buffer's subarray().
    const written = new Uint8Array(bytes.buffer, free, this.at - free);
    // Copying to shared memory is several times as fast if both ends are aligned alike.
    free = (this.at + 7) & ~7;
    return written;
  }

  private value(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.string(value);
        break;
      case "number":
        this.number(value);
        break;
      case "boolean":
        bytes[this.at++] = value ? 0xc3 : 0xc2;
        break;
      case "object":
        if (value === null) bytes[this.at++] = 0xc0;
        else this.object(value);
        break;
      default:
        this.failed = true;
    }
  }

  private object(value: object): void {
    const position = this.nrMet;
    if (this.isMet(value) || this.nested >= MOST_NESTED || this.at > SIZE) {
      this.failed = true;
      return;
    }
    this.nested++;
    if (Array.isArray(value)) this.array(value);
    else {
      const prototype: unknown = getPrototypeOf(value);
      if (prototype === OBJECT) this.record(value as Record<string, unknown>, position);
      else if (prototype === DATE) this.date(value as Date);
      else this.failed = true;
    }
    this.nested--;
  }
  /** Whether an object was met before in this value; it is from now on. */
  private isMet(value: object): boolean {
    const met = this.met;
    const n = this.nrMet++;
    for (let i = 0; i < n && i < FEW; i++) if (met[i] === value) return true;
    if (n < FEW) {
      met[n] = value;
      return false;
    }
    this.more ??= new Set();
    if (this.more.has(value)) return true;
    this.more.add(value);
    return false;
  }
  private array(values: unknown[]): void {
    const { length } = values;
    if (length > 0xffff) {
      this.failed = true;
      return;
    }
    if (length < 16) bytes[this.at++] = 0x90 | length;
    else {
      bytes[this.at++] = 0xdc;
      bytes[this.at++] = length >> 8;
      bytes[this.at++] = length;
    }
    // A hole reads as undefined, and is none: that is for others to tell apart.
    for (let i = 0; i < length && !this.failed; i++) this.value(values[i]);
  }
  private record(value: Record<string, unknown>, position: number): void {
    const at = this.at;
    const nrMet = this.nrMet;
    let shape = this.foretold[position & (FORETOLD - 1)] as number;
    if (shape >= (this.shapes.sharedLength ?? 0)) shape = this.shapeOf(keysOf(value), position);
    if (shape < 0 || getOwnPropertySymbols(value).length !== 0) {
      this.failed = true;
      return;
    }
    if (this.fields(value, shape) || this.failed) return;
    // It is of another shape than was foretold, or of none.
    shape = this.shapeOf(keysOf(value), position);
    this.at = at;
    if (shape < 0 || !this.forget(nrMet) || !this.fields(value, shape)) this.failed = true;
  }
  /**
   * Write the fields of an object if they are those of a shape. Returns whether they are. To go through them by `for in` costs a fraction
   * of what their names and values as arrays would.
   */
  private fields(value: Record<string, unknown>, shape: number): boolean {
    const names = this.shapes[shape] as readonly string[];
    bytes[this.at++] = RECORDS + shape;
    let i = 0;
    // What is inherited is met too: there is nothing (inheritsFields).
    for (const name in value) {
      if (names[i] !== name) return false;
      i++;
      const field = value[name];
      if (field !== undefined) this.value(field);
      else {
        bytes[this.at++] = 0xd4;
        bytes[this.at++] = 0;
        bytes[this.at++] = 0;
      }
      if (this.failed) return false;
    }
    return i === names.length;
  }
  /** All objects but the first `n` were not met after all. Returns false if there were too many for that. */
  private forget(n: number): boolean {
    if (this.more !== undefined) return false;
    this.met.fill(NONE, n, this.nrMet);
    this.nrMet = n;
    return true;
  }
  private shapeOf(names: readonly string[], position: number): number {
    const shapes = this.shapes;
    const length = shapes.sharedLength ?? 0;
    for (let i = 0; i < length; i++) {
      if (!isShape(shapes[i], names)) continue;
      this.foretold[position & (FORETOLD - 1)] = i;
      return i;
    }
    return -1;
  }

  private string(value: string): void {
    const { length } = value;
    if (length >= SHORT) {
      this.text(value);
      return;
    }
    let at = this.at;
    if (length < 32) bytes[at++] = 0xa0 | length;
    else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let i = 0; i < length; i++) {
      const c = value.charCodeAt(i);
      if (c > 127) {
        this.text(value);
        return;
      }
      bytes[at++] = c;
    }
    this.at = at;
  }
  /** Any string, the length of whose bytes is not known beforehand. */
  private text(value: string): void {
    const at = this.at;
    const most = 3 * value.length;
    if (at + 3 + most > SIZE || !value.isWellFormed()) {
      this.failed = true;
      return;
    }
    const head = most < 256 ? 2 : 3;
    const written = bytes.utf8Write(value, at + head);
    if (head === 2) {
      bytes[at] = 0xd9;
      bytes[at + 1] = written;
    } else {
      bytes[at] = 0xda;
      bytes[at + 1] = written >> 8;
      bytes[at + 2] = written;
    }
    this.at = at + head + written;
  }
  private number(value: number): void {
    let at = this.at;
    if (at > SIZE) {
      this.failed = true;
      return;
    }
    if (value >>> 0 === value) {
      if (value === 0 && 1 / value < 0) this.failed = true;
      if (value < RECORDS) bytes[at++] = value;
      else if (value < 0x100) {
        bytes[at++] = 0xcc;
        bytes[at++] = value;
      } else if (value < 0x10000) {
        bytes[at++] = 0xcd;
        bytes[at++] = value >> 8;
        bytes[at++] = value;
      } else {
        bytes[at] = 0xce;
        writeWord(value, at + 1);
        at += 5;
      }
    } else if ((value | 0) === value) {
      if (value >= -0x20) bytes[at++] = value;
      else {
        bytes[at] = 0xd2;
        writeWord(value, at + 1);
        at += 5;
      }
    } else {
      bytes[at] = 0xcb;
      view.setFloat64(at + 1, value);
      at += 9;
    }
    this.at = at;
  }
  /** The 64-bit timestamp of the specification: 30 bits of nanoseconds, 34 of seconds. */
  private date(value: Date): void {
    const ms = value.getTime();
    const seconds = Math.floor(ms / 1000);
    if (!(seconds >= 0 && seconds < 2 ** 34)) {
      this.failed = true;
      return;
    }
    const at = this.at;
    bytes[at] = 0xd7;
    bytes[at + 1] = 0xff;
    writeWord((ms - seconds * 1000) * 4_000_000 + Math.floor(seconds / 2 ** 32), at + 2);
    writeWord(seconds % 2 ** 32, at + 6);
    this.at = at + 10;
  }
}
/** What a place for an object holds that has none. */
const NONE: object = {};

/** Whether somebody has given all objects fields that are met in going through one's own. */
function inheritsFields(): boolean {
  for (const _ in OBJECT) return true;
  return false;
}
function isShape(shape: readonly string[] | undefined, names: readonly string[]): boolean {
  if (shape === undefined || shape.length !== names.length) return false;
  for (let i = 0; i < names.length; i++) if (shape[i] !== names[i]) return false;
  return true;
}
function writeWord(word: number, at: number): void {
  view.setUint32(at, word);
}
