/** Text of a {@link Source} as lines, and lines as fields. */

import { LieuError } from "../errors.ts";
import type { Source } from "./source.ts";

/** No line of a trace is longer; what has none to end it is not text. */
const MAX_LINE_CHARS = 1 << 16;

/** Consecutive lines without their ends; `first` is the first one's number, counted from 1. */
export interface Lines {
  readonly first: number;
  readonly texts: readonly string[];
}

/**
 * All lines, some hundred kilobytes at a time; a byte order mark is dropped.
 *
 * @throws LieuError EFORMAT on a line of over 65,536 characters; what reading the source throws.
 */
export async function* textLines(source: Source): AsyncGenerator<Lines> {
  const decoder = new TextDecoder();
  let first = 1;
  let rest = "";
  const take = (text: string, isLast: boolean): Lines => {
    const texts = (rest + text).split("\n");
    rest = isLast ? "" : texts.pop()!;
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.endsWith("\r")) texts[i] = texts[i]!.slice(0, -1);
      checkLength(texts[i]!, first + i, source);
    }
    const lines = { first, texts };
    first += texts.length;
    checkLength(rest, first, source);
    return lines;
  };
  for await (const chunk of source.chunks()) yield take(decoder.decode(chunk, { stream: true }), false);
  yield take(decoder.decode(), true);
}

/**
 * A line's comma-separated fields, unquoted.
 *
 * @throws LieuError EFORMAT on a quote that is not closed or is followed by more than a comma.
 */
export function splitFields(text: string, line: number, path: string): string[] {
  if (!text.includes('"')) return text.split(",");
  const fields: string[] = [];
  const field = /\s*"((?:[^"]|"")*)"\s*(,|$)|([^",]*)(,|$)/y;
  for (;;) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) {
      const value = JSON.stringify(text.slice(at, at + 40));
      throw new LieuError("EFORMAT", `${path} line ${line}: ${value}; allowed: a quote opens and closes a whole field`);
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[3]!);
    if ((match[2] ?? match[4]) === "") return fields;
  }
}

function checkLength(text: string, line: number, source: Source): void {
  if (text.length <= MAX_LINE_CHARS) return;
  throw new LieuError("EFORMAT", `${source.path} line ${line}: over ${MAX_LINE_CHARS} characters; is it text?`);
}
