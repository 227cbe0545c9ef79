/** Room before loss, and the coldest first: what they buy against the kernel's way. */
import { pricePlot } from "./charts.ts";
import { cross, type Experiment, setting, some } from "./experiment.ts";
import { COLUMNS, f, fullTable, list, matrix, moves, nr, sumOf, tally, verdict } from "./words.ts";

const VALUES = ["linux", "lieu, neither", "lieu, room", "lieu, coldest", "lieu"];
const WORKLOADS = [
  "default-3x-zipf10",
  "phases",
  "default-3x-zipf08",
  "full-target",
  "bind0-3x-zipf10",
  "max48M",
  "scans",
  "loop",
  "default-3x-seq",
];

export const room: Experiment = {
  name: "room",
  title: "Room before loss, the coldest first",
  question: "What does it buy to swap nothing beside free memory, and to take what is coldest, wherever it lies?",
  method:
    "`roomFirst` and `coldestFirst` are switched, both, either and neither, all else of `lieu` is kept; beside them `linux`, which has neither, " +
    "as it stands. Without them reclaim takes a batch at a time, from each list its share, whatever other nodes have free.",
  cells: ({ quick, traces }) =>
    cross([...some(WORKLOADS, quick), ...traces], {
      linux: setting("linux"),
      "lieu, neither": setting("lieu", { roomFirst: false, coldestFirst: false }),
      "lieu, room": setting("lieu", { coldestFirst: false }),
      "lieu, coldest": setting("lieu", { roomFirst: false }),
      lieu: setting("lieu"),
    }),
  conclude(results) {
    const io = (value: string): number => sumOf(results, value, (t) => f(t, "pswpout") + f(t, "pswpin"));
    const scanned = (value: string): number =>
      sumOf(results, value, (t) => f(t, "pgscan_kswapd") + f(t, "pgscan_direct"));
    const both = tally(results, "lieu, neither", "lieu");
    const roomAlone = tally(results, "lieu, neither", "lieu, room");
    const coldest = tally(results, "lieu, neither", "lieu, coldest");
    const kernel = tally(results, "linux", "lieu");
    return {
      answer: `Swap traffic over all workloads goes ${moves(io("lieu, neither"), io("lieu"))} with both. Priced, ${verdict(both)}. Beside \`linux\` (${nr(io("linux"))} pages): ${verdict(kernel)}.`,
      findings: [
        `Room before loss alone: swap traffic ${moves(io("lieu, neither"), io("lieu, room"))}; ${verdict(roomAlone)}.`,
        `The coldest first alone: swap traffic ${moves(io("lieu, neither"), io("lieu, coldest"))}; ${verdict(coldest)}.`,
        `Pages that reclaim looks at: ${moves(scanned("lieu, neither"), scanned("lieu"))}; under \`linux\`, ${nr(scanned("linux"))}.`,
        ...(both.worse.length === 0 ? [] : [`With both it is dearer on ${list(both.worse)}.`]),
      ],
      tables: [
        matrix(results, "Swap traffic, pages out and in", VALUES, [
          "swap",
          (t) => nr(f(t, "pswpout") + f(t, "pswpin")),
        ]),
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        fullTable(results, "All figures"),
      ],
      plots: [pricePlot("room", "Price of an access, room before loss and the coldest first", results, VALUES)],
    };
  },
};
