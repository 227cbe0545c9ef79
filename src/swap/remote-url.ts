/** The URL of a server that swap lies on: what is wrong with it, said without the password that it may have. */
import { LieuError } from "../errors.ts";

/** A server's URL, checked. What is wrong is said without saying the URL, which may have a password in it. */
export function checkUrl(given: string): URL {
  const wrong = (why: string): never => {
    throw new LieuError(
      "EINVAL",
      `remote swap: the url ${why}; give redis://[user:password@]host[:port][/db] or rediss://...`,
    );
  };
  const text = given.replace(/^valkey(s?):/, "redis$1:");
  if (!URL.canParse(text)) return wrong("is not one");
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") return wrong(`begins with ${url.protocol}`);
  if (url.hostname === "") return wrong("names no host");
  if (!/^(\/\d*)?$/.test(url.pathname)) return wrong("has a path that is not the number of a database");
  if (!isEncoded(url.username) || !isEncoded(url.password)) {
    return wrong('has a "%" in its user or password that begins no character; write it as %25');
  }
  return url;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
