/**
 * What comes up to a front (front.ts): a value with the second get that had to go to the store for it within a while, which is as many such gets
 * as twice the entries of the front, about. A table by location, which a scan writes full without ever being admitted.
 */
const LEAST = 4096;

/** See the file's head. */
export class FrontGhosts {
  private locations = new Int32Array(0);

  /** Whether the item at this location of the store was noted lately; now it is. The front has so many entries. */
  has(location: number, entries: number): boolean {
    if (this.locations.length < 2 * entries || this.locations.length === 0) {
      this.locations = new Int32Array(Math.max(LEAST, 2 * this.locations.length));
    }
    const at = (Math.imul(location, 0x9e3779b1) >>> 7) & (this.locations.length - 1);
    if (this.locations[at] === location) return true;
    this.locations[at] = location;
    return false;
  }
  clear(): void {
    this.locations.fill(0);
  }
}
