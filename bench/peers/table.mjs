/** Rows of the comparison, and how they are printed. */
import { median } from "./run.mjs";

const UNITS = {
  ns: (x) => `${count(x)} ns`,
  ms: (x) => `${x >= 100 ? count(x) : x.toFixed(x >= 10 ? 1 : 2)} ms`,
  B: (x) => `${Math.abs(x) >= 100 ? count(x) : x.toFixed(1)} B`,
  x: (x) => `${x.toFixed(2)} x`,
  count,
  MiB: (x) => `${x.toFixed(0)} MiB`,
};

/** lieu shall be at least `bar` times as fast as the peer. Values are nanoseconds, one a round. */
export function faster(row, bar, lieu, peer, peerValues) {
  return compared(row, "ns", lieu, peer, peerValues, bar && { atLeast: bar });
}

/** lieu's figure shall be at most `bar` times the peer's. */
export function smaller(row, unit, bar, lieu, peer, peerValues) {
  return compared(row, unit, lieu, peer, peerValues, bar && { atMost: bar });
}

/** lieu's own figure shall be at most `limit`; the peer's, where there is one, is for comparison. */
export function within(row, unit, limit, lieu, peer, peerValues) {
  const result = compared(row, unit, lieu, peer, peerValues, limit && { limit });
  return limit ? { ...result, holds: median(lieu) <= limit } : result;
}

/** What picks the same figure out of the results of lieu and of a peer, as the arguments that end a row. */
export function sides(lieu, peer, peerResults) {
  return (pick) => [lieu.map(pick), peer, peerResults?.map(pick)];
}

/** A ratio is how many times as fast lieu is where a bar says `atLeast` or is not there, else lieu's part of the peer's. */
function compared(row, unit, lieu, peer, peerValues, bar) {
  const own = summary(lieu);
  const result = { row, unit, bar, lieu: own };
  if (peer) result.peer = { name: peer, ...(peerValues ? summary(peerValues) : { missing: true }) };
  if (!peerValues) return result;
  const part = own.median / result.peer.median;
  result.ratio = unit === "ns" ? 1 / part : part;
  if (bar?.atLeast) result.holds = result.ratio >= bar.atLeast;
  if (bar?.atMost) result.holds = result.ratio <= bar.atMost;
  return result;
}

function summary(values) {
  return { median: median(values), values };
}

/** A row that was not measured, and why. */
export function skipped(row, why) {
  return { row, skipped: why };
}

/** Rows as a Markdown table. */
export function toMarkdown(rows) {
  const lines = rows.map((row) => {
    if (row.skipped) return [row.row, "", "", "", "", row.skipped];
    const show = UNITS[row.unit];
    const peer = row.peer ? `${row.peer.name}: ${row.peer.missing ? "not installed" : show(row.peer.median)}` : "";
    const verdict = row.holds === undefined ? "" : row.holds ? "ok" : "falls short";
    return [row.row, barText(row, show), show(row.lieu.median), peer, ratioText(row), verdict];
  });
  return markdown(["row", "bar", "lieu", "peer", "ratio", ""], lines);
}

function barText({ bar }, show) {
  if (bar?.limit !== undefined) return `≤ ${show(bar.limit)}`;
  if (bar?.atLeast) return `≥ ${bar.atLeast}x`;
  return bar?.atMost ? `≤ ${fraction(bar.atMost)}` : "";
}

function ratioText({ ratio, unit }) {
  if (ratio === undefined || !Number.isFinite(ratio)) return "";
  return unit === "ns" ? `${ratio.toFixed(2)}x` : fraction(ratio);
}

/** 1/15 is easier to see than 0.067. */
function fraction(x) {
  if (x <= 0) return "0";
  const inverse = 1 / x;
  return inverse >= 1.95 ? `1/${inverse >= 10 ? Math.round(inverse) : Number(inverse.toFixed(1))}` : x.toFixed(2);
}

/** A Markdown table with its columns aligned: the first to the left, all others to the right. */
export function markdown(head, lines) {
  const all = [head, ...lines];
  const widths = head.map((_, i) => Math.max(3, ...all.map((cells) => cells[i].length)));
  const line = (cells) => `| ${cells.map((c, i) => (i ? c.padStart(widths[i]) : c.padEnd(widths[i]))).join(" | ")} |`;
  const rule = `| ${widths.map((w, i) => (i ? `${"-".repeat(w - 1)}:` : "-".repeat(w))).join(" | ")} |`;
  return [line(head), rule, ...lines.map(line)].join("\n");
}

function count(x) {
  return Math.round(x).toLocaleString("en");
}
