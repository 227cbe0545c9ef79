/** The example of a cluster on one memory, as it is started, with a process killed under load. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { describeShared, freshPath, SLOW } from "./helpers.ts";

/** How long a client waits for an answer once a process was killed. */
const PATIENCE_MS = 5000;

describeShared("examples/cluster.mjs", () => {
  test("serves from one cache, also while a process is killed", { timeout: SLOW }, async () => {
    const example = fileURLToPath(new URL("../../examples/cluster.mjs", import.meta.url));
    const path = freshPath();
    const server = spawn(process.execPath, [example, "0"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, LIEU_MEMORY: path },
    });
    const ended = once(server, "exit");
    try {
      const [said] = (await once(server.stdout, "data")) as [Buffer];
      const url = said.toString().trim().replace("localhost", "127.0.0.1").replace(/1$/, "");
      const servedBy = new Set<string>();
      const renderers = new Map<string, Set<string>>();
      let broken = 0;
      let victim: string | undefined;
      const get = async (page: number): Promise<void> => {
        let response: Response;
        let text: string;
        try {
          // node:cluster forgets a connection that it was about to hand to the one that was killed: nobody answers, nor closes it.
          const signal = AbortSignal.timeout(victim === undefined ? SLOW : PATIENCE_MS);
          response = await fetch(`${url}${page}`, { headers: { connection: "close" }, signal });
          text = await response.text();
        } catch {
          // Of the process that was killed.
          broken++;
          return;
        }
        expect(`${response.status} ${text.slice(0, 40)}`).toMatch(new RegExp(`^200 <h1>/${page}</h1>lorem`));
        expect(text.length).toBeGreaterThan(3600);
        servedBy.add(response.headers.get("x-served-by") as string);
        const renderer = response.headers.get("x-rendered-by") as string;
        const known = renderers.get(`/${page}`) ?? new Set();
        renderers.set(`/${page}`, known.add(renderer));
      };
      const load = (requests: number, at: number): Promise<unknown> =>
        Promise.all(Array.from({ length: requests }, (_, i) => get((at + i) % 20)));
      for (let i = 0; i < 5; i++) await load(16, i);
      expect(broken).toBe(0);
      // Each page was rendered once, whoever served it.
      expect([...renderers.values()].map(({ size }) => size)).toEqual(Array(20).fill(1));
      expect(servedBy.size).toBeGreaterThan(1);
      [victim] = [...servedBy];
      for (let i = 0; i < 10; i++) {
        if (i === 3) process.kill(Number(victim), "SIGKILL");
        await load(16, i * 7);
      }
      expect(broken).toBeLessThan(40);
      servedBy.clear();
      for (let i = 0; i < 3; i++) await load(16, i);
      expect(servedBy.has(victim as string)).toBe(false);
    } finally {
      server.kill();
      await ended;
    }
    // Its workers end when it does; the last removes the memory.
    for (let i = 0; i < 300 && fs.existsSync(path); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(fs.existsSync(path)).toBe(false);
  });
});
