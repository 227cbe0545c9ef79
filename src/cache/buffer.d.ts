/** Node's own methods behind Buffer.toString() and write(), which are there but not in its declarations: no encoding to look up. */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  ucs2Slice(start?: number, end?: number): string;
  utf8Write(text: string, at: number): number;
}
