/** Random operations on the memory and its groups: limits, mems, reclaim, time, faults of the devices. */
import { Cache, type GroupOptions, isLieuError } from "../../src/index.ts";
import { oneIn, pick } from "./source.ts";
import { agree, type GroupModel, PAGE, type World } from "./world.ts";

const LIMITS = ["min", "low", "high", "max"] as const;

/** Some options of a group, and what they come to. */
function someOptions(w: World): {
  options: GroupOptions;
  mems: number | undefined;
  limits: Partial<GroupModel["limits"]>;
} {
  const options: GroupOptions = {};
  const limits: Partial<GroupModel["limits"]> = {};
  for (const limit of LIMITS) {
    if (!oneIn(w.source, 3)) continue;
    const protects = limit === "min" || limit === "low";
    const lift = oneIn(w.source, 3);
    const bytes = (16 + w.below(protects ? 100 : 400)) * PAGE;
    if (limit === "min" || limit === "low") options[limit] = lift ? 0 : bytes;
    else options[limit] = lift ? "max" : bytes;
    limits[limit] = !lift ? bytes : protects ? 0 : Number.POSITIVE_INFINITY;
  }
  let mems: number | undefined;
  if (w.config.features.bind && oneIn(w.source, 3)) {
    mems = 1 + w.below((1 << w.nodeCount) - 1);
    const set = mems;
    options.mems = w.memory.nodeNames.filter((_, i) => (set & (1 << i)) !== 0);
  }
  return { options, mems, limits };
}

export function group(w: World): void {
  if (!w.config.features.groups || w.groups.length >= 4) return;
  const { options, mems, limits } = someOptions(w);
  const name = `g${w.serial++}`;
  w.say(`group ${name} ${JSON.stringify(options)}`);
  const group = w.memory.group(name, options);
  const none = { min: 0, low: 0, high: Number.POSITIVE_INFINITY, max: Number.POSITIVE_INFINITY };
  w.groups.push({ group, mems: mems ?? (1 << w.nodeCount) - 1, limits: { ...none, ...limits }, usage: 0 });
}

export function setGroup(w: World): void {
  if (w.groups.length === 0) return;
  const model = pick(w.source, w.groups);
  const { options, mems, limits } = someOptions(w);
  w.say(`set ${model.group.name} ${JSON.stringify(options)}`);
  const members = [...w.regions, ...w.caches].filter((m) => m.group === model);
  const possible = mems === undefined || members.every((m) => m.bind === 0 || (m.bind & mems) !== 0);
  const pinned = w.pins.some((p) => p.of.group === model);
  const errors = possible
    ? mems === undefined
      ? []
      : (["ENOMEM", ...(pinned ? (["EBUSY"] as const) : [])] as const)
    : (["EINVAL"] as const);
  const { error } = w.attempt(errors, () => model.group.set(options));
  agree(possible || error !== undefined, () => "mems were set that leave no node");
  if (error !== undefined) return;
  model.mems = mems ?? model.mems;
  Object.assign(model.limits, limits);
  model.usage = model.group.usage;
}

export function removeGroup(w: World): void {
  if (w.groups.length === 0) return;
  const at = w.below(w.groups.length);
  const model = w.groups[at] as GroupModel;
  w.say(`remove ${model.group.name}`);
  const used = [...w.regions, ...w.caches].some((m) => m.group === model);
  const { error } = w.attempt(used ? ["EBUSY"] : [], () => model.group.remove());
  agree((error !== undefined) === used, () => `removing a group with members ${used} ended with ${error}`);
  if (error === undefined) w.groups.splice(at, 1);
}

export function reclaim(w: World): void {
  const mode = pick(w.source, ["any", "demote", "evict"] as const);
  const pages = 1 + w.below(pick(w.source, [4, 64, 512]));
  const model = w.groups.length > 0 && oneIn(w.source, 3) ? pick(w.source, w.groups) : undefined;
  const nodes = oneIn(w.source, 2) ? [pick(w.source, w.memory.nodeNames)] : undefined;
  w.say(`reclaim ${pages} pages ${mode} ${nodes ?? ""} ${model?.group.name ?? ""}`);
  const request = { mode, ...(nodes && { nodes }), ...(model && { group: model.group }) };
  const { reclaimed, demoted, relocated, evicted } = w.memory.reclaim(pages * PAGE, request);
  // Making room further down demotes and evicts pages beyond those that were asked for.
  const whole = reclaimed >= 0 && demoted >= 0 && evicted >= 0 && demoted + relocated + evicted >= reclaimed;
  agree(whole, () => `reclaimed ${reclaimed}, demoted ${demoted}, relocated ${relocated}, evicted ${evicted}`);
  agree(mode !== "evict" || demoted + relocated === 0, () => `${demoted} bytes demoted by a request that forbids it`);
  agree(mode !== "demote" || evicted === 0, () => `${evicted} bytes evicted by a request that forbids it`);
  w.note(reclaimed);
  w.note(demoted);
}

export function tick(w: World): void {
  const ms = w.below(pick(w.source, [1, 60, 3000]));
  w.say(`tick ${ms}`);
  w.crank.advance(ms);
  w.memory.tick();
}

export function faults(w: World): void {
  if (!w.config.features.faults || w.devices.length === 0) return;
  const device = pick(w.source, w.devices);
  device.faulty = !device.faulty;
  w.say(`faults ${device.faulty ? "on" : "off"}`);
}

/** Whatever was given back must answer with ECLOSED, even if its pages are somebody else's by now. */
export function stale(w: World): void {
  if (w.gone.length === 0) return;
  const thing = pick(w.source, w.gone);
  const what = w.below(4);
  w.say(`use ${thing.name} after it was given back, ${what}`);
  try {
    if (thing instanceof Cache) {
      if (what === 0) thing.get(1);
      else if (what === 1) thing.set(1, new Uint8Array(1));
      else if (what === 2) thing.delete(1);
      else thing.close();
    } else {
      const offset = w.below(Math.max(1, thing.size - 8));
      if (what === 0) thing.readUint8(offset);
      else if (what === 1) thing.writeUint8(offset, 0xee);
      else if (what === 2) thing.write(offset, new Uint8Array([0xee]));
      else thing.unmap();
    }
  } catch (error) {
    if (isLieuError(error, "ECLOSED")) return;
    throw error;
  }
  agree(false, () => `${thing.name} works after it was given back`);
}
