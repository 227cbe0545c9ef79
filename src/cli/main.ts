#!/usr/bin/env node
import { INTERRUPTED, runCli } from "./cli.ts";

// Whoever read our output has enough, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const status = await runCli(process.argv.slice(2));
process.exitCode = status;
// What was interrupted has cleaned up after itself, but a trace may still be on its way in.
if (status === INTERRUPTED) process.exit();
