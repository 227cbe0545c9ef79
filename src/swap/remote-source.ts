/** The text of the worker of remote devices. In what is built, it stands here as a string (scripts/bundle.mjs). */
import { remoteConnection } from "./remote-connection.ts";
import { remoteWorker } from "./remote-worker.ts";

/** A script for `new Worker(text, { eval: true })`, whose workerData is {@link RemoteWorkerData}. */
export function remoteWorkerSource(): string {
  const start = `(${remoteWorker})(workerData, parentPort, require, ${remoteConnection});`;
  return `const { parentPort, workerData } = require("node:worker_threads");\n${start}\n`;
}
