/** Numbers as people read them. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(n: number): string {
  let unit = 0;
  while (Math.abs(n) >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${short(n)} ${UNITS[unit]}`;
}

/** At most three digits that count. */
export function short(n: number): string {
  const digits = Math.abs(n) >= 100 ? 0 : Math.abs(n) >= 10 ? 1 : 2;
  return Number(n.toFixed(digits)).toLocaleString("en-US");
}

export function count(n: number): string {
  return Math.abs(n) < 10_000 ? short(n) : compact.format(n);
}
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function exact(n: number): string {
  return n.toLocaleString("en-US");
}

export function percent(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined || Number.isNaN(ratio) ? "–" : `${(ratio * 100).toFixed(1)} %`;
}

/** Seconds. */
export function duration(seconds: number): string {
  if (seconds === 0) return "0";
  if (seconds < 1e-6) return `${short(seconds * 1e9)} ns`;
  if (seconds < 1e-3) return `${short(seconds * 1e6)} µs`;
  if (seconds < 1) return `${short(seconds * 1e3)} ms`;
  if (seconds < 120) return `${short(seconds)} s`;
  if (seconds < 7200) return `${short(seconds / 60)} min`;
  if (seconds < 172_800) return `${short(seconds / 3600)} h`;
  return `${short(seconds / 86_400)} d`;
}

export type Clock = "seconds" | "requests";

/** A moment. */
export function moment(at: number, clock: Clock): string {
  if (clock === "requests") return `request ${exact(Math.round(at))}`;
  return new Date(at * 1000).toLocaleTimeString("en-GB");
}
/** The same, as short as an axis wants it. */
export function tick(at: number, clock: Clock): string {
  return clock === "requests" ? count(at) : new Date(at * 1000).toLocaleTimeString("en-GB");
}
/** A span of time. */
export function span(units: number, clock: Clock): string {
  return clock === "requests" ? `${count(units)} requests` : duration(units);
}
