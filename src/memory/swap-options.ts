/** Swap devices and the pool of compressed pages in front of them, from their options. */
import { LieuError, shown } from "../errors.ts";
import { MAX_INDEX, MAX_SWAP } from "../mm/layout.ts";
import { POOL_RATIO } from "../swap/pool.ts";
import { checkUrl } from "../swap/remote-url.ts";
import type { SwapOptions } from "./memory-options.ts";
import { boolean, type Check, list, object, oneOf, optional, text, variants, whole } from "./schema.ts";
import { formatSize, parseSize, type Size, size } from "./size.ts";

/** A swap device, checked. */
export interface SwapConfig {
  readonly name: string;
  readonly options: SwapOptions | { readonly kind: "zswap" };
  readonly bytes: number;
  readonly priority: number;
}
const swapCommon = {
  name: optional(text()),
  size,
  priority: optional(whole(-32768, 32767)),
};
/** One URL or several, which no message shows. */
const serverUrls: Check<string | string[]> = (given, path, problems) =>
  Array.isArray(given) ? list(text())(given, path, problems) : text()(given, path, problems);
/** Checks the options of a device. */
export const swapSchema: Check<SwapOptions> = variants("kind", {
  file: object({ kind: oneOf(["file"]), path: text(), keep: optional(boolean), ...swapCommon }),
  remote: object({
    kind: oneOf(["remote"]),
    url: serverUrls,
    sole: optional(boolean),
    prefix: optional(text()),
    ttl: optional(whole(10_000, 0x7fffffff)),
    timeout: optional(whole(10, 60_000)),
    ca: optional(text()),
    fallback: optional(boolean),
    ...swapCommon,
  }),
  null: object({ kind: oneOf(["null"]), ...swapCommon }),
});
/** The least that is of any use. */
const MIN_PAGES = 16;

/** Pages of a pool of this size. @throws {@link LieuError} EINVAL */
export function poolPages(zswap: { size: Size } | undefined, hasBytes: boolean): number {
  if (zswap === undefined) return 0;
  if (!hasBytes) throw new LieuError("EINVAL", "zswap needs nodes with bytes: model nodes have nothing to compress");
  const bytes = parseSize(zswap.size, "zswap.size");
  const pages = Math.floor(bytes / 4096);
  if (pages < MIN_PAGES || pages * POOL_RATIO > MAX_INDEX) {
    const most = formatSize(Math.floor(MAX_INDEX / POOL_RATIO) * 4096);
    throw new LieuError("EINVAL", `zswap.size is ${shown(zswap.size)}: give from ${MIN_PAGES * 4} KiB to ${most}`);
  }
  return pages;
}

/**
 * The devices, by falling priority; before them the pool, if it has pages.
 *
 * @throws {@link LieuError} EINVAL
 */
export function resolveSwap(
  input: readonly SwapOptions[],
  zpages: number,
  hasBytes: boolean,
  nodeNames: readonly string[],
  shards = 1,
): SwapConfig[] {
  if (input.length > MAX_SWAP) {
    throw new LieuError("EINVAL", `swap has ${input.length} entries: at most ${MAX_SWAP} are allowed`);
  }
  const names = new Set(nodeNames);
  const paths = new Set<string>();
  const devices = input.map((s, i): SwapConfig => {
    const name = s.name ?? (input.filter((x) => x.kind === s.kind).length > 1 ? `${s.kind}${i}` : s.kind);
    if (names.has(name)) throw new LieuError("EINVAL", `swap[${i}].name is ${JSON.stringify(name)}: the name is taken`);
    names.add(name);
    if (s.kind === "file") {
      if (paths.has(s.path))
        throw new LieuError("EINVAL", `swap[${i}].path ${s.path} is used twice: devices may not overlap`);
      paths.add(s.path);
    }
    if (s.kind === "remote") for (const url of typeof s.url === "string" ? [s.url] : s.url) checkUrl(url);
    if ((s.kind !== "null") !== hasBytes) {
      const why = hasBytes
        ? 'kind "null" keeps no bytes: use kind "file"'
        : 'model nodes have no bytes: use kind "null"';
      throw new LieuError("EINVAL", `swap[${i}].kind is ${JSON.stringify(s.kind)}: ${why}`);
    }
    const bytes = Math.floor(parseSize(s.size, `swap[${i}].size`) / 4096) * 4096;
    if (bytes === 0) throw new LieuError("EINVAL", `swap[${i}].size must be at least one page of 4096 bytes`);
    // Unset priorities count down from -2, as swapon's do.
    return { name, options: s, bytes, priority: s.priority ?? -2 - i };
  });
  if (devices.reduce((n, d) => n + d.bytes / 4096, 0) > MAX_INDEX * shards) {
    const most = formatSize(MAX_INDEX * shards * 4096);
    throw new LieuError(
      "EINVAL",
      `swap holds more than ${most} in all: that is the most${shards > 1 ? ` of ${shards} shards` : ""}`,
    );
  }
  devices.sort((a, b) => b.priority - a.priority);
  if (zpages === 0) return devices;
  if (names.has("zswap"))
    throw new LieuError("EINVAL", 'the name "zswap" is the pool of compressed pages\': take another');
  const bytes = zpages * POOL_RATIO * 4096;
  return [{ name: "zswap", options: { kind: "zswap" }, bytes, priority: 32767 }, ...devices];
}
