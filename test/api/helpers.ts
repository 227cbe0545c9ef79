/** What the tests of the public API share: small memories on a virtual clock, and how an error must look. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import {
  type Harness,
  isLieuError,
  type Memory,
  type MemoryOptions,
  openMemorySync,
  simCrank,
} from "../../src/index.ts";

export const PAGE = 4096;
export const MIB = 2 ** 20;

/** A memory that stands still unless told: 1 MiB of fast memory above 2 MiB of slow. */
export function twoTiers(options: Partial<MemoryOptions> = {}, harness: Harness = {}): Memory {
  const nodes = { fast: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "2MiB", tier: 1 } } as const;
  return openMemorySync({ nodes, pretouch: false, ...options }, { crank: simCrank(), ...harness });
}

/** An error of lieu's with this code, whose message holds all of `parts`. */
export function expectError(action: () => unknown, code: string, ...parts: string[]): void {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  expect(error, "should have thrown").toBeDefined();
  if (!isLieuError(error)) throw error;
  expect(error.message).toMatch(new RegExp(`^${code}: `));
  expect(error.code).toBe(code);
  for (const part of parts) expect(error.message).toContain(part);
}

let folder: string | undefined;
let nrFiles = 0;
afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** A path for a swap file that the end of the test file removes. */
export function swapPath(): string {
  folder ??= mkdtempSync(join(tmpdir(), "lieu-api-"));
  return join(folder, `swap${nrFiles++}`);
}

/** Bytes that tell a page from any other. */
export function pageOf(n: number): Uint8Array {
  return Uint8Array.from({ length: PAGE }, (_, i) => (n * 31 + i * 7 + (i >> 8)) & 255);
}

/** Check the invariants, then that closing works. */
export function checkAndClose(memory: Memory): void {
  memory.check();
  memory[Symbol.dispose]();
}
