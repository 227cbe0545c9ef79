/** Options of the watch for pressure (pressure.ts): their schema, and what they come to. */
import type { PressureConfig } from "./pressure.ts";
import { type Check, type Checked, object, optional, text, value, whole } from "./schema.ts";
import { parseSize, size } from "./size.ts";

const pressureSchema = object({
  interval: optional(whole(10, 60_000)),
  reserve: optional(size),
  cgroup: optional(text()),
});
export type Pressure = boolean | Checked<typeof pressureSchema>;
/** The option `pressure`. */
export const pressure: Check<Pressure> = (given, path, problems) => {
  if (typeof given === "boolean") return given;
  if (typeof given === "object" && given !== null) return pressureSchema(given, path, problems);
  const rule = `give true, false or an object with ${pressureSchema.keys?.join(", ")}`;
  return value<Pressure>(() => false, rule)(given, path, problems);
};

/** @throws {@link LieuError} EINVAL */
export function resolvePressure(given: Pressure | undefined): PressureConfig | undefined {
  if (given === undefined || given === false) return undefined;
  const { interval = 200, reserve, cgroup } = given === true ? {} : given;
  return { interval, reserve: reserve === undefined ? undefined : parseSize(reserve, "pressure.reserve"), cgroup };
}
