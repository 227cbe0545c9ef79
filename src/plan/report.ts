/** A plan as a page that stands by itself. */
import { formatSize } from "../memory/size.ts";
import { escapeXml } from "../study/svg.ts";
import { frontierSvg } from "./frontier.ts";
import type { Option, Plan } from "./plan.ts";
import { MEDIA } from "./prices.ts";
import { money, share, time } from "./words.ts";

/** What is best, in words. */
export function recommendations(plan: Plan): { title: string; option: Option | undefined }[] {
  const { latency, p99, budget } = plan.goals;
  const goals = [
    ...(Number.isFinite(latency) ? [`a mean of ${time(latency)}`] : []),
    ...(p99 === undefined ? [] : [`a 99th percentile of ${time(p99)}`]),
  ];
  return [
    { title: `Cheapest within ${goals.join(" and ")}`, option: plan.cheapest },
    { title: `Fastest for at most ${money(budget)}`, option: plan.fastest },
  ];
}

/** The page. `config`: a memory's options as text to paste. */
export function planPage(plan: Plan, config: (option: Option) => string): string {
  const media = MEDIA.filter((name) => name !== "origin" && plan.options.some(({ hits }) => hits[name] !== undefined));
  const missed = plan.as === "cache" ? "misses" : "first touches";
  const cells = (option: Option): string =>
    [
      `<th scope="row">${escapeXml(option.name)}</th>`,
      ...media.map((name) => `<td>${option.hits[name] === undefined ? "" : share(option.hits[name])}</td>`),
      ...[share(option.misses), time(option.mean), time(option.p99), money(option.cost)].map(
        (text) => `<td>${text}</td>`,
      ),
    ].join("");
  const rows = plan.options.map((o) => `<tr${o.frontier ? ' class="frontier"' : ""}>${cells(o)}</tr>`).join("\n");
  const picks = recommendations(plan).map(({ title, option }) => {
    const what =
      option === undefined
        ? "<p>None does.</p>"
        : `<p><b>${escapeXml(option.name)}</b>: mean ${time(option.mean)}, 99th percentile ${time(option.p99)}, cost ${money(option.cost)}.</p>\n<pre tabindex="0">${escapeXml(config(option))}</pre>`;
    return `<section><h2>${escapeXml(title)}</h2>\n${what}</section>`;
  });
  const prices = MEDIA.map((name) => {
    const { cost, latency, p99, source } = plan.prices[name];
    return `<tr><th scope="row">${name}</th><td>${money(cost)}</td><td>${time(latency)}</td><td>${time(p99)}</td><td class="text">${escapeXml(source)}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeXml(plan.trace)} – lieu plan</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>What ${escapeXml(plan.trace)} needs</h1>
<p>${plan.requests.toLocaleString("en-US")} requests as a ${plan.as}, a footprint of ${formatSize(plan.footprint)}; ${plan.options.length} configurations.</p>
${frontierSvg(plan)}
${picks.join("\n")}
<section><h2>All configurations, the cheapest first</h2>
<div class="scroll" tabindex="0" role="region" aria-label="All configurations"><table>
<thead><tr><th scope="col">configuration</th>${[...media, missed, "mean", "p99", "cost"].map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>
<tbody>
${rows}
</tbody></table></div>
<p>Bold: nothing else is both cheaper and faster.</p></section>
<section><h2>The price list</h2>
<div class="scroll" tabindex="0" role="region" aria-label="The price list"><table>
<thead><tr><th scope="col">medium</th><th scope="col">a GiB</th><th scope="col">mean</th><th scope="col">p99</th><th scope="col" class="text">source</th></tr></thead>
<tbody>
${prices.join("\n")}
</tbody></table></div></section>
</main>
</body>
</html>
`;
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
.scroll { overflow: auto; max-height: 480px; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px 3px 0; border-bottom: 1px solid var(--edge); text-align: right; white-space: nowrap; }
th:first-child, .text { text-align: left; } .text { white-space: normal; min-width: 200px; }
th { font-weight: 500; } thead th { color: var(--faint); } .frontier > * { font-weight: 700; }
`;
