/**
 * AssemblyScript for the portable sources: `machine.ts` is the one file that it reads another version of.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Compile one portable entry to WebAssembly over an imported shared memory; gives the module's bytes. Throws what the compiler says. */
export async function compileWasm(entry) {
  const { default: asc } = await import("assemblyscript/asc");
  const flags = ["--runtime", "stub", "--importMemory", "--sharedMemory", "--initialMemory", "1"];
  flags.push("--maximumMemory", "65536", "--noAssert", "-O3");
  flags.push("--enable", "simd", "--enable", "threads", "--enable", "bulk-memory");
  let bytes;
  const { error, stderr } = await asc.main([entry, ...flags, "--outFile", "out.wasm"], {
    readFile(name, base) {
      const file = resolve(base, name.replace(/\.ts\.ts$/, ".ts").replace(/\bmachine\.ts$/, "machine.wasm.ts"));
      return existsSync(file) ? readFileSync(file, "utf8") : null;
    },
    writeFile(name, data) {
      if (name.endsWith(".wasm")) bytes = data;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${stderr}${error.message}`);
  return bytes;
}
