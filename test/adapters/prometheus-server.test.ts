/** A real Prometheus that scrapes a memory over loopback, and the queries of the dashboard that ships, each asked there. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import prom from "prom-client";
import { afterAll, expect, test } from "vitest";
import { registerMemory } from "../../src/adapters/prometheus.ts";
import { openMemorySync } from "../../src/index.ts";
import { requireCommand } from "../support/requires.ts";

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

const dashboard = JSON.parse(readFileSync("docs/grafana/lieu.json", "utf8")) as Dashboard;
const ends: (() => void | Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A memory at work: its caches are read and written ten times a second, more than fits. */
function busyMemory() {
  const memory = openMemorySync({
    nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
    zswap: { size: "256KiB" },
  });
  const group = memory.group("tenant", { max: "2MiB" });
  const users = memory.cache<Buffer>({ name: "users", maxSize: "1MiB", group });
  const region = memory.map("2MiB");
  let n = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 200; i++, n++) {
      if (users.get(`k${n % 997}`) === undefined) users.set(`k${n % 997}`, Buffer.alloc(1000, n), { ttl: 1000 });
      region.write((n % 512) * 4096, Buffer.alloc(4096, n));
    }
  }, 50);
  ends.push(() => {
    clearInterval(timer);
    memory[Symbol.dispose]();
  });
  return memory;
}

requireCommand("prometheus", "apt-get install prometheus")("Prometheus", () => {
  test("scrapes a memory, and each query of the dashboard has an answer", { timeout: 90_000 }, async () => {
    const memory = busyMemory();
    const registry = new prom.Registry();
    registerMemory(memory, { registry });
    const server = createServer((_, response) => {
      registry.metrics().then(
        (text) => response.setHeader("content-type", registry.contentType).end(text),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    ends.push(() => void server.close());

    const folder = mkdtempSync(join(tmpdir(), "lieu-prometheus-"));
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(
      join(folder, "prometheus.yml"),
      `global: { scrape_interval: 500ms }\nscrape_configs: [{ job_name: lieu, static_configs: [{ targets: ["${target}"] }] }]\n`,
    );
    const port = await freePort();
    const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn("prometheus", [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    ends.push(() => {
      child.kill("SIGKILL");
      return gone;
    });

    const ask = async (query: string): Promise<Answer> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
      return (await (await fetch(url)).json()) as Answer;
    };
    const until = async (query: string): Promise<Answer> => {
      for (const end = Date.now() + 40_000; ; ) {
        const answer = await ask(query).catch(() => undefined);
        if (answer?.status === "error") throw new Error(`${query}: ${answer.error}`);
        if ((answer?.data?.result.length ?? 0) > 0) return answer as Answer;
        if (Date.now() > end) throw new Error(`no answer to ${query}`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    };
    const size = await until('lieu_node_size_bytes{node="dram"}');
    expect(size.data?.result.map(({ metric, value }) => [metric.memory, Number(value[1])])).toEqual([
      ["main", 1 << 20],
    ]);

    const queries = dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));
    expect(queries.length).toBeGreaterThan(20);
    for (const [title, expr] of queries) {
      const asked = expr.replaceAll("$__rate_interval", "5s").replaceAll("$memory", "main");
      const { data } = await until(asked);
      expect(data?.result.length, `${title}: ${asked}`).toBeGreaterThan(0);
    }
  });
});
