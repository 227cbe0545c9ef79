/** A page of a report: one file of HTML that needs nothing else, light or dark as the reader's system is. */
import { escapeXml } from "./svg.ts";

/** The page with this title and body, which is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeXml(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** A table that scrolls within itself. Cells are text; the first of a row names it. `bold`: rows to stand out; `texts`: columns of words. */
export function htmlTable(
  name: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { bold = () => false, texts = [] }: { bold?: (row: number) => boolean; texts?: readonly number[] } = {},
): string {
  const kind = (i: number): string => (texts.includes(i) ? ' class="text"' : "");
  const cells = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? `<th scope="row">${escapeXml(cell)}</th>` : `<td${kind(i)}>${escapeXml(cell)}</td>`))
      .join("");
  const top = head.map((cell, i) => `<th scope="col"${kind(i)}>${escapeXml(cell)}</th>`).join("");
  const body = rows.map((row, i) => `<tr${bold(i) ? ' class="frontier"' : ""}>${cells(row)}</tr>`).join("\n");
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeXml(name)}"><table>
<thead><tr>${top}</tr></thead>
<tbody>
${body}
</tbody></table></div>`;
}

/** Pictures side by side, as many as there is room for. */
export function columns(svgs: readonly string[]): string {
  return `<div class="columns">${svgs.map((svg) => `<section class="picture">${svg}</section>`).join("\n")}</div>`;
}
/** A picture drawn twice: one for screens that are wide enough for what is written in it, and one for others. */
export function figure(wide: string, narrow: string): string {
  return `<section class="picture"><div class="wide">${wide}</div><div class="narrow">${narrow}</div></section>`;
}

const STYLE = `
:root { --page: #f4f5f7; --panel: #fff; --edge: #dde1e6; --text: #1c2128; --faint: #57606a; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1318; --panel: #171c23; --edge: #2b323b; --text: #e6e9ed; --faint: #a3acb8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, "Liberation Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 16px; }
h1 { font-size: 22px; } h2 { margin: 0 0 6px; font-size: 16px; }
section { margin: 14px 0; padding: 12px 14px; border: 1px solid var(--edge); border-radius: 10px; background: var(--panel); }
svg { display: block; width: 100%; height: auto; }
pre { overflow: auto; margin: 0; padding: 10px; border-radius: 6px; background: var(--page); font-size: 13px; }
.scroll { overflow-x: auto; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 14px; }
.picture { padding: 4px; } .columns .picture { margin: 0; } .narrow { display: none; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px 3px 0; border-bottom: 1px solid var(--edge); text-align: right; white-space: nowrap; }
th:first-child, .text { text-align: left; } .text { white-space: normal; min-width: 200px; }
th { font-weight: 500; } thead th { color: var(--faint); } .frontier > * { font-weight: 700; }
@media (max-width: 640px) {
  .wide { display: none; } .narrow { display: block; }
  th, td { padding-right: 8px; font-size: 12px; }
  tbody th { position: sticky; left: 0; min-width: 80px; white-space: normal; background: var(--panel); }
}
`;
