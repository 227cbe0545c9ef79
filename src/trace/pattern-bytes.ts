/** The pattern's WebAssembly (pattern.wasm.ts): from dist/, or in what is built, the bytes themselves (scripts/bundle.mjs). */
import { existsSync, readFileSync } from "node:fs";

/** The bytes of the module, if it has been built. */
export function patternBytes(): Uint8Array | undefined {
  const file = new URL("../../dist/trace/pattern.wasm", import.meta.url);
  return existsSync(file) ? readFileSync(file) : undefined;
}
