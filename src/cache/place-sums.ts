/** Places of which the bytes are not summed apart. */
export const TOGETHER = 4;

/** Bytes at places in a row, and how many there are behind one of them: of 4 places together, of 32, of 256 and of 2048. */
export class PlaceSums {
  #fours: Float64Array;
  #sums: Float64Array;
  #mids: Float64Array;
  #tops: Float64Array;

  constructor(places: number) {
    this.#fours = new Float64Array(Math.ceil(places / 4));
    this.#sums = new Float64Array(Math.ceil(places / 32));
    this.#mids = new Float64Array(Math.ceil(places / 256));
    this.#tops = new Float64Array(Math.ceil(places / 2048));
  }

  get byteLength(): number {
    return [this.#fours, this.#sums, this.#mids, this.#tops].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  add(place: number, bytes: number): void {
    this.#fours[place >>> 2] = (this.#fours[place >>> 2] as number) + bytes;
    this.#sums[place >>> 5] = (this.#sums[place >>> 5] as number) + bytes;
    this.#mids[place >>> 8] = (this.#mids[place >>> 8] as number) + bytes;
    this.#tops[place >>> 11] = (this.#tops[place >>> 11] as number) + bytes;
  }
  /** What is behind the 4 places of `place`, up to `last`: the rest of its 32, of its 256, of its 2048, and of all. */
  behind(place: number, last: number): number {
    const fours = this.#fours;
    const sums = this.#sums;
    const mids = this.#mids;
    const tops = this.#tops;
    let bytes = 0;
    for (let i = (place >>> 2) + 1; (i & 7) !== 0 && i <= last >>> 2; i++) bytes += fours[i] as number;
    for (let i = (place >>> 5) + 1; (i & 7) !== 0 && i <= last >>> 5; i++) bytes += sums[i] as number;
    for (let i = (place >>> 8) + 1; (i & 7) !== 0 && i <= last >>> 8; i++) bytes += mids[i] as number;
    for (let i = (place >>> 11) + 1; i <= last >>> 11; i++) bytes += tops[i] as number;
    return bytes;
  }
  fill(bytes: 0): void {
    for (const array of [this.#fours, this.#sums, this.#mids, this.#tops]) array.fill(bytes);
  }
}
