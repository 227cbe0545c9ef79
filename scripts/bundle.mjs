/**
 * Bundles what tsc emitted, in place. A user's `import "lieu"` would otherwise load two hundred small files, which costs more time
 * and memory than all that is in them:
 *
 *     chunks/lieu.js       everything that index.js reaches, with the engine's WebAssembly and the text of its worker within it, and msgpackr
 *     chunks/server.js     what memory.serve() loads, with the dashboard's page within it
 *     chunks/command.js    the rest, and the packages that only the command needs
 *     NOTICES.txt          the licences of those packages
 *
 * All other files give what they did by naming it from the chunks: the package's entry points, and for whoever looks within,
 * such as benchmarks, every module of src/. Bundlers need no configuration for the result, and a package that installs
 * nothing else is quick and quiet to install.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/** The modules that give WebAssembly from the sources' dist/, and which. Here they are replaced by the bytes. */
const EMBEDDED = { "runtime/engine-bytes.js": "engine.wasm", "trace/pattern-bytes.js": "trace/pattern.wasm" };

/**
 * The thread that reclaims, as one script: it is given the engine as it was compiled, so neither the bytes nor the JavaScript twin is in it.
 */
async function kswapdScript(out) {
  const entry = "\0entry";
  // What stands in for what is left out.
  const instead = new Map([
    [resolve(out, "store/exports.js"), "export function attach() {}"],
    [resolve(out, "runtime/engine-bytes.js"), "export function engineBytes() {}"],
  ]);
  const build = await rolldown({
    input: entry,
    platform: "node",
    treeshake: { moduleSideEffects: false },
    onLog: (level, log, handler) => (level === "warn" ? handler("error", log) : handler(level, log)),
    plugins: [
      {
        name: "kswapd",
        // A script that is text has no address.
        transform: (code) => code.replaceAll("import.meta.url", "undefined"),
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => {
          if (id !== entry) return instead.get(id);
          const module = JSON.stringify(resolve(out, "memory/kswapd-worker.js"));
          return `import { workerData } from "node:worker_threads";\nimport { runKswapd } from ${module};\nrunKswapd(workerData);\n`;
        },
      },
    ],
  });
  const { output } = await build.generate({ format: "cjs", minify: true });
  await build.close();
  return output[0].code;
}

async function embed(out) {
  for (const [module, file] of Object.entries(EMBEDDED)) {
    const [, name] = /export function (\w+)/.exec(readFileSync(join(out, module), "utf8"));
    const text = readFileSync(join(out, file)).toString("base64");
    writeFileSync(join(out, module), `export function ${name}() {\n  return Buffer.from("${text}", "base64");\n}\n`);
  }
  const { remoteWorkerSource } = await import(pathToFileURL(resolve(out, "swap/remote-source.js")).href);
  const worker = JSON.stringify(remoteWorkerSource());
  writeFileSync(join(out, "swap/remote-source.js"), `export function remoteWorkerSource() {\n  return ${worker};\n}\n`);
  const kswapd = await kswapdScript(out);
  writeFileSync(join(out, "kswapd-worker.cjs"), kswapd);
  const script = JSON.stringify(kswapd);
  writeFileSync(
    join(out, "memory/kswapd-source.js"),
    `export function kswapdWorkerSource() {\n  return ${script};\n}\n`,
  );
  const page = JSON.stringify(readFileSync(join(out, "dashboard/index.html"), "utf8"));
  writeFileSync(join(out, "server/page.js"), `export function dashboardPage() {\n  return ${page};\n}\n`);
}

/** The files that `entry` reaches by static imports, itself included. */
function reachable(entry) {
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, name] of readFileSync(file, "utf8").matchAll(/^(?:import|export)[^"']*["'](\.[^"']+)["'];?$/gm)) {
      visit(resolve(dirname(file), name));
    }
  };
  visit(resolve(entry));
  return reached;
}

/** Packages that are part of the bundle, with what they say of their licence. */
function notices(modules, others) {
  const packages = new Map(others.map((name) => [name, join("node_modules", name)]));
  for (const id of modules) {
    const at = id.lastIndexOf(`node_modules${sep}`);
    if (at < 0) continue;
    const parts = id.slice(at + 13).split(sep);
    const name = parts.slice(0, parts[0].startsWith("@") ? 2 : 1).join("/");
    packages.set(name, join(id.slice(0, at + 13), name));
  }
  const texts = [...packages].sort().map(([name, folder]) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no licence to ship with it`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `lieu contains these packages:\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

/**
 * The same, but users' bundlers do not see what is imported when it is asked for: a program that has no use for it stays one file.
 */
function unseen(text) {
  const hidden = 'import(/* webpackIgnore: true */ /* @vite-ignore */ ["$1"].join())';
  return text.replaceAll(/\bimport\("(\.\/serve\.js)"\)/g, hidden);
}

/**
 * The same in characters of a byte: with a single one that is not, V8 keeps the whole text in twice the memory. All of them are within
 * strings and comments.
 */
function inBytes(text) {
  return text.replaceAll(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Bundle the JavaScript in `out`, which tsc emitted and where the WebAssembly is. */
export async function bundle(out) {
  await embed(out);
  const files = readdirSync(out, { recursive: true }).filter((name) => name.endsWith(".js"));
  const library = reachable(join(out, "index.js"));
  const main = resolve(out, "cli/main.js");
  const isOurs = (id) => !relative(resolve(out), id).startsWith("..");
  // What is imported when it is asked for is taken from its chunk, not by way of a file of its own, which the package leaves out.
  const entries = files.filter((name) => name.split(sep).join("/") !== "server/serve.js");
  const build = await rolldown({
    input: Object.fromEntries(entries.map((name) => [name.slice(0, -3).split(sep).join("/"), resolve(out, name)])),
    platform: "node",
    // Its entry for Node looks for a native helper, which is of use for long strings alone.
    resolve: { alias: { msgpackr: resolve("node_modules/msgpackr/index.js") } },
    external: Object.keys(JSON.parse(readFileSync("package.json", "utf8")).peerDependencies),
    onLog: (level, log, handler) => (level === "warn" ? handler("error", log) : handler(level, log)),
  });
  const { output } = await build.write({
    dir: out,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      groups: [
        { name: "lieu", test: (id) => library.has(id) || id.includes(`${sep}msgpackr${sep}`), priority: 2 },
        { name: "server", test: (id) => isOurs(id) && id.includes(`${sep}server${sep}`), priority: 2 },
        // Running it is what main.js does when it is loaded: it stays a file of its own.
        {
          name: "command",
          test: (id) => id !== main && !(isOurs(id) && id.includes(`${sep}adapters${sep}`)),
          priority: 1,
        },
      ],
    },
  });
  await build.close();
  for (const { fileName } of output) {
    // The comments that say which module is which name the folder of this build.
    const file = join(out, fileName);
    writeFileSync(file, inBytes(unseen(readFileSync(file, "utf8").replaceAll(`${out}/`, "src/"))));
  }
  const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  const inPage = JSON.parse(readFileSync(join(out, "dashboard/packages.json"), "utf8"));
  writeFileSync(join(out, "NOTICES.txt"), notices(modules, inPage));
  for (const name of files) if (!existsSync(join(out, name))) throw new Error(`${name} is gone`);
}
