/** A plan as a page that stands by itself. */
import { formatSize } from "../memory/size.ts";
import { figure, htmlTable, page } from "../study/page.ts";
import { escapeXml } from "../study/svg.ts";
import { frontierSvg, NARROW } from "./frontier.ts";
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
  const rows = plan.options.map((option) => [
    option.name,
    ...media.map((name) => (option.hits[name] === undefined ? "" : share(option.hits[name]))),
    ...[share(option.misses), time(option.mean), time(option.p99), money(option.cost)],
  ]);
  const picks = recommendations(plan).map(({ title, option }) => {
    const what =
      option === undefined
        ? "<p>None does.</p>"
        : `<p><b>${escapeXml(option.name)}</b>: mean ${time(option.mean)}, 99th percentile ${time(option.p99)}, cost ${money(option.cost)}.</p>\n<pre tabindex="0">${escapeXml(config(option))}</pre>`;
    return `<section><h2>${escapeXml(title)}</h2>\n${what}</section>`;
  });
  const prices = MEDIA.map((name) => {
    const { cost, latency, p99, source } = plan.prices[name];
    return [name, money(cost), time(latency), time(p99), source];
  });
  const all = "All configurations, the cheapest first";
  const head = ["configuration", ...media, missed, "mean", "p99", "cost"];
  const list = htmlTable("The price list", ["medium", "a GiB", "mean", "p99", "source"], prices, { texts: [4] });
  return page(
    `${plan.trace} – lieu plan`,
    `<h1>What ${escapeXml(plan.trace)} needs</h1>
<p>${plan.requests.toLocaleString("en-US")} requests as a ${plan.as}, a footprint of ${formatSize(plan.footprint)}; ${plan.options.length} configurations.</p>
${figure(frontierSvg(plan), frontierSvg(plan, NARROW))}
${picks.join("\n")}
<section><h2>${all}</h2>
${htmlTable(all, head, rows, { bold: (i) => plan.options[i]?.frontier === true })}
<p>Bold: nothing else is both cheaper and faster.</p></section>
<section><h2>The price list</h2>
${list}</section>`,
  );
}
