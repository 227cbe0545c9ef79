/** The example of an HTTP server on a shared memory, as it is started. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("examples/threads.mjs serves what its workers render, each page rendered once", { timeout: 120_000 }, async () => {
  const example = fileURLToPath(new URL("../../examples/threads.mjs", import.meta.url));
  const server = spawn(process.execPath, [example, "0"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [said] = (await once(server.stdout, "data")) as [Buffer];
    const url = said.toString().trim();
    expect(url).toMatch(/^http:\/\/localhost:\d+\/1$/);
    const texts = await Promise.all(
      Array.from({ length: 8 }, async () => (await fetch(url.replace("localhost", "127.0.0.1"))).text()),
    );
    expect(texts[0]).toMatch(/^<h1>\/1<\/h1><p>by worker \d+<\/p>/);
    expect(new Set(texts).size).toBe(1);
  } finally {
    server.kill();
  }
});
