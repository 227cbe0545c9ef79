import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  expectPage,
  fillPage,
  pageAddrs,
  pattern,
  sharedPages,
  swapDeviceContract,
} from "../../test/contract/swap-device.ts";
import { libcIfThere } from "../host/libc.ts";
import { PAGE_SIZE, type SwapDevice } from "./device.ts";
import { type FileDeviceOptions, openFileDevice } from "./file.ts";
import { FilePages } from "./file-pages.ts";

let directory = "";
let path = "";
let nrPaths = 0;
const opened: SwapDevice[] = [];
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "lieu-swap-"));
  path = join(directory, "swap");
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const device of opened.splice(0)) device.close();
  fs.rmSync(directory, { recursive: true });
});

function open(options: Partial<FileDeviceOptions> = {}): SwapDevice {
  const device = openFileDevice({ path, size: 16 * PAGE_SIZE, keep: true, ...options });
  opened.push(device);
  return device;
}

/** What `action` throws, as far as it matters. */
function failure(action: () => unknown): { code: string; message: string; errno: string | undefined } {
  try {
    action();
  } catch (error) {
    const { name, code, message, cause } = error as Error & { code: string; cause?: NodeJS.ErrnoException };
    expect(name).toBe("LieuError");
    return { code, message, errno: cause?.code };
  }
  throw new Error("it should have thrown");
}

swapDeviceContract("file", (slots) =>
  openFileDevice({ path: join(directory, `contract-${nrPaths++}`), size: slots * PAGE_SIZE }),
);

/** With the system's own calls from the first page on. */
const direct = (): FilePages => new FilePages(-1);
describe.runIf(libcIfThere() !== undefined)("by the system's calls", () => {
  swapDeviceContract("file", (slots) =>
    openFileDevice({ path: join(directory, `direct-${nrPaths++}`), size: slots * PAGE_SIZE, pages: direct() }),
  );

  test("pages from anywhere in memory, more than one call takes, come back, and Node's calls are not asked", () => {
    const nr = 1200;
    const memory = sharedPages(nr + 1);
    const seeds = Array.from({ length: nr }, (_, i) => i);
    for (const seed of seeds) fillPage(memory, seed, seed);
    const device = open({ size: nr * PAGE_SIZE, pages: direct() });
    const [read, write] = [vi.spyOn(fs, "readSync"), vi.spyOn(fs, "writevSync")];
    device.write(0, nr, memory, pageAddrs(...seeds.map((seed) => (seed * 7) % nr)));
    for (const slot of [0, 1, 511, 512, 513, 1199]) {
      device.read(slot, memory, nr * PAGE_SIZE);
      expectPage(memory, nr, (slot * 7) % nr);
    }
    expect(read).not.toHaveBeenCalled();
    expect(write).not.toHaveBeenCalled();
    expect(Buffer.compare(fs.readFileSync(path).subarray(PAGE_SIZE, 2 * PAGE_SIZE), pattern(0))).toBe(0);
  });

  test("slots beyond 2 and 4 GiB are where they belong", () => {
    const device = open({ size: 2 ** 33, pages: direct() });
    const memory = sharedPages(2);
    const slots = [2 ** 19 - 1, 2 ** 19, 2 ** 20 - 1, 2 ** 20, 2 ** 21 - 1];
    for (const slot of slots) {
      fillPage(memory, 0, slot);
      device.write(slot, 1, memory, pageAddrs(0));
    }
    const fd = fs.openSync(path, "r");
    for (const slot of slots) {
      device.read(slot, memory, PAGE_SIZE);
      expectPage(memory, 1, slot);
      fs.readSync(fd, memory, 0, PAGE_SIZE, (slot + 1) * PAGE_SIZE);
      expectPage(memory, 0, slot);
    }
    fs.closeSync(fd);
  });

  test("another memory in between is where it is, and not where the first one was", () => {
    const device = open({ pages: direct() });
    const memories = [sharedPages(2), new Uint8Array(2 * PAGE_SIZE), sharedPages(2)];
    for (const [i, memory] of memories.entries()) {
      fillPage(memory, 0, i);
      device.write(i, 1, memory, pageAddrs(0));
    }
    for (const [i, memory] of memories.entries()) {
      device.read(i, memory, PAGE_SIZE);
      expectPage(memory, 1, i);
    }
  });

  test("what they cannot do is told as Node tells it", () => {
    const device = open({ pages: direct() });
    const memory = sharedPages(2);
    device.write(3, 1, memory, pageAddrs(0));
    fs.truncateSync(path, 4 * PAGE_SIZE + 100);
    expect(failure(() => device.read(3, memory, 0))).toMatchObject({
      code: "EIO",
      message: expect.stringContaining("truncated"),
    });
    expect(failure(() => device.write(0, 1, memory, pageAddrs(2)))).toMatchObject({ code: "ERANGE" });
    expect(failure(() => device.read(0, memory, 2 * PAGE_SIZE))).toMatchObject({ code: "ERANGE" });
  });
});

describe("the file", () => {
  test("is sparse, a page longer than the swap, its owner's alone, and gone after close", () => {
    const device = open({ size: 2 ** 30 });
    const stat = fs.statSync(path);
    expect(stat.size).toBe(2 ** 30 + PAGE_SIZE);
    expect(stat.blocks * 512).toBeLessThanOrEqual(2 * PAGE_SIZE);
    if (process.platform !== "win32") expect(stat.mode & 0o777).toBe(0o600);
    device.close();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test("has slot i at byte (i + 1) * 4096", () => {
    const device = open();
    const memory = sharedPages(1);
    fillPage(memory, 0, 5);
    device.write(3, 1, memory, pageAddrs(0));
    expectPage(fs.readFileSync(path), 4, 5);
  });

  test("is removed on close though the working directory changed since", () => {
    const before = process.cwd();
    const device = open({ path: relative(before, path) });
    process.chdir(directory);
    try {
      device.close();
    } finally {
      process.chdir(before);
    }
    expect(fs.existsSync(path)).toBe(false);
  });

  test("is not removed on close where another has taken its place", () => {
    const device = open();
    fs.rmSync(path);
    fs.writeFileSync(path, "precious");
    device.close();
    expect(fs.readFileSync(path, "utf8")).toBe("precious");
  });

  test("may be gone already on close", () => {
    const device = open();
    fs.rmSync(path);
    expect(() => device.close()).not.toThrow();
  });

  test("takes batches longer than one system call can", () => {
    const nr = 1200;
    const memory = sharedPages(nr);
    const seeds = Array.from({ length: nr }, (_, i) => i);
    for (const seed of seeds) fillPage(memory, seed, seed);
    const device = open({ size: nr * PAGE_SIZE });
    device.write(0, nr, memory, pageAddrs(...seeds.toReversed()));
    const bytes = fs.readFileSync(path);
    for (const seed of seeds) expectPage(bytes, nr - seed, seed);
  });
});

describe.runIf(process.platform !== "win32")("a file that nobody asked to see", () => {
  test("has no name once it is open, and serves all the same", () => {
    const device = open({ keep: false });
    expect(fs.readdirSync(directory)).toEqual([]);
    const memory = sharedPages(2);
    fillPage(memory, 0, 9);
    device.write(5, 1, memory, pageAddrs(0));
    device.read(5, memory, PAGE_SIZE);
    expectPage(memory, 1, 9);
  });

  test("is EBUSY for a second device of the same path, by whatever name, until it is closed", () => {
    const device = open({ keep: false });
    expect(failure(() => open({ keep: false })).code).toBe("EBUSY");
    expect(failure(() => open()).code).toBe("EBUSY");
    fs.symlinkSync(directory, join(directory, "link"));
    if (process.platform === "linux") {
      expect(failure(() => open({ path: join(directory, "link", "swap") })).code).toBe("EBUSY");
    }
    fs.unlinkSync(join(directory, "link"));
    device.close();
    expect(() => open({ keep: false })).not.toThrow();
  });

  test.runIf(process.platform === "linux")(
    "is EBUSY while another process has it, named or not; not once that was killed",
    async () => {
      for (const unlinked of [true, false]) {
        const code = `const fs = require("fs"); fs.openSync(process.argv[1], "w+"); fs.writeSync(3, "lieu swap file 1\\n");
        if (${unlinked}) fs.unlinkSync(process.argv[1]); console.log("open"); setInterval(() => {}, 1000);`;
        const script = code
          .replace("fs.openSync(process.argv[1]", "const fd = fs.openSync(process.argv[1]")
          .replace("writeSync(3", "writeSync(fd");
        const child = spawn(process.execPath, ["-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
        await new Promise((resolve) => child.stdout.once("data", resolve));
        expect(failure(() => open({ keep: false }))).toMatchObject({
          code: "EBUSY",
          message: expect.stringContaining(`${child.pid}`),
        });
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await ended;
        open({ keep: false }).close();
        expect(fs.readdirSync(directory)).toEqual([]);
      }
    },
  );
});

describe("what is at the path already", () => {
  test.each([
    ["an empty file", ""],
    ["a short file", "lieu"],
    ["somebody's file", "precious ".repeat(1000)],
  ])("%s is left alone: EINVAL that names the path", (_, content) => {
    fs.writeFileSync(path, content);
    const { code, message } = failure(open);
    expect(code).toBe("EINVAL");
    expect(message).toContain(`${path} exists and is not a lieu swap file`);
    expect(fs.readFileSync(path, "utf8")).toBe(content);
  });

  test("a link is left alone, and so is what it leads to", () => {
    const target = join(directory, "target");
    fs.symlinkSync(target, path);
    expect(failure(open).code).toBe("EINVAL");
    expect(fs.existsSync(target)).toBe(false);
    expect(fs.readlinkSync(path)).toBe(target);
  });

  test.skipIf(process.platform === "win32")("a device is left alone: EINVAL", () => {
    expect(failure(() => open({ path: "/dev/null" })).code).toBe("EINVAL");
  });

  test("a directory is EACCES", () => {
    const { code, message } = failure(() => open({ path: directory }));
    expect(code).toBe("EACCES");
    expect(message).toContain(`${directory} is a directory`);
  });

  test("a swap file that a crashed process left is replaced, not written to", () => {
    open();
    fs.linkSync(path, join(directory, "other name"));
    const left = fs.readFileSync(path);
    opened.splice(0)[0]!.close();
    fs.renameSync(join(directory, "other name"), path);
    const inode = fs.openSync(path, "r");
    onTestFinished(() => fs.closeSync(inode));

    const memory = sharedPages(1);
    fillPage(memory, 0, 1);
    open({ size: 32 * PAGE_SIZE }).write(0, 1, memory, pageAddrs(0));
    expect(fs.statSync(path).size).toBe(33 * PAGE_SIZE);
    expect(fs.readFileSync(inode).equals(left)).toBe(true);
  });

  test("a file that another device has open, under any name, is EBUSY, until that closes", () => {
    const first = open();
    expect(failure(open)).toMatchObject({ code: "EBUSY", message: expect.stringContaining(path) });
    const alias = join(directory, "alias");
    fs.linkSync(path, alias);
    expect(failure(() => open({ path: alias })).code).toBe("EBUSY");
    first.close();
    open().close();
    open({ path: alias });
  });
});

describe("opening fails", () => {
  test.each(["", "a\0b"])("for a path of %j: EINVAL", (bad) => {
    expect(failure(() => open({ path: bad })).code).toBe("EINVAL");
  });

  test.each([0, 1, 4095, -4096, Number.NaN, Infinity])("for a size of %s: EINVAL, and makes no file", (size) => {
    expect(failure(() => open({ size })).code).toBe("EINVAL");
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test("where there is no such directory: ENOENT that says which to create", () => {
    const parent = join(directory, "none", "such");
    const { code, message, errno } = failure(() => open({ path: join(parent, "swap") }));
    expect({ code, errno }).toEqual({ code: "ENOENT", errno: "ENOENT" });
    expect(message).toContain(`create the directory ${parent} first`);
  });

  test("where the directory is a file: ENOENT too", () => {
    fs.writeFileSync(path, "");
    expect(failure(() => open({ path: join(path, "swap") })).code).toBe("ENOENT");
  });

  test("for a name that is too long: EINVAL", () => {
    expect(failure(() => open({ path: join(directory, "x".repeat(300)) })).code).toBe("EINVAL");
  });

  // The superuser may write anywhere, so a superuser's run takes on another's identity for these.
  const canBeRefused = process.platform !== "win32";
  const refused = (action: () => unknown) => {
    if (process.geteuid?.() !== 0) return failure(action);
    process.seteuid?.(65_534);
    try {
      return failure(action);
    } finally {
      process.seteuid?.(0);
    }
  };

  test.runIf(canBeRefused)("in a directory that may not be written: EACCES", () => {
    fs.chmodSync(directory, 0o555);
    const { code, message, errno } = refused(open);
    fs.chmodSync(directory, 0o755);
    expect({ code, errno }).toEqual({ code: "EACCES", errno: "EACCES" });
    expect(message).toContain(path);
  });

  test.runIf(canBeRefused)("for a swap file that may not be written: EACCES, and leaves it", () => {
    fs.writeFileSync(path, "lieu swap file 1\n", { mode: 0o400 });
    fs.chmodSync(directory, 0o777);
    expect(refused(open).code).toBe("EACCES");
    expect(fs.existsSync(path)).toBe(true);
  });
});

describe("a disk that is full", () => {
  const memory = sharedPages(16);

  test("at a file system's end: ENOSPC that names the file, and what was written before stays", ({ skip }) => {
    const mount = join(directory, "mount");
    fs.mkdirSync(mount);
    try {
      if (process.geteuid?.() !== 0) throw new Error("only the superuser may mount");
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${8 * PAGE_SIZE}`, "tmpfs", mount], { stdio: "ignore" });
    } catch {
      skip();
    }
    const file = join(mount, "swap");
    const device = openFileDevice({ path: file, size: 16 * PAGE_SIZE });
    try {
      fillPage(memory, 1, 1);
      device.write(0, 1, memory, pageAddrs(1));
      const { code, message, errno } = failure(() => device.write(1, 12, memory, pageAddrs(...Array(12).keys())));
      expect({ code, errno }).toEqual({ code: "ENOSPC", errno: "ENOSPC" });
      expect(message).toMatch(new RegExp(`${file} cannot be written at slots 1 to 12`));
      device.read(0, memory, 2 * PAGE_SIZE);
      expectPage(memory, 2, 1);
    } finally {
      device.close();
      execFileSync("umount", [mount]);
    }
  });

  /** Run `action` while no file of this process may grow beyond `bytes`; false where that cannot be arranged. */
  const withFileSizeLimit = (bytes: number, action: () => void): boolean => {
    const limit = (soft: string) =>
      execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${soft}:`], { stdio: "ignore" });
    let before: string;
    try {
      const options = ["--pid", `${process.pid}`, "--fsize", "--raw", "--noheadings", "-o", "SOFT"];
      before = execFileSync("prlimit", options, { encoding: "utf8" }).trim();
      limit(`${bytes}`);
    } catch {
      return false;
    }
    try {
      action();
    } finally {
      limit(before);
    }
    return true;
  };

  test("at a limit in mid page: the short write is continued, to learn that it is ENOSPC", ({ skip }) => {
    const device = open();
    for (let page = 0; page < 8; page++) fillPage(memory, page, page);
    const writev = vi.spyOn(fs, "writevSync");
    const limited = withFileSizeLimit(4 * PAGE_SIZE + 1000, () => {
      const result = failure(() => device.write(0, 8, memory, pageAddrs(0, 1, 2, 3, 4, 5, 6, 7)));
      expect(result).toMatchObject({ code: "ENOSPC", errno: "EFBIG" });
    });
    if (!limited) skip();
    expect(writev.mock.results[0]?.value).toBe(3 * PAGE_SIZE + 1000);
    device.write(0, 8, memory, pageAddrs(0, 1, 2, 3, 4, 5, 6, 7));
    device.read(7, memory, 9 * PAGE_SIZE);
    expectPage(memory, 9, 7);
  });

  test("at a limit below the swap's size: ENOSPC when it is opened, and no file is left", ({ skip }) => {
    if (!withFileSizeLimit(8 * PAGE_SIZE, () => expect(failure(open).code).toBe("ENOSPC"))) skip();
    expect(fs.readdirSync(directory)).toEqual([]);
  });
});

describe("a failing system call", () => {
  const memory = sharedPages(8);

  test("that writes in small parts is continued until all is written", () => {
    const device = open();
    for (let page = 0; page < 4; page++) fillPage(memory, page, page);
    const writev = fs.writevSync;
    let part = 1;
    const spy = vi.spyOn(fs, "writevSync").mockImplementation((fd, views, position) => {
      const bytes = Buffer.concat(views as Uint8Array[]);
      part = Math.min((part * 7) % 9001, bytes.length);
      return writev(fd, [bytes.subarray(0, part)], position);
    });
    device.write(2, 4, memory, pageAddrs(3, 0, 2, 1));
    expect(spy.mock.calls.length).toBeGreaterThan(5);
    const bytes = fs.readFileSync(path);
    [3, 0, 2, 1].forEach((seed, i) => {
      expectPage(bytes, 3 + i, seed);
    });
  });

  test("that writes nothing more is EIO", () => {
    const device = open();
    vi.spyOn(fs, "writevSync").mockReturnValueOnce(1000).mockReturnValue(0);
    const { code, message } = failure(() => device.write(0, 2, memory, pageAddrs(0, 1)));
    expect(code).toBe("EIO");
    expect(message).toContain(`${path} cannot be written at slots 0 to 1: short write`);
  });

  test.each([
    ["EDQUOT", "ENOSPC"],
    ["EROFS", "EACCES"],
    ["EPERM", "EACCES"],
    ["EIO", "EIO"],
    ["EBADF", "EIO"],
  ])("with %s is %s, and keeps its cause", (errno, code) => {
    const device = open();
    vi.spyOn(fs, "writevSync").mockImplementation(() => {
      throw Object.assign(new Error(`${errno}: as the test wants`), { code: errno });
    });
    const result = failure(() => device.write(3, 1, memory, pageAddrs(0)));
    expect(result).toMatchObject({ code, errno, message: expect.stringContaining(path) });
  });

  test("in close is no error: there is nothing left to do about it", () => {
    const device = open();
    const unlink = vi.spyOn(fs, "unlinkSync").mockImplementation(() => {
      throw new Error("no");
    });
    expect(() => device.close()).not.toThrow();
    expect(unlink).toHaveBeenCalledOnce();
  });
});

describe("a file that is changed under the device", () => {
  test("truncated: EIO for what is gone, also in mid page; what is still there is read", () => {
    const device = open();
    const memory = sharedPages(4);
    for (const page of [0, 1, 2]) fillPage(memory, page, page);
    device.write(0, 3, memory, pageAddrs(0, 1, 2));
    fs.truncateSync(path, 2 * PAGE_SIZE + 100);
    device.read(0, memory, 3 * PAGE_SIZE);
    expectPage(memory, 3, 0);
    for (const slot of [1, 2]) {
      const { code, message } = failure(() => device.read(slot, memory, 3 * PAGE_SIZE));
      expect(code).toBe("EIO");
      expect(message).toMatch(new RegExp(`${path} cannot be read at slot ${slot}.*truncated`));
    }
    device.write(2, 1, memory, pageAddrs(2));
    device.read(2, memory, 3 * PAGE_SIZE);
    expectPage(memory, 3, 2);
  });

  test("a flipped bit is read as it stands: to notice is the engine's part", () => {
    const device = open();
    const memory = sharedPages(2);
    fillPage(memory, 0, 1);
    device.write(0, 1, memory, pageAddrs(0));
    const fd = fs.openSync(path, "r+");
    fs.writeSync(fd, Uint8Array.of(memory[77]! ^ 4), 0, 1, PAGE_SIZE + 77);
    fs.closeSync(fd);
    device.read(0, memory, PAGE_SIZE);
    const flipped = pattern(1);
    flipped[77]! ^= 4;
    expect(memory.subarray(PAGE_SIZE)).toEqual(flipped);
  });

  test("removed: the device goes on", () => {
    const device = open();
    const memory = sharedPages(2);
    fillPage(memory, 0, 1);
    fs.rmSync(path);
    device.write(0, 1, memory, pageAddrs(0));
    device.read(0, memory, PAGE_SIZE);
    expectPage(memory, 1, 1);
  });
});

describe("a caller's mistake is ERANGE and touches nothing", () => {
  const memory = sharedPages(2);

  test.each([
    [-1, 1],
    [16, 1],
    [15, 2],
    [Number.NaN, 1],
    [0, 0],
  ])("slot %d, %d pages", (slot, nr) => {
    const device = open();
    const before = fs.readFileSync(path);
    expect(failure(() => device.write(slot, nr, memory, pageAddrs(0, 1))).code).toBe("ERANGE");
    expect(fs.readFileSync(path).equals(before)).toBe(true);
    if (nr === 1) expect(failure(() => device.read(slot, memory, 0)).code).toBe("ERANGE");
  });

  test("an address whose page is not all in memory, or no address", () => {
    const device = open();
    expect(failure(() => device.write(0, 1, memory, Uint32Array.of(PAGE_SIZE + 1))).code).toBe("ERANGE");
    expect(failure(() => device.write(0, 2, memory, pageAddrs(0))).code).toBe("ERANGE");
    expect(failure(() => device.read(0, memory, 2 * PAGE_SIZE)).code).toBe("ERANGE");
  });
});
