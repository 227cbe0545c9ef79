/** A recorded run as one page that needs no server: the dashboard, with the snapshots in it. */
import { dashboardPage } from "./page.ts";
import type { Header, Snapshot } from "./wire.ts";

/** The HTML of a report. */
export function reportPage(run: { readonly header: Header; readonly frames: readonly Snapshot[] }): string {
  // Text that could end the element it stands in is written so that it does not.
  const json = JSON.stringify(run).replaceAll("<", "\\u003c");
  const recorded = `<script type="application/json" id="lieu-run">${json}</script>`;
  return dashboardPage().replace('<script type="module"', () => `${recorded}\n    <script type="module"`);
}
