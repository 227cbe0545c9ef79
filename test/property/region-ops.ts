/** Random operations on regions, pins and arrays, each done to the memory and to the model. */
import {
  bind,
  defaultPolicy,
  interleave,
  type Policy,
  preferred,
  type TypedArrayKind,
  weightedInterleave,
} from "../../src/index.ts";
import { oneIn, pick } from "./source.ts";
import { agree, agreeOnBytes, checkPin, type Outcome, PAGE, type RegionModel, type World } from "./world.ts";

const FAULT_ERRORS = ["ENOMEM", "EIO"] as const;
const FOLIOS = ["4KiB", "16KiB", "64KiB", "512KiB", "2MiB"] as const;

/** A policy, and the nodes that it binds to (0: it forbids none). */
export function somePolicy(w: World): { policy: Policy; bind: number; text: string } {
  const names = w.memory.nodeNames;
  const mask = 1 + w.below((1 << names.length) - 1);
  const nodes = names.filter((_, i) => (mask & (1 << i)) !== 0);
  switch (w.below(w.config.features.bind ? 6 : 4)) {
    case 0:
      return { policy: preferred(nodes[0] as string), bind: 0, text: `preferred ${nodes[0]}` };
    case 1:
      return { policy: interleave(...nodes), bind: 0, text: `interleave ${nodes}` };
    case 2: {
      const weights = Object.fromEntries(nodes.map((name) => [name, 1 + w.below(4)]));
      return { policy: weightedInterleave(weights), bind: 0, text: `weighted ${JSON.stringify(weights)}` };
    }
    case 3:
      return { policy: defaultPolicy(), bind: 0, text: "default" };
    default:
      return { policy: bind(...nodes), bind: mask, text: `bind ${nodes}` };
  }
}

export function map(w: World): void {
  const mapped = w.regions.reduce((n, r) => n + Math.ceil(r.bytes.length / PAGE), 0);
  const most = Math.floor(w.config.features.fill * w.capacity) - mapped;
  if (w.regions.length >= 10 || most < 1) return;
  const pages = Math.min(most, 1 + w.below(pick(w.source, [4, 64, 256, 1024])));
  const size = oneIn(w.source, 3) ? Math.max(1, pages * PAGE - w.below(PAGE)) : pages * PAGE;
  const group = w.groups.length > 0 && oneIn(w.source, 2) ? pick(w.source, w.groups) : undefined;
  const { policy, bind, text } = somePolicy(w);
  const folio = oneIn(w.source, 3) ? pick(w.source, FOLIOS) : undefined;
  const locked = w.config.features.locked && pages <= 32 && oneIn(w.source, 4);
  const name = `r${w.serial++}`;
  w.say(`map ${name} ${size} ${text} ${group?.group.name ?? ""} ${folio ?? ""} ${locked ? "locked" : ""}`);
  const possible = bind === 0 || group === undefined || (bind & group.mems) !== 0;
  const options = { name, policy, locked, ...(group && { group: group.group }), ...(folio && { folio }) };
  const { value: region, error } = w.attempt(["ENOMEM", "EINVAL"], () => w.memory.map(size, options));
  if (region === undefined) {
    agree(error?.code !== "EINVAL" || !possible, () => `unexpected ${error?.message}`);
    return;
  }
  agree(possible, () => "a region was mapped that may be on no node");
  w.regions.push({ region, bytes: new Uint8Array(size), group, bind });
}

export function unmap(w: World): void {
  const at = w.below(Math.max(1, w.regions.length));
  const model = w.regions[at];
  if (model === undefined) return;
  const pinned = w.pins.some((p) => p.of === model);
  w.say(`unmap ${model.region.name}`);
  const { error } = w.attempt(pinned ? ["EBUSY"] : [], () => model.region.unmap());
  agree((error !== undefined) === pinned, () => `unmap with pins ${pinned} ended with ${error}`);
  if (error !== undefined) return;
  w.regions.splice(at, 1);
  w.gone.unshift(model.region);
  w.gone.length = Math.min(w.gone.length, 4);
}

/** A region and a range in it: often the same few pages, often across a page's end. */
function someRange(w: World, longest: number): { model: RegionModel; offset: number; length: number } | undefined {
  if (w.regions.length === 0) return undefined;
  const model = pick(w.source, w.regions);
  const size = model.bytes.length;
  const within = oneIn(w.source, 2) ? Math.min(size, 8 * PAGE) : size;
  let offset = w.below(within);
  const where = w.below(4);
  if (where === 0) offset = Math.min(size - 1, Math.max(0, Math.round(offset / PAGE) * PAGE - w.below(9)));
  else if (where === 1) offset -= offset % PAGE;
  const length = Math.min(size - offset, oneIn(w.source, 4) ? 1 + w.below(longest) : 1 + w.below(64));
  return { model, offset, length };
}

export function read(w: World): void {
  const range = someRange(w, 4 * PAGE);
  if (range === undefined) return;
  const { model, offset, length } = range;
  w.say(`read ${model.region.name} ${offset} +${length}`);
  const { value } = w.attempt(FAULT_ERRORS, () => model.region.read(offset, length));
  if (value !== undefined) agreeOnBytes(value, model.bytes, offset, `read ${model.region.name}`);
}

/** A write that failed has written the pages before the one that its error names, and no byte after. */
function writeUpTo(model: RegionModel, offset: number, bytes: Uint8Array, outcome: Outcome<void>): void {
  if (outcome.error === undefined) {
    model.bytes.set(bytes, offset);
    return;
  }
  const named = /page (\d+) of region/.exec(outcome.error.message)?.[1];
  agree(named !== undefined, () => `the error names no page: ${outcome.error?.message}`);
  const done = Math.max(0, Number(named) * PAGE - offset);
  agree(done < bytes.length, () => `the error names page ${named}, outside the write`);
  model.bytes.set(bytes.subarray(0, done), offset);
}

export function write(w: World): void {
  const range = someRange(w, oneIn(w.source, 8) ? 16 * PAGE : 3 * PAGE);
  if (range === undefined) return;
  const { model, offset, length } = range;
  w.say(`write ${model.region.name} ${offset} +${length}`);
  const bytes = w.data(length);
  const outcome = w.attempt(FAULT_ERRORS, () => model.region.write(offset, bytes));
  writeUpTo(model, offset, bytes, outcome);
}

export function fill(w: World): void {
  const range = someRange(w, 16 * PAGE);
  if (range === undefined) return;
  const { model, offset, length } = range;
  const value = w.below(256);
  w.say(`fill ${model.region.name} ${offset} +${length} with ${value}`);
  const outcome = w.attempt(FAULT_ERRORS, () => model.region.fill(value, offset, length));
  writeUpTo(model, offset, new Uint8Array(length).fill(value), outcome);
}

const NUMBERS = {
  Uint8: { bytes: 1, value: (w: World) => w.below(256) },
  Int32: { bytes: 4, value: (w: World) => w.below(2 ** 32) | 0 },
  Float64: { bytes: 8, value: (w: World) => w.below(2 ** 32) / 7 },
} as const;

export function number(w: World): void {
  const range = someRange(w, 1);
  if (range === undefined) return;
  const { model } = range;
  const { region } = model;
  const kind = pick(w.source, ["Uint8", "Int32", "Float64"] as const);
  const { bytes, value } = NUMBERS[kind];
  if (model.bytes.length < bytes) return;
  const offset = Math.min(range.offset, model.bytes.length - bytes);
  const view = new DataView(model.bytes.buffer);
  if (oneIn(w.source, 2)) {
    w.say(`read${kind} ${region.name} ${offset}`);
    const { value } = w.attempt(FAULT_ERRORS, () => region[`read${kind}`](offset));
    const expected = kind === "Uint8" ? view.getUint8(offset) : view[`get${kind}`](offset, true);
    agree(value === undefined || Object.is(value, expected), () => `is ${value}, should be ${expected}`);
    return;
  }
  const put = value(w);
  w.say(`write${kind} ${region.name} ${offset} ${put}`);
  const outcome = w.attempt(FAULT_ERRORS, () => region[`write${kind}`](offset, put));
  const encoded = new DataView(new ArrayBuffer(bytes));
  if (kind === "Uint8") encoded.setUint8(0, put);
  else encoded[`set${kind}`](0, put, true);
  writeUpTo(model, offset, new Uint8Array(encoded.buffer), outcome);
}

const KINDS: Record<
  TypedArrayKind,
  (
    b: ArrayBuffer,
  ) => Uint8Array | Int16Array | Float64Array | Int32Array | Int8Array | Uint16Array | Uint32Array | Float32Array
> = {
  uint8: (b) => new Uint8Array(b),
  int8: (b) => new Int8Array(b),
  uint16: (b) => new Uint16Array(b),
  int16: (b) => new Int16Array(b),
  uint32: (b) => new Uint32Array(b),
  int32: (b) => new Int32Array(b),
  float32: (b) => new Float32Array(b),
  float64: (b) => new Float64Array(b),
};

export function array(w: World): void {
  const range = someRange(w, 1);
  if (range === undefined) return;
  const { model } = range;
  const kind = pick(w.source, Object.keys(KINDS) as TypedArrayKind[]);
  const one = KINDS[kind](new ArrayBuffer(8));
  const size = one.BYTES_PER_ELEMENT;
  const from = Math.floor(w.below(Math.min(64, model.bytes.length)) / size) * size;
  const array = model.region.array(kind, from);
  agree(array.length === Math.floor((model.bytes.length - from) / size), () => `length of ${kind} is ${array.length}`);
  if (array.length === 0) return;
  const index = w.below(array.length);
  const at = from + index * size;
  if (oneIn(w.source, 2)) {
    w.say(`array ${kind} of ${model.region.name} set ${index}`);
    one[0] = w.below(2 ** 32);
    const value = one[0] as number;
    const outcome = w.attempt(FAULT_ERRORS, () => array.set(index, value));
    writeUpTo(model, at, new Uint8Array(one.buffer, 0, size), outcome);
    return;
  }
  w.say(`array ${kind} of ${model.region.name} get ${index}`);
  const { value } = w.attempt(FAULT_ERRORS, () => array.get(index));
  new Uint8Array(one.buffer).set(model.bytes.subarray(at, at + size));
  agree(value === undefined || Object.is(value, one[0]), () => `element ${index} is ${value}, should be ${one[0]}`);
}

export function pin(w: World): void {
  const range = someRange(w, 6 * PAGE);
  if (range === undefined || w.pins.length >= 6) return;
  const { model: of, offset, length } = range;
  const write = oneIn(w.source, 2);
  w.say(`pin ${of.region.name} ${offset} +${length} ${write ? "to write" : ""}`);
  const { value: pin } = w.attempt(FAULT_ERRORS, () => of.region.pin(offset, length, { write }));
  if (pin === undefined) return;
  agree(pin.bytes.length === length, () => `the pin has ${pin.bytes.length} bytes of ${length}`);
  const copy = pin.zeroCopy ? undefined : of.bytes.slice(offset, offset + length);
  w.pins.push({ pin, of, offset, write, copy });
  w.note(pin.chunks.length);
}

export function writePin(w: World): void {
  const writable = w.pins.filter((p) => p.write);
  if (writable.length === 0) return;
  const { pin, of, offset, copy } = pick(w.source, writable);
  const at = w.below(pin.bytes.length);
  const bytes = w.data(Math.min(pin.bytes.length - at, 1 + w.below(PAGE)));
  w.say(`write to a pin of ${of.region.name} ${offset} + ${at} +${bytes.length}`);
  pin.bytes.set(bytes, at);
  if (copy === undefined) of.bytes.set(bytes, offset + at);
  else copy.set(bytes, at);
}

export function unpin(w: World): void {
  if (w.pins.length === 0) return;
  const at = w.below(w.pins.length);
  const model = w.pins[at] as (typeof w.pins)[number];
  checkPin(model);
  w.pins.splice(at, 1);
  w.say(`unpin ${model.of.region.name} ${model.offset}`);
  model.pin.release();
  if (model.copy !== undefined && model.write) model.of.bytes.set(model.copy, model.offset);
}

export function advise(w: World): void {
  const range = someRange(w, 64 * PAGE);
  if (range === undefined) return;
  const { model, offset } = range;
  const length = oneIn(w.source, 8) ? model.bytes.length - offset : range.length;
  const advice = pick(w.source, ["cold", "pageout", "pageout", "willneed"] as const);
  w.say(`advise ${advice} ${model.region.name} ${offset} +${length}`);
  const errors = advice === "willneed" ? FAULT_ERRORS : [];
  const { value } = w.attempt(errors, () => model.region.advise(advice, offset, length));
  if (value === undefined) return;
  const pages = Math.floor((offset + length - 1) / PAGE) - Math.floor(offset / PAGE) + 1;
  agree(value >= 0 && value <= pages, () => `advise concerned ${value} pages of ${pages}`);
  w.note(value);
}

export function setPolicy(w: World): void {
  if (w.regions.length === 0) return;
  const model = pick(w.source, w.regions);
  const { policy, bind, text } = somePolicy(w);
  w.say(`setPolicy ${model.region.name} ${text}`);
  const mems = model.group?.mems ?? -1;
  const possible = bind === 0 || (bind & mems) !== 0;
  const pinned = w.pins.some((p) => p.of === model);
  // Only the presets that have put pages where they may not be have any to move for a policy that forbids nothing.
  const moves = bind === 0 && w.lieu ? [] : (["ENOMEM"] as const);
  const errors = possible ? [...moves, ...(pinned ? (["EBUSY"] as const) : [])] : (["EINVAL"] as const);
  const { error } = w.attempt(errors, () => model.region.setPolicy(policy));
  agree(possible || error !== undefined, () => "a policy was set that leaves no node");
  if (error === undefined) model.bind = bind;
}

export function place(w: World): void {
  const range = someRange(w, 1);
  if (range === undefined) return;
  const { model, offset } = range;
  w.say(`placeOf ${model.region.name} ${offset}`);
  const place = model.region.placeOf(offset);
  w.note(place.where.length);
  if (place.where !== "node") return;
  w.note(place.node);
  const mems = model.group?.mems ?? -1;
  const allowed = mems & (model.bind === 0 ? -1 : model.bind);
  agree(!w.lieu || (allowed & (1 << place.node)) !== 0, () => `page ${offset} is on forbidden node ${place.node}`);
}

/** Read a whole region, a page at a time, so that one page that cannot be read does not hide the others. */
export function verify(w: World): void {
  if (w.regions.length === 0) return;
  const model = pick(w.source, w.regions);
  w.say(`verify ${model.region.name}`);
  for (let offset = 0; offset < model.bytes.length; offset += PAGE) {
    const length = Math.min(PAGE, model.bytes.length - offset);
    const { value } = w.attempt(FAULT_ERRORS, () => model.region.read(offset, length));
    if (value !== undefined) agreeOnBytes(value, model.bytes, offset, `verify ${model.region.name}`);
  }
}
