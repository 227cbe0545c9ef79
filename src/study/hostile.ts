/** DRAM nodes as demotion targets, under pressure from another group. */
import { timePlot } from "./charts.ts";
import type { Experiment } from "./experiment.ts";
import { runPeers, type Wiring } from "./peers.ts";
import { dec, f, fullTable, list, nr, ns } from "./words.ts";

const WIRINGS: Readonly<Record<string, Wiring>> = {
  "lieu apart": { preset: "lieu" },
  "lieu balance": { preset: "lieu", balance: true },
  "lieu target": { preset: "lieu", path: true },
  "lieu target+low": { preset: "lieu", path: true, protect: true },
  "linux apart": { preset: "linux" },
  "linux target": { preset: "linux", path: true },
  "linux target+low": { preset: "linux", path: true, protect: true },
  "linux target+fenced": { preset: "linux", path: true, fenced: true },
};

/** Those of the plot; the others lie on its top line. */
const SHOWN = ["lieu apart", "lieu balance", "lieu target", "lieu target+low", "linux apart", "linux target"];

export const hostile: Experiment = {
  name: "hostile",
  title: "DRAM-to-DRAM targets under hostile pressure",
  question:
    "If a DRAM node may be a demotion target of another, can one group push another group's pages out of its own node?",
  method:
    "Two DRAM nodes of 16,384 pages, a slower one of 24,576, and swap. The victim holds 14,000 pages on dram1 and prefers it; one access in " +
    "eight is its own, Zipf 0.8. The aggressor prefers dram0 and cycles through three times its size. _apart_: dram0 demotes to the slow node. " +
    "_target_: dram0 demotes to dram1, and dram1 to the slow node. _balance_: lieu's peers, where only the pages of the group that makes the " +
    "pressure move, and only into room above the peer's high watermark. _low_: the victim's memory.low is its size. _fenced_: the aggressor's " +
    "mems leave dram1 out. Promotion is off. Demotion needs a lower tier, so _target_ is made by giving dram1 a tier of its own between the other two.",
  cells: () =>
    Object.entries(WIRINGS).map(([value, wiring]) => ({
      workload: "peers",
      value,
      options: {},
      custom: (quick) => runPeers(value, wiring, quick),
    })),
  conclude(results) {
    const values = Object.keys(WIRINGS);
    const get = (v: string) => results.get("peers", v);
    const pushed = (v: string): number => f(get(v), "pushed") + f(get(v), "swapped");
    const lost = (v: string): number => 100 * (1 - f(get(v), "home") / Math.max(1, f(get(v), "start")));
    const safe = values.filter((v) => pushed(v) < 0.01 * f(get(v), "start"));
    const worst = [...values].sort((a, b) => pushed(b) - pushed(a))[0] as string;
    const victim = (v: string): string => `${v}: ${ns(get(v).price.total)} ns`;
    return {
      answer: `${pushed("lieu target") > pushed("lieu apart") + 100 ? "Yes, as a plain target" : "Not seen here"}: ${nr(pushed("lieu target"))} moves of the victim's pages, down or to swap, under \`lieu\` so wired and ${nr(pushed("linux target"))} under \`linux\`. Under \`lieu\`, ${nr(pushed("lieu balance"))} with balancing and ${nr(pushed("lieu apart"))} with the nodes apart; under \`linux\`, ${nr(pushed("linux apart"))} even so, by allocation's fallback; with memory.low set and a target, ${nr(pushed("lieu target+low"))} and ${nr(pushed("linux target+low"))}.`,
      findings: [
        `Under one in a hundred of the victim's pages is ever touched by reclaim with ${list(safe)}; the most are with ${worst} (${nr(pushed(worst))} moves, ${dec(lost(worst))} % of its pages gone from its node at the end).`,
        `An access of the victim's: ${list(values.map(victim))}.`,
        `What the aggressor gets for it: ${list(values.map((v) => `${v}: ${ns(f(get(v), "greedyNs"))} ns`))}. It fits once it has the victim's node too, which is what it has to win.`,
        `Balancing moved ${nr(f(get("lieu balance"), "balanced"))} of the aggressor's own pages to the peer, as far as there was room above high; ${nr(f(get("lieu balance"), "greedyOnPeer"))} are there at the end, beside ${nr(f(get("lieu balance"), "home"))} of the victim's.`,
        `Under \`linux\`, with the peers apart, ${nr(pushed("linux apart"))} of the victim's pages are moved and ${nr(f(get("linux apart"), "greedyOnPeer"))} of the aggressor's end on dram1, because allocations fall back to the next node before their own is reclaimed.`,
      ],
      tables: [
        fullTable(
          results,
          "The victim: pages on its node at the start and at the end, moved down and swapped out, and prices",
          [
            ["at the start", (t) => nr(f(t, "start"))],
            ["at the end", (t) => nr(f(t, "home"))],
            ["moved down", (t) => nr(f(t, "pushed"))],
            ["swapped out", (t) => nr(f(t, "swapped"))],
            ["slow %", (t) => dec(t.share[1])],
            ["swap %", (t) => dec(t.share[2])],
            ["victim, ns/access", (t) => ns(t.price.total)],
            ["aggressor, ns/access", (t) => ns(f(t, "greedyNs"))],
            ["aggressor's on dram1", (t) => nr(f(t, "greedyOnPeer"))],
          ],
          false,
        ),
      ],
      plots: [
        timePlot("hostile", "The victim's pages on its own node", results, "peers", SHOWN, {
          y: "victim's pages on dram1",
          of: (m) => m.on0,
        }),
      ],
    };
  },
};
