/** Runs jobs, each in a process of its own, those of two sides in turn. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where a folder is in memory, on systems that have such a place. */
const MEMORY_FILES = "/dev/shm";
/** 5 M strings with all their keys do not fit what V8 allows itself on small machines. Every job gets the same. */
const FLAGS = ["--expose-gc", "--max-old-space-size=8192"];

/** A job that takes longer, in ms, has failed. */
const LIMITS = { timeout: 300_000, killSignal: "SIGKILL" };

const running = new Set();
const folders = new Set();

function cleanUp() {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
process.once("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** The result of `job-NAME.mjs` with `options`. lmdb is given a folder, which goes with the process. */
export async function runJob(name, options) {
  const start = performance.now();
  const folder = options.cache === "lmdb" ? mkdtempSync(join(memoryFolder(), "lieu-peers-")) : undefined;
  if (folder) folders.add(folder);
  const file = fileURLToPath(new URL(`job-${name}.mjs`, import.meta.url));
  try {
    return JSON.parse(await outputOf([...FLAGS, file, JSON.stringify({ ...options, folder })]));
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true });
    folders.delete(folder);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stderr.write(`${name} ${options.cache ?? ""} ${options.note ?? ""}: ${seconds} s\n`);
  }
}

function outputOf(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { ...LIMITS, stdio: ["ignore", "pipe", "inherit"] });
    running.add(child);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      if (code === 0) resolve(output);
      else reject(new Error(`${args[FLAGS.length].split(/[\\/]/).pop()} ended with ${signal ?? `code ${code}`}`));
    });
  });
}

function memoryFolder() {
  return existsSync(MEMORY_FILES) ? MEMORY_FILES : tmpdir();
}

/** Whether so many GiB are free now. */
export function hasRoom(gib) {
  return freemem() >= gib * 2 ** 30;
}

/** `rounds` results of `run(side)` for each side, in turn, each other round in the other order. */
export async function alternate(rounds, sides, run) {
  const results = Object.fromEntries(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      results[side].push(await run(side, `${round + 1}/${rounds}`));
    }
  }
  return results;
}

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
