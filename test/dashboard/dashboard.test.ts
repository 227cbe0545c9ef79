/** The dashboard in a real browser: what its numbers are, what a click does, that it fits and can be read by whoever. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { duration } from "../../dashboard/src/format.ts";
import { type Memory, type MemoryServer, openMemory } from "../../src/index.ts";
import { ReplayWatch } from "../../src/server/replay-watch.ts";
import { readRun } from "../../src/server/run-file.ts";
import { tierNames } from "../../src/server/series.ts";
import type { Snapshot } from "../../src/server/wire.ts";
import { zipf } from "../../src/trace/generate.ts";
import { replay } from "../../src/trace/replay.ts";
import { lieu } from "../cli/support.ts";
import {
  colours,
  cssColour,
  DESKTOP,
  describeBrowser,
  launch,
  numbersBy,
  openPage,
  overflow,
  PHONE,
  picturesShown,
  violations,
} from "./browser.ts";

// Where the machine has much else to do, axe-core takes its time.
vi.setConfig({ testTimeout: 90_000 });

const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 60_000 });

describeBrowser("the dashboard", () => {
  let browser: Browser;
  let memory: Memory;
  let server: MemoryServer;
  let work: () => void;
  const folder = mkdtempSync(join(tmpdir(), "lieu-dashboard-"));

  beforeAll(async () => {
    browser = await launch();
    memory = await openMemory({
      nodes: { dram: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } },
      swap: [{ kind: "file", path: join(folder, "x.swap"), size: "4MiB" }],
      seed: 1,
    });
    server = await memory.serve({ interval: 50, title: "shop <1>" });
    const group = memory.group("web", { low: "64KiB" });
    const cache = memory.cache<string>({ name: "users", maxSize: "6MiB", group });
    const region = memory.map("1MiB");
    let n = 0;
    work = () => {
      for (let i = 0; i < 500; i++, n++) {
        const key = `k${(n * n) % 9973}`;
        if (cache.get(key) === undefined) cache.set(key, "x".repeat(900));
        region.writeUint8((n * 977) % (1 << 20), 1);
      }
    };
    for (let i = 0; i < 30; i++) {
      work();
      memory.tick();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  afterAll(async () => {
    await browser?.close();
    await memory?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // First, as long as the server has what was before the nodes were full.
  test("one cursor for all plots: by pointer, by keyboard, and kept where it was clicked", async () => {
    const { page, said } = await openPage(browser, server.url);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Halted: the program goes on.").waitFor();
    const moment = () => page.locator("[data-test=moment]").textContent();
    const inUse = () => page.locator('[data-value="in use"]').first().textContent();
    const latest = [await moment(), await inUse()];
    const plot = await page.locator(".u-over").first().boundingBox();
    await page.mouse.move((plot?.x ?? 0) + 2, (plot?.y ?? 0) + 20);
    await eventually(moment).not.toBe(latest[0]);
    // The same part of each plot's width, of the map's too; all that have time to the right.
    const places =
      (await page.evaluate(`[...document.querySelectorAll(".u-over .u-cursor-x, .map-cursor")].map((line) => {
      const of = line.parentElement.querySelector("canvas") ?? line.parentElement;
      const [at, whole] = [line.getBoundingClientRect(), of.getBoundingClientRect()];
      return at.left < whole.left - 2 ? "away" : (at.left - whole.left) / whole.width;
    })`)) as (number | "away")[];
    const shown = places.filter((place) => place !== "away");
    // Two nodes, what moves, the map, what serves, latency, reclaim.
    expect(shown.length).toBe(7);
    for (const place of shown) expect(place).toBeLessThan(0.02);
    await page.mouse.click((plot?.x ?? 0) + 2, (plot?.y ?? 0) + 20);
    await page.mouse.move(5, 5);
    const chosen = await moment();
    expect(chosen).not.toBe(latest[0]);
    expect(await inUse()).not.toBe(latest[1]);
    await page.getByRole("slider", { name: "Time" }).focus();
    await page.keyboard.press("End");
    await eventually(moment).toBe(latest[0]);
    await page.keyboard.press("Home");
    await eventually(moment).not.toBe(latest[0]);
    await page.getByRole("button", { name: "Latest" }).click();
    await eventually(moment).toBe(latest[0]);
    await page.getByRole("button", { name: "Follow" }).click();
    await page.getByText("Live.").waitFor();
    expect(said).toEqual([]);
    await page.close();
  });

  test.each([
    ["wide and light", DESKTOP],
    ["wide and dark", { ...DESKTOP, colorScheme: "dark" as const }],
    ["360 px and light", { ...PHONE, colorScheme: "light" as const }],
    ["360 px and dark", PHONE],
  ])("fits and is accessible: %s", async (_, look) => {
    const { page, said } = await openPage(browser, server.url, look);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Every counter").click();
    expect(await overflow(page)).toBe(0);
    expect(await violations(page)).toEqual([]);
    const dark = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(dark).toBe(look.colorScheme === "dark" ? "rgb(15, 19, 24)" : "rgb(244, 245, 247)");
    await page.getByLabel("Theme").selectOption(look.colorScheme === "dark" ? "light" : "dark");
    await eventually(() => page.evaluate("getComputedStyle(document.body).backgroundColor")).not.toBe(dark);
    expect(said).toEqual([]);
    await page.close();
  });

  test("shows what vmstat() says, of the memory and of each node", async () => {
    const { page, said } = await openPage(browser, server.url);
    await page.getByText("Every counter").click();
    // Nobody uses the memory, but for promotion's scan, now and then: what is shown will be what is.
    await vi.waitFor(
      async () => {
        expect(await numbersBy(page, "data-counter")).toEqual(memory.vmstat());
        for (const node of memory.nodes()) {
          expect(await numbersBy(page, "data-node-counter", `[data-node="${node.name}"]`)).toEqual(node.vmstat());
        }
      },
      { timeout: 60_000, interval: 100 },
    );
    const { pgdemote_kswapd, pgdemote_direct, pswpout, pgpromote_success } = memory.vmstat();
    expect(pgdemote_kswapd + pgdemote_direct + pswpout + pgpromote_success).toBeGreaterThan(0);
    expect(await page.title()).toBe("shop <1> – lieu");
    expect(said).toEqual([]);
    await page.close();
  });

  test("the map has the colours of the nodes that pages are on, or of their ages", async () => {
    const { page, said } = await openPage(browser, server.url);
    const map = ".map canvas";
    await page.waitForTimeout(300);
    const hex = (colour: string) => [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16)).join(",");
    const byPlace = await colours(page, map);
    const nodes = await Promise.all([0, 1].map((i) => cssColour(page, `node-${i}`)));
    expect(new Set(nodes).size).toBe(2);
    for (const colour of nodes) expect(byPlace[hex(colour)]).toBeGreaterThan(100);
    await page.getByLabel("how long idle").check();
    await page.waitForTimeout(300);
    const byAge = await colours(page, map);
    expect(byAge[hex("#f0f921")]).toBeGreaterThan(100);
    expect(byAge[hex(nodes[0] as string)]).toBeUndefined();
    expect(await violations(page)).toEqual([]);
    const box = await page.locator(map).boundingBox();
    await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) - 5, (box?.y ?? 0) + 10);
    await page.getByText(/^Pages [\d,]+ to [\d,]+, from .*: one of them/).waitFor();
    expect(said.filter((text) => !text.includes("willReadFrequently"))).toEqual([]);
    await page.close();
  });

  test("each kind of move has a colour of its own", async () => {
    const { page } = await openPage(browser, server.url);
    const swatches = page.locator("[aria-labelledby=moves-title] .swatch");
    const used = await swatches.evaluateAll((list) =>
      list.map((swatch) =>
        (swatch as unknown as { style: { getPropertyValue(n: string): string } }).style.getPropertyValue("--colour"),
      ),
    );
    expect(used).toHaveLength(6);
    expect(new Set(used).size).toBe(6);
    await page.close();
  });

  test("the curve of a cache, with what it says at the cache's size, and what the cache misses", async () => {
    const { page, said } = await openPage(browser, server.url);
    await page.getByRole("heading", { name: "More or less for users" }).waitFor();
    const [cache] = memory.caches();
    const { hits, misses } = cache?.stats() ?? { hits: 0, misses: 0 };
    const read = (name: string) => page.locator(`[data-value="${name}"]`).textContent();
    const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;
    await eventually(() => read("this cache misses")).toBe(percent(misses / (hits + misses)));
    const curve = cache?.curve();
    const lru = Number(curve?.missRatio(cache?.maxSize ?? 0).toFixed(4));
    expect(await read("LRU of its size")).toBe(percent(lru));
    expect(lru).toBeGreaterThan(0);
    expect(said).toEqual([]);
    await page.close();
  });

  test("asks for a token where there is one, and hides the one that came in the address", async () => {
    const other = await openMemory({ nodes: { dram: { kind: "dram", size: "2MiB" } } });
    const { url } = await other.serve({ token: "s3cret", interval: 50 });
    const { page, said } = await openPage(browser, url);
    expect(page.url()).not.toContain("s3cret");
    expect(said).toEqual([]);
    await page.close();
    const stranger = await browser.newPage();
    await stranger.goto(url.replace(/#.*/, ""));
    await stranger.getByLabel("The token that serve() gave").fill("s3cret");
    await stranger.getByRole("button", { name: "Show" }).click();
    await stranger.getByRole("heading", { name: "Node dram" }).waitFor();
    await stranger.close();
    await other.close();
  });

  test("a replay can be paused, stepped, sent on and let go, and ends as the replay did", {
    timeout: 240_000,
  }, async () => {
    const trace = zipf({ keys: 1500, requests: 100_000, alpha: 0.8, writeRatio: 0.3 });
    let served: (url: string) => void = () => undefined;
    const url = new Promise<string>((resolve) => {
      served = resolve;
    });
    const address = { port: 0, host: "127.0.0.1", token: undefined };
    const watch = new ReplayWatch({ title: "zipf", address, pace: 1000, paused: true, onServe: served });
    const running = replay(trace, { as: "region" }, { observer: watch });
    const { page, said } = await openPage(browser, await url);
    const status = page.locator(".status");
    await eventually(() => status.textContent()).toBe("Paused at 0 of 100,000 requests.");
    const done = async () => Number(/([\d,]+) of/.exec((await status.textContent()) ?? "")?.[1]?.replaceAll(",", ""));
    await page.getByRole("button", { name: "Step" }).click();
    await eventually(done).toBe(1024);
    await page.getByRole("button", { name: "Resume" }).click();
    await eventually(done).toBeGreaterThan(1024);
    await page.getByRole("button", { name: "Pause" }).click();
    await eventually(() => status.textContent()).toMatch(/^Paused at [\d,]+ of 100,000 requests\.$/);
    const before = await done();
    expect(before).toBeLessThan(100_000);
    await page.getByRole("button", { name: "Step" }).click();
    await eventually(done).toBe(before + 1024);
    const slider = page.getByRole("slider", { name: "Time" });
    await slider.fill("50000");
    await eventually(done).toBe(Math.ceil(50_000 / 1024) * 1024);
    await eventually(() => status.textContent()).toMatch(/^Paused/);
    await page.getByLabel("Speed").selectOption("full speed");
    await page.getByRole("button", { name: "Resume" }).click();
    const { vmstat, hitsByTier, misses } = await running;
    await eventually(() => status.textContent()).toBe("Ended.");
    await page.getByText("Every counter").click();
    expect(await numbersBy(page, "data-counter")).toEqual(vmstat);
    expect(watch.run?.frames.at(-1)?.served).toEqual([...Object.values(hitsByTier), misses]);
    expect(said).toEqual([]);
    await page.close();
    await watch.close();
  });

  test.each([
    ["light", DESKTOP],
    ["360 px and dark", PHONE],
  ])("pages of plans and comparisons fit and are accessible: %s", async (_, look) => {
    const trace = fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url));
    const [run, both, plan] = ["run.html", "both.html", "plan.html"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await lieu("replay", trace, "--as", "region", "--limit", "40000", "--dram", "2MiB", "--report", run);
    expect((await lieu("compare", run, run, "--report", both)).status).toBe(0);
    expect((await lieu("plan", trace, "--limit", "10000", "--html", plan)).status).toBe(0);
    for (const file of [both, plan]) {
      const { page, said } = await openPage(browser, pathToFileURL(file).href, look);
      expect(await overflow(page)).toBe(0);
      expect(await violations(page)).toEqual([]);
      const pictures = await picturesShown(page);
      expect(pictures.length).toBeGreaterThan(0);
      for (const picture of pictures) {
        expect(picture.hidden, "pixels that are cut off, or must be scrolled to").toBe(0);
        expect(picture.letters, "height of the smallest letters").toBeGreaterThanOrEqual(9);
      }
      expect(said).toEqual([]);
      await page.close();
    }
  });

  test("a report is one page that needs nothing else", async () => {
    const file = join(folder, "report.html");
    const { status, stdout } = await lieu("demo", "--report", file, "--json");
    expect(status).toBe(0);
    const { vmstat } = JSON.parse(stdout) as { vmstat: Record<string, number> };
    const { page, said } = await openPage(browser, pathToFileURL(file).href, PHONE);
    expect(await page.locator(".status").textContent()).toBe("Ended.");
    expect(await page.getByRole("button", { name: "Pause" }).count()).toBe(0);
    await page.getByText("Every counter").click();
    expect(await numbersBy(page, "data-counter")).toEqual(vmstat);
    expect(await overflow(page)).toBe(0);
    expect(said).toEqual([]);
    expect(await violations(page)).toEqual([]);
    await page.close();
  });

  test("the latency panel has the median and the 99th percentile of each tier at the cursor", async () => {
    const file = join(folder, "latency.html");
    expect((await lieu("demo", "--report", file)).status).toBe(0);
    const { header, frames } = readRun(file);
    const { page, said } = await openPage(browser, pathToFileURL(file).href);
    const plot = page.locator("[aria-label^='Latency of gets']");
    const slider = page.getByRole("slider", { name: "Time" });
    for (const at of [(frames.at(-1) as Snapshot).at, (frames[frames.length >> 1] as Snapshot).at]) {
      await slider.fill(String(at));
      // It takes the nearest look.
      const shown = Number(
        /request ([\d,]+)/.exec((await slider.getAttribute("aria-valuetext")) ?? "")?.[1]?.replaceAll(",", ""),
      );
      const frame = frames.find((f) => Math.round(f.at) === shown);
      expect(frame?.latency.length).toBeGreaterThan(0);
      const label = (await plot.getAttribute("aria-label")) ?? "";
      for (const { tier, p50, p99 } of frame?.latency ?? [])
        expect(label).toContain(`${tierNames(header)[tier]} ${duration(p50)}, ${duration(p99)}`);
    }
    expect(Object.keys(await colours(page, "[aria-label^='Latency of gets'] canvas")).length).toBeGreaterThan(3);
    expect(said).toEqual([]);
    await page.close();
  });
});
