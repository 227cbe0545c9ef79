/** Servers of a test's own: Redis on the loopback interface, one or a cluster, gone with the test's process. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { createClient } from "redis";
import { type Describe, requireCommand } from "./requires.ts";

/** `describe`, where there is a redis-server. */
export const describeWithRedis: Describe = requireCommand("redis-server", "apt-get install redis-server");

export interface Server {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** A command, as a client of its own gives it. */
  command(...args: string[]): Promise<unknown>;
  kill(signal?: NodeJS.Signals): void;
  /** Start again on the same port, after a kill. */
  restart(): Promise<void>;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();
process.once("exit", () => {
  for (const server of running) server.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A port that is free now, and whose cluster bus port is a port too. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = net.createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => (port < 55_000 ? done(port) : freePort().then(done, fail)));
    });
  });
}

/** Start a server with these options, as in redis.conf. `url`: what tests connect by, if it is not the plain one. */
export async function startRedis(options: Record<string, string> = {}, auth = ""): Promise<Server> {
  const port = Number(options["tls-port"] ?? options.port ?? (await freePort()));
  const folder = mkdtempSync(join(tmpdir(), "lieu-redis-"));
  folders.add(folder);
  const tls = options["tls-port"] !== undefined;
  const all = {
    port: tls ? "0" : `${port}`,
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "no",
    logfile: join(folder, "log"),
    ...options,
  };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const url = `${tls ? "rediss" : "redis"}://${auth}127.0.0.1:${port}`;
  const launch = (): ChildProcess => {
    const child = spawn("redis-server", args, { stdio: "ignore" });
    running.add(child);
    child.once("exit", () => running.delete(child));
    return child;
  };
  const command = async (...words: string[]): Promise<unknown> => {
    const socket = { reconnectStrategy: false as const, ...(tls && { tls: true as const, rejectUnauthorized: false }) };
    const client = createClient({ url, socket });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  };
  const answers = async (): Promise<void> => {
    for (let tries = 0; ; tries++) {
      try {
        await command("PING");
        return;
      } catch (error) {
        if (tries > 200) throw new Error(`redis-server: ${error}\n${readFileSync(join(folder, "log"), "utf8")}`);
        // While it was gone, a connection of somebody's may have been given its port.
        if (child.exitCode !== null) child = launch();
        await new Promise((later) => setTimeout(later, 50));
      }
    }
  };
  let child = launch();
  await answers();
  return {
    port,
    url,
    get process() {
      return child;
    },
    command,
    kill: (signal = "SIGKILL") => void child.kill(signal),
    async restart() {
      child = launch();
      await answers();
    },
  };
}

/** A cluster of three servers without replicas. */
export async function startCluster(): Promise<Server[]> {
  const options = { "cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "cluster-node-timeout": "2000" };
  const servers = await Promise.all([0, 1, 2].map(() => startRedis(options)));
  const bounds = [0, 5461, 10923, 16384];
  const all = servers.map((server, i) =>
    server.command("CLUSTER", "ADDSLOTSRANGE", `${bounds[i]}`, `${(bounds[i + 1] as number) - 1}`),
  );
  await Promise.all(all);
  for (const { port } of servers.slice(1)) await servers[0]?.command("CLUSTER", "MEET", "127.0.0.1", `${port}`);
  for (const server of servers) {
    while (!String(await server.command("CLUSTER", "INFO")).includes("cluster_state:ok")) {
      await new Promise((later) => setTimeout(later, 50));
    }
  }
  return servers;
}

/** What the proxy's thread runs, as the test's own is blocked while it waits for a page. */
const PROXY = `
const { parentPort, workerData } = require("node:worker_threads");
const net = require("node:net");
const { to, cutAfter, delay } = workerData;
const server = net.createServer((client) => {
  const target = net.connect(to, "127.0.0.1");
  const end = () => {
    client.destroy();
    target.destroy();
  };
  client.on("data", (bytes) => {
    const left = Atomics.load(cutAfter, 0);
    if (left < 0 || bytes.length < left) {
      if (left >= 0) Atomics.sub(cutAfter, 0, bytes.length);
      target.write(bytes);
      return;
    }
    Atomics.store(cutAfter, 0, -1);
    client.destroy();
    target.end(bytes.subarray(0, left));
  });
  // In their order, however long each has to wait.
  let sent = Promise.resolve();
  target.on("data", (bytes) => {
    const ms = Atomics.load(delay, 0);
    const due = ms > 0 ? new Promise((done) => setTimeout(done, ms)) : undefined;
    sent = sent.then(() => due).then(() => void client.write(bytes));
  });
  for (const socket of [client, target]) socket.on("error", end).on("close", end);
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

/** A TCP proxy in front of a port, which cuts a connection after a number of bytes to the server. */
export async function startProxy(to: number): Promise<TcpProxy> {
  const cutAfter = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
  const delay = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(PROXY, { eval: true, workerData: { to, cutAfter, delay } });
  const port = await new Promise<number>((done, fail) => worker.once("message", done).once("error", fail));
  return {
    url: `redis://127.0.0.1:${port}`,
    delay: (ms) => void Atomics.store(delay, 0, ms),
    cutAfter: (bytes) => void Atomics.store(cutAfter, 0, bytes),
    stop: async () => void (await worker.terminate()),
  };
}
export interface TcpProxy {
  readonly url: string;
  /** From now on, let answers wait for so many milliseconds. */
  delay(ms: number): void;
  /** Cut the connection after so many more bytes to the server, once. */
  cutAfter(bytes: number): void;
  stop(): Promise<void>;
}
