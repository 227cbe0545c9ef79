/**
 * The engine as WebAssembly. Run from the sources, it is read from dist/; in what is built, the bytes themselves stand here
 * (scripts/bundle.mjs), so that no bundler has a file to find.
 */
import { existsSync, readFileSync } from "node:fs";
import { LieuError } from "../errors.ts";

/** The bytes of the engine's module. @throws {@link LieuError} ENOENT if it has not been built */
export function engineBytes(): Uint8Array {
  const file = new URL("../../dist/engine.wasm", import.meta.url);
  if (!existsSync(file)) throw new LieuError("ENOENT", `the engine ${file.href} is missing; run "npm run build"`);
  return readFileSync(file);
}
