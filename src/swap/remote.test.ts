import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { expectPage, fillPage, pageAddrs, sharedPages, swapDeviceContract } from "../../test/contract/swap-device.ts";
import {
  describeWithRedis,
  freePort,
  type Server,
  startCluster,
  startProxy,
  startRedis,
} from "../../test/support/redis.ts";
import { requireCommand } from "../../test/support/requires.ts";
import { PAGE_SIZE, type RemoteDescriptor, type SwapDevice } from "./device.ts";
import { openRemoteDevice, type RemoteDeviceOptions } from "./remote.ts";
import { HEAD, LANE, laneClock, NR_LANES, POLLS, TAKEN } from "./remote-lanes.ts";

const SLOTS = 1024;
/** Milliseconds, where what happens in time is not the matter: a machine that stalls is none of it. */
const PATIENT = 4000;
const memory = sharedPages(34);
const opened: SwapDevice[] = [];
let server: Server;
afterEach(() => {
  for (const device of opened.splice(0)) device.close();
});

function open(options: Partial<RemoteDeviceOptions> = {}): SwapDevice {
  const device = openRemoteDevice({ url: server?.url, size: SLOTS * PAGE_SIZE, timeout: PATIENT, ...options });
  opened.push(device);
  return device;
}
async function start(options: Record<string, string> = {}, auth = ""): Promise<Server> {
  const started = await startRedis(options, auth);
  onTestFinished(() => started.kill());
  return started;
}
/** Write pages that these seeds make to the slots from `slot` on. */
function write(device: SwapDevice, slot: number, ...seeds: number[]): void {
  seeds.forEach((seed, i) => {
    fillPage(memory, i, seed);
  });
  device.write(slot, seeds.length, memory, pageAddrs(...seeds.keys()));
}
function expectSlot(device: SwapDevice, slot: number, seed: number): void {
  fillPage(memory, 33, -2);
  device.read(slot, memory, 33 * PAGE_SIZE);
  expectPage(memory, 33, seed);
}
/** Whether a page can be written and read back now. */
function works(device: SwapDevice): boolean {
  try {
    write(device, SLOTS - 1, 77);
    expectSlot(device, SLOTS - 1, 77);
    return true;
  } catch {
    return false;
  }
}
async function keysOf(of: Server, prefix: string): Promise<string[]> {
  return (await of.command("KEYS", `${prefix}:*`)) as string[];
}
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await holds()); await new Promise((later) => setTimeout(later, 20))) {
    if (Date.now() > end) throw new Error("it did not come to be");
  }
}

describeWithRedis("swap on one server", () => {
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.kill());

  swapDeviceContract("remote", (slots) =>
    openRemoteDevice({ url: server.url, size: slots * PAGE_SIZE, timeout: PATIENT }),
  );

  test("what it keeps has a time to live and a prefix, and goes when it is closed", async () => {
    const device = open({ prefix: "mine", ttl: 60_000 });
    write(device, 0, 1, 2, 3);
    const keys = await keysOf(server, "mine");
    expect(keys).toEqual([expect.stringMatching(/^mine:[\w-]{12}:0$/)]);
    expect(Number(await server.command("PTTL", keys[0] as string))).toBeGreaterThan(50_000);
    device.free(1);
    await until(async () => Number(await server.command("HLEN", keys[0] as string)) === 2);
    device.close();
    await until(async () => (await keysOf(server, "mine")).length === 0);
  });

  test("time to live is set anew while the device is there", async () => {
    const device = open({ ttl: 10_000, prefix: "kept" });
    write(device, 0, 1);
    const [key] = (await keysOf(server, "kept")) as [string];
    await server.command("PEXPIRE", key, "5000");
    await until(async () => Number(await server.command("PTTL", key)) > 8000);
  });

  test("a page that is asked for ahead is read without waiting, and not if it was written anew meanwhile", async () => {
    const device = open();
    write(device, 3, 7);
    await device.readAhead?.(3);
    server.kill("SIGSTOP");
    try {
      const start = performance.now();
      expectSlot(device, 3, 7);
      expect(performance.now() - start).toBeLessThan(PATIENT);
    } finally {
      server.kill("SIGCONT");
    }
    await device.readAhead?.(3);
    write(device, 3, 8);
    expectSlot(device, 3, 8);
    // What is not there is no error, but for who reads it.
    await device.readAhead?.(5);
    expect(() => device.read(5, memory, 0)).toThrow(expect.objectContaining({ code: "EIO" }));
  });

  test("another thread that attaches to it has the same slots", async () => {
    const device = open();
    write(device, 0, 4);
    const text = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.url).then(({ attachDevice }) => {
        const device = attachDevice(workerData.descriptor);
        device.read(0, workerData.memory, 4096);
        device.write(1, 1, workerData.memory, Uint32Array.of(8192));
        device.close();
        parentPort.postMessage("done");
      });`;
    fillPage(memory, 2, 9);
    const url = new URL("../../dist/swap/attach.js", import.meta.url).href;
    const worker = new Worker(text, { eval: true, workerData: { url, descriptor: device.descriptor?.(), memory } });
    await new Promise((done, fail) => worker.once("message", done).once("error", fail));
    await worker.terminate();
    expectPage(memory, 1, 4);
    expectSlot(device, 1, 9);
  });

  test("a value that is gone, of another length or of another type is an EIO", async () => {
    const device = open({ prefix: "spoilt" });
    write(device, 0, 1, 2);
    const [key] = (await keysOf(server, "spoilt")) as [string];
    const fields = (await server.command("HKEYS", key)) as string[];
    await server.command("HSET", key, fields[0] as string, "short");
    // Fields have no order, and no names that tell their slots.
    const spoilt = [0, 1].filter((slot) => {
      try {
        device.read(slot, memory, 0);
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: "EIO" });
        return true;
      }
    });
    expect(spoilt.length).toBe(1);
    expectSlot(device, spoilt[0] === 0 ? 1 : 0, spoilt[0] === 0 ? 2 : 1);
    await server.command("SET", key, "a string");
    expect(() => device.read(1, memory, 0)).toThrow(expect.objectContaining({ code: "EIO" }));
    expect(() => write(device, 2, 1)).toThrow(expect.objectContaining({ code: "EIO" }));
    await server.command("DEL", key);
    expect(() => device.read(1, memory, 0)).toThrow(expect.objectContaining({ code: "EIO" }));
    write(device, 2, 6);
    expectSlot(device, 2, 6);
  });
});

describeWithRedis("a server in trouble", () => {
  test("killed: an EIO, at once from then on; when it is back, it is used again", async () => {
    const server = await start();
    const device = open({ url: server.url });
    write(device, 0, 1);
    server.kill();
    expect(() => device.read(0, memory, 0)).toThrow(expect.objectContaining({ code: "EIO" }));
    const start0 = performance.now();
    for (let i = 0; i < 100; i++) expect(() => write(device, 1, 1)).toThrow(expect.objectContaining({ code: "EIO" }));
    expect(performance.now() - start0).toBeLessThan(1000);
    await server.restart();
    await until(() => works(device));
    expect(() => device.read(0, memory, 0)).toThrow(expect.objectContaining({ code: "EIO" }));
  });

  test("who waits for an answer looks for it only for a short while, and then sleeps", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    const device = open({ url: proxy.url, timeout: 2000 });
    const descriptor = device.descriptor?.() as RemoteDescriptor;
    const { words } = descriptor.lanes;
    write(device, 0, 1);
    expectSlot(device, 0, 1);
    proxy.delay(100);
    /** CPU time that a read that waits for 100 ms takes, ms. */
    const cost = (): number => {
      const before = process.cpuUsage();
      const start = performance.now();
      expectSlot(device, 0, 1);
      expect(performance.now() - start).toBeGreaterThanOrEqual(50);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    expect(Math.min(cost(), cost(), cost())).toBeLessThan(40);
    const lanes = Array.from({ length: NR_LANES }, (_, lane) => HEAD + lane * LANE);
    const idle = (): boolean => lanes.every((w) => words[w + POLLS] === 0 && words[w + TAKEN] === 0);
    expect(idle()).toBe(true);
    await proxy.stop();
    await until(() => !works(device));
    expect(idle()).toBe(true);
  });

  test("threads that were terminated while they waited keep no lane, and count for nobody", async () => {
    const server = await start();
    const device = open({ url: server.url, timeout: 1000 });
    const descriptor = device.descriptor?.() as RemoteDescriptor;
    const { words } = descriptor.lanes;
    write(device, 0, 1);
    for (let lane = 0; lane < NR_LANES; lane++) {
      words[HEAD + lane * LANE + TAKEN] = laneClock(1500);
      words[HEAD + lane * LANE + POLLS] = 1;
    }
    // As long as they may live their lanes are theirs.
    expect(() => expectSlot(device, 0, 1)).toThrow("no answer within");
    expectSlot(device, 0, 1);
    expectSlot(device, 0, 1);
    expect(words[HEAD + TAKEN]).toBe(0);
    expect(words[HEAD + POLLS]).toBe(0);
  });

  test("hung: one operation waits for its time, no other does; late writes reach nobody", async () => {
    const server = await start();
    const device = open({ url: server.url, timeout: 300 });
    write(device, 0, 1);
    server.kill("SIGSTOP");
    const start0 = performance.now();
    expect(() => write(device, 5, 2)).toThrow(expect.objectContaining({ code: "EIO" }));
    for (let i = 0; i < 100; i++) expect(() => device.read(0, memory, 0)).toThrow(/EIO/);
    expect(performance.now() - start0).toBeLessThan(900);
    server.kill("SIGCONT");
    await until(() => works(device));
    expectSlot(device, 0, 1);
    write(device, 5, 3);
    await new Promise((later) => setTimeout(later, 100));
    expectSlot(device, 5, 3);
  });

  test("slow: what an operation waits for adds up to its time, and no more; the next has its own", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    const device = open({ url: proxy.url, timeout: 600 });
    for (let slot = 0; slot < 20; slot++) write(device, slot, slot);
    proxy.delay(100);
    for (let operation = 0; operation < 3; operation++) {
      const begun = performance.now();
      device.begin?.();
      let right = 0;
      for (let slot = 0; slot < 20; slot++) {
        try {
          expectSlot(device, slot, slot);
          right++;
        } catch (error) {
          expect(error).toMatchObject({ code: "EIO" });
        }
      }
      // Not 20 times 100 ms, though none of them alone took too long.
      expect(performance.now() - begun).toBeLessThan(1100);
      expect(right).toBeGreaterThan(0);
      expect(right).toBeLessThan(7);
    }
    proxy.delay(0);
    for (let slot = 0; slot < 20; slot++) {
      device.begin?.();
      expectSlot(device, slot, slot);
    }
  });

  test("full: ENOSPC, and what it has is still read; room is found again", async () => {
    const server = await start({ maxmemory: "3mb", "maxmemory-policy": "noeviction" });
    const device = open({ url: server.url });
    let written = 0;
    expect(() => {
      for (; written < SLOTS; written++) write(device, written, written);
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    expect(written).toBeGreaterThan(64);
    for (let slot = 0; slot < written; slot++) expectSlot(device, slot, slot);
    for (let slot = 0; slot < 64; slot++) device.free(slot);
    await until(() => works(device));
  });

  test("cut off in the middle of a batch, it is an EIO, and the same slots can be written again", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    const device = open({ url: proxy.url });
    for (const bytes of [10, 5000, 40_000, 100_000]) {
      proxy.cutAfter(bytes);
      const pages = Array.from({ length: 32 }, (_, i) => i + bytes);
      expect(() => write(device, 16, ...pages)).toThrow(expect.objectContaining({ code: "EIO" }));
      await until(() => works(device));
      write(device, 16, ...pages);
      pages.forEach((page, i) => {
        expectSlot(device, 16 + i, page);
      });
    }
  });

  test("a wrong password is EACCES, and no message has a password in it", async () => {
    const server = await start({ requirepass: "open sesame" }, ":open%20sesame@");
    const right = open({ url: server.url });
    write(right, 0, 1);
    expectSlot(right, 0, 1);
    const wrong = (url: string, code: string): void => {
      try {
        open({ url });
        expect.unreachable();
      } catch (error) {
        const { message, stack } = error as Error;
        expect(error).toMatchObject({ code });
        expect(`${message} ${stack} ${inspect(error)}`).not.toMatch(/barrel|guest/);
      }
    };
    wrong(server.url.replace("open%20sesame", "barrel"), "EACCES");
    wrong(server.url.replace(":open%20sesame", "guest:barrel"), "EACCES");
    wrong(server.url.replace("open%20sesame", "barrel").replace(/\d+$/, `${await freePort()}`), "EIO");
    wrong("http://guest:barrel@127.0.0.1", "EINVAL");
    wrong("redis://guest:barrel@127.0.0.1/database", "EINVAL");
    wrong("redis:// guest:barrel", "EINVAL");
    wrong("redis://guest:barrel%zz@127.0.0.1", "EINVAL");
    wrong("redis://guest%:barrel@127.0.0.1", "EINVAL");
    expect(inspect(right, { depth: 9, showHidden: true })).not.toContain("sesame");
  });

  test("with fallback, one that is not there yet is a warning", async () => {
    const port = await freePort();
    const warned = new Promise<Error & { code?: string }>((done) => process.once("warning", done));
    const device = open({ url: `redis://127.0.0.1:${port}`, fallback: true });
    expect((await warned).code).toBe("LIEU_FALLBACK");
    expect(() => write(device, 0, 1)).toThrow(/ECONNREFUSED/);
    await start({ port: `${port}` });
    await until(() => works(device));
  });
});

requireCommand("openssl", "apt-get install openssl")("TLS", () => {
  describeWithRedis("rediss:", () => {
    test("is used with the certificates that are given, and refused without", async () => {
      const folder = mkdtempSync(join(tmpdir(), "lieu-tls-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const [key, cert] = [join(folder, "key"), join(folder, "cert")];
      const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
      const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject];
      execFileSync("openssl", make, { stdio: "ignore" });
      const server = await start({
        "tls-port": `${await freePort()}`,
        "tls-cert-file": cert,
        "tls-key-file": key,
        "tls-ca-cert-file": cert,
        "tls-auth-clients": "no",
      });
      const device = open({ url: server.url, ca: readFileSync(cert, "utf8") });
      write(device, 0, 1);
      expectSlot(device, 0, 1);
      expect(() => open({ url: server.url })).toThrow(expect.objectContaining({ code: "EIO" }));
    });
  });
});

describeWithRedis("swap on a cluster", () => {
  let servers: Server[];
  beforeAll(async () => {
    servers = await startCluster();
  });
  afterAll(() => {
    for (const server of servers) server.kill();
  });

  swapDeviceContract("remote cluster", (slots) =>
    openRemoteDevice({ url: servers.map(({ url }) => url), size: slots * PAGE_SIZE, timeout: PATIENT }),
  );
});
