/** Pages that tell what they are. */
const PAGE = 4096;
const NOISE = Buffer.from(Uint32Array.from({ length: 8192 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)).buffer);

/** A page that nothing compresses, and that no other `what`, nor another `version` of it, has. */
export function pageOf(what: number, version: number): Buffer {
  const page = Buffer.from(NOISE.subarray((what & 4095) * 4, (what & 4095) * 4 + PAGE));
  page.writeInt32LE(what, 0);
  page.writeInt32LE(version, 4);
  return page;
}
