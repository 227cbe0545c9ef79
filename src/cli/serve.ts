/** `lieu serve FILE`: a recorded run as the dashboard, in a browser. */
import type { Command } from "commander";
import { Feed } from "../server/feed.ts";
import { serveFeed } from "../server/http.ts";
import { readRun } from "../server/run-file.ts";
import type { Context } from "./context.ts";
import { interrupted, port } from "./watch.ts";

const NOTES = `
FILE is a report, as --report of lieu replay and lieu demo writes it. What is served can be looked at with lieu top, too. To see a
trace replayed as it goes on: lieu replay TRACE --watch.

Examples:
  $ lieu demo --report run.html
  $ lieu serve run.html --port 7070
  $ lieu top http://127.0.0.1:7070/
`;

export function addServe(program: Command, context: Context): void {
  program
    .command("serve")
    .summary("a recorded run in a browser")
    .description("Serve a recorded run as the dashboard, for programs of this machine alone; stay until Ctrl-C.")
    .argument("<file>", "a report")
    .option("--port <n>", "the port (default: one that is free)", port)
    .addHelpText("after", NOTES)
    .action(async (file: string, { port: at = 0 }: { port?: number }) => {
      const { header, frames } = readRun(file);
      const feed = new Feed(header, { phase: "ended" });
      for (const frame of frames) feed.push(frame);
      const server = await serveFeed(feed, { port: at, host: "127.0.0.1", token: undefined });
      try {
        context.stderr.write(`Watch it at ${server.url}\nThe dashboard stays until Ctrl-C.\n`);
        await interrupted(context.signal);
      } finally {
        await server.close();
      }
    });
}
