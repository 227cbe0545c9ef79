/**
 * Runs test/numa on a real Linux with two memory nodes: a virtual machine under software emulation (scripts/two-node-vm.sh), which is made on
 * the first run, of Debian's packages. Linux there has cgroups of version 2, in which the configurations of docs/host-memory.md for a container and for
 * CXL memory run as printed, and `pressure` is tried against the kernel's own limit.
 *
 *     npm run test:numa
 *
 * Where it cannot run, it says what is missing, and is skipped; under CI=true that is a failure. LIEU_VM names a folder to keep the machine in;
 * by default it is kept in node_modules/.cache. The processor is emulated, 10 to 30 times slower than
 * outside: this tests places, errors and counters, not times.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** MiB of each node: what the configurations of docs/host-memory.md take, and this system. */
const DRAM = 1792;
const SLOW = 2304;
const DISK = 1024;
const MIB = 2 ** 20;
const LIMIT_MS = 1600_000;
/** Of which the machine is made. */
const RECIPE = "scripts/two-node-vm.sh";

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));

function skip(reason) {
  const failed = process.env.CI === "true";
  process.stderr.write(`test:numa ${failed ? "cannot run" : "skipped"}: ${reason}\n`);
  process.exit(failed ? 1 : 0);
}
const has = (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;

function needs() {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x64";
  if (!has("qemu-system-x86_64")) return "needs qemu: apt-get install qemu-system-x86";
  if (!existsSync("node_modules/koffi")) return "needs koffi: npm install koffi";
  // What it touches of its nodes, and the emulator.
  if (freemem() < (DRAM + SLOW + 512) * MIB) return `needs ${DRAM + SLOW + 512} MiB of free memory`;
  return undefined;
}
function makeMachine(folder) {
  const made = join(folder, "made-by");
  const recipe = readFileSync(RECIPE, "utf8");
  if (existsSync(join(folder, "initrd.gz")) && existsSync(made) && readFileSync(made, "utf8") === recipe) return;
  const tools = { "apt-get": "", dpkg: "", cpio: "cpio", xz: "xz-utils", busybox: "busybox-static" };
  const missing = Object.keys(tools).filter((tool) => !has(tool));
  if (missing.some((tool) => tools[tool] === "")) skip("needs Debian's packages to make the virtual machine from");
  if (missing.length > 0) skip(`needs ${missing}: apt-get install ${missing.map((tool) => tools[tool]).join(" ")}`);
  process.stderr.write("making the virtual machine …\n");
  const { status } = spawnSync("bash", [RECIPE, folder], { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) skip("the virtual machine could not be made, see above");
  writeFileSync(made, recipe);
}

/** What runs in the machine, as a disk: the built package, koffi, and the test. */
function makeDisk(work) {
  const app = join(work, "app");
  for (const name of [
    "dist",
    "test/numa",
    "node_modules/koffi",
    "node_modules/@koromix",
    "package.json",
    "docs/host-memory.md",
  ]) {
    if (existsSync(name)) cpSync(name, join(app, name), { recursive: true });
  }
  const disk = join(work, "disk");
  execFileSync("tar", ["cf", disk, "-C", app, "."]);
  truncateSync(disk, Math.ceil(statSync(disk).size / 512) * 512);
  return disk;
}

async function boot(folder, disk, work) {
  const out = join(work, "out");
  const log = join(work, "console");
  const data = join(work, "data");
  writeFileSync(out, "");
  writeFileSync(data, "");
  truncateSync(data, DISK * MIB);
  const hmat = (target, latency, bandwidth) =>
    [`data-type=access-latency,latency=${latency}`, `data-type=access-bandwidth,bandwidth=${bandwidth}G`].flatMap(
      (what) => ["-numa", `hmat-lb,initiator=0,target=${target},hierarchy=memory,${what}`],
    );
  const machine = [
    [
      "-machine",
      `pc,nvdimm=on,hmat=on,max-ram-below-4g=${DRAM}M`,
      "-accel",
      // One thread for both processors. With a thread each (QEMU 7.2.22) Node died of SIGSEGV in V8's code in three runs of six, and in none of five with one. A handler
      // found that code intact, and executed from the middle of an instruction to which nothing jumps: the emulator's fault, of no page that a memory has.
      "tcg,thread=single",
      "-cpu",
      "max",
      "-smp",
      "2",
    ],
    ["-m", `${DRAM + SLOW}M,slots=2,maxmem=8G`],
    ["-object", `memory-backend-ram,id=m0,size=${DRAM}M`, "-object", `memory-backend-ram,id=m1,size=${SLOW}M`],
    ["-numa", "node,nodeid=0,memdev=m0,cpus=0-1,initiator=0", "-numa", "node,nodeid=1,memdev=m1,initiator=0"],
    ["-numa", "dist,src=0,dst=1,val=20", ...hmat(0, 100, 100), ...hmat(1, 400, 20)],
    ["-drive", `if=none,id=d0,format=raw,readonly=on,file=${disk}`, "-device", "virtio-blk-pci,drive=d0"],
    ["-drive", `if=none,id=d1,format=raw,cache=unsafe,file=${data}`, "-device", "virtio-blk-pci,drive=d1"],
    ["-nodefaults", "-display", "none", "-no-reboot", "-serial", `file:${log}`, "-serial", `file:${out}`],
    ["-kernel", join(folder, "vmlinuz"), "-initrd", join(folder, "initrd.gz")],
    // The slower node's memory is reserved for dax, which gives it to the system as a node of its own.
    ["-append", `console=ttyS0 loglevel=4 panic=-1 mitigations=off swiotlb=noforce memmap=${SLOW}M%4G-1+0xefffffff`],
  ].flat();
  const qemu = spawn("qemu-system-x86_64", machine, { stdio: ["ignore", "ignore", "inherit"] });
  const timer = setTimeout(() => qemu.kill("SIGKILL"), LIMIT_MS);
  await new Promise((done) => qemu.on("close", done));
  clearTimeout(timer);
  const text = readFileSync(out, "utf8").replaceAll("\r", "");
  const end = /^exit code (\d+)\n?$/m.exec(text);
  process.stdout.write(text.replace(/^exit code \d+\n?$/m, ""));
  if (end === null) process.stderr.write(`the machine did not finish:\n${readFileSync(log, "utf8").slice(-2000)}\n`);
  return end === null ? 1 : Number(end[1]);
}

const missing = needs();
if (missing !== undefined) skip(missing);
const folder = resolve(process.env.LIEU_VM ?? "node_modules/.cache/two-node-vm");
makeMachine(folder);
const work = mkdtempSync(join(tmpdir(), "lieu-numa-"));
try {
  process.exitCode = await boot(folder, makeDisk(work), work);
} finally {
  rmSync(work, { recursive: true, force: true });
}
