/** The element types that a column of a trace under construction may have. */
type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A typed array that grows by doubling; values are stored as the array type stores them. */
export class Column<A extends Numbers> {
  readonly #Type: new (
    length: number,
  ) => A;
  #values: A;
  #length = 0;

  constructor(Type: new (length: number) => A) {
    this.#Type = Type;
    this.#values = new Type(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new this.#Type(this.#length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** The value at `index`, which must be below `length`. */
  get(index: number): number {
    return this.#values[index]!;
  }

  /** Replaces the value at `index`, which must be below `length`. */
  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  /** A copy of exactly `length` values. */
  toArray(): A {
    return this.#values.slice(0, this.#length) as A;
  }
}
