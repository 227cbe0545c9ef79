/** `lieu serve`: a recorded run, or a memory that processes share, as the dashboard in a browser. */
import type { Command } from "commander";
import { Feed } from "../server/feed.ts";
import { type FeedServer, serveFeed } from "../server/http.ts";
import { NamedRecorder } from "../server/named-recorder.ts";
import { readRun } from "../server/run-file.ts";
import type { Context } from "./context.ts";
import { INTERVAL, isNamed } from "./named.ts";
import { interrupted, port } from "./watch.ts";

const NOTES = `
A report is what --report of lieu replay and lieu demo writes. A memory that processes share goes by its name, as in
openMemory({ shared: "/my-app" }): it is looked at once a second, from outside, by reading its file. What is served can be looked at with lieu top, too. To see a
trace replayed as it goes on: lieu replay TRACE --watch.

Examples:
  $ lieu demo --report run.html
  $ lieu serve run.html --port 7070
  $ lieu serve /my-app
  $ lieu top http://127.0.0.1:7070/
`;

export function addServe(program: Command, context: Context): void {
  program
    .command("serve")
    .summary("a recorded run, or a memory that processes share, in a browser")
    .description(
      "Serve a recorded run, or a memory that processes share, as the dashboard, for programs of this machine alone; stay until Ctrl-C.",
    )
    .argument("<what>", "a report, or the name of a memory, as in /my-app")
    .option("--port <n>", "the port (default: one that is free)", port)
    .addHelpText("after", NOTES)
    .action(async (what: string, { port: at = 0 }: { port?: number }) => {
      const { feed, end } = isNamed(what) ? lookAtNamed(what) : { feed: recorded(what), end: () => undefined };
      let server: FeedServer | undefined;
      try {
        server = await serveFeed(feed, { port: at, host: "127.0.0.1", token: undefined });
        context.stderr.write(`Watch it at ${server.url}\nThe dashboard stays until Ctrl-C.\n`);
        await interrupted(context.signal);
      } finally {
        end();
        await server?.close();
      }
    });
}

function recorded(file: string): Feed {
  const { header, frames } = readRun(file);
  const feed = new Feed(header, { phase: "ended" });
  for (const frame of frames) feed.push(frame);
  return feed;
}

function lookAtNamed(name: string): { feed: Feed; end: () => void } {
  const recorder = new NamedRecorder(name);
  const feed = new Feed(recorder.header, { phase: "live" });
  const look = (): void => {
    const snapshot = recorder.snapshot(Date.now() / 1000);
    if (snapshot !== undefined) feed.push(snapshot);
    else {
      // It is no more; what was seen stays.
      feed.setState({ phase: "ended" });
      end();
    }
  };
  const timer = setInterval(look, INTERVAL);
  const end = (): void => clearInterval(timer);
  look();
  return { feed, end };
}
