/** A memory that is served, as verbs ask it. */
import { LieuError, type LieuErrorCode } from "../errors.ts";

/** Where a memory is served. */
export interface Served {
  readonly url: URL;
  readonly token: string | undefined;
}

/** "http://web-1:7070/#token=..." or "7070". @throws {@link LieuError} EINVAL */
export function servedAt(where: string): Served {
  let url: URL;
  try {
    url = new URL(/^\d+$/.test(where) ? `http://127.0.0.1:${where}/` : where);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError("no protocol of the web");
  } catch (cause) {
    throw new LieuError(
      "EINVAL",
      `${JSON.stringify(where)} is no file and no URL; give the URL that memory.serve() has, or its port`,
      { cause },
    );
  }
  const token = new URLSearchParams(url.hash.slice(1)).get("token") ?? undefined;
  url.hash = "";
  return { url, token };
}

/**
 * What is answered, piece by piece, until the answer or the program ends.
 *
 * @throws {@link LieuError} ENOENT: nothing answers, or something else than a memory; EACCES: the token; ENOTSUP, EINVAL: refused, and why
 */
export async function* askServed({ url, token }: Served, path: string, signal: AbortSignal): AsyncGenerator<string> {
  let response: Response;
  try {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    response = await fetch(new URL(path, url), { headers, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new LieuError("ENOENT", `nothing answers at ${url.href}`, { cause: error });
  }
  const { status, body } = response;
  if (status === 401) throw new LieuError("EACCES", `${url.href} wants a token; give it as in ${url.href}#token=...`);
  if (status === 400 || status === 409) {
    const { 1: code = "ENOTSUP", 2: why = "" } = /^(?:(EINVAL|EBUSY|ENOTSUP): )?(.*)/.exec(await response.text()) ?? [];
    throw new LieuError(code as LieuErrorCode, why);
  }
  if (!response.ok || body === null) throw new LieuError("ENOENT", `${url.href} serves no memory`);
  const decoder = new TextDecoder();
  try {
    for await (const part of body) yield decoder.decode(part as Uint8Array, { stream: true });
  } catch {
    signal.throwIfAborted();
    // The program has ended.
  }
}

/** What was told, as JSON. @throws {@link LieuError} EFORMAT */
export function jsonOf(text: string, { url }: Served): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LieuError("EFORMAT", `${url.href} serves no memory`, { cause });
  }
}
