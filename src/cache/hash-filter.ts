/** Whether a hash may be among some: a bit for each part of the hashes. */
const BITS = 4096;

export class HashFilter {
  readonly #bits = new Int32Array(BITS >>> 5);

  get byteLength(): number {
    return this.#bits.byteLength;
  }
  add(hash: number): void {
    const at = (hash >>> 5) & (BITS / 32 - 1);
    this.#bits[at] = (this.#bits[at] as number) | (1 << hash);
  }
  mayHave(hash: number): boolean {
    return ((this.#bits[(hash >>> 5) & (BITS / 32 - 1)] as number) & (1 << hash)) !== 0;
  }
  clear(): void {
    this.#bits.fill(0);
  }
}
