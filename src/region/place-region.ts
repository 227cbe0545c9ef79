/**
 * A region on model nodes: its pages have places but no bytes. It is touched by {@link Region.translate}, advised, moved
 * and unmapped as any other; there is nothing to read or write.
 */
import { LieuError } from "../errors.ts";
import { Region } from "./region.ts";

/** A region without bytes; made by `memory.map()` where the nodes are of kind "model". */
export class PlaceRegion extends Region {
  override get buffer(): never {
    return this.#refuse("buffer");
  }
  override readUint8(): never {
    return this.#refuse("readUint8()");
  }
  override writeUint8(): never {
    return this.#refuse("writeUint8()");
  }
  override readInt32(): never {
    return this.#refuse("readInt32()");
  }
  override writeInt32(): never {
    return this.#refuse("writeInt32()");
  }
  override readFloat64(): never {
    return this.#refuse("readFloat64()");
  }
  override writeFloat64(): never {
    return this.#refuse("writeFloat64()");
  }
  override read(): never {
    return this.#refuse("read()");
  }
  override readInto(): never {
    return this.#refuse("readInto()");
  }
  override write(): never {
    return this.#refuse("write()");
  }
  override fill(): never {
    return this.#refuse("fill()");
  }
  override array(): never {
    return this.#refuse("array()");
  }
  override pin(): never {
    return this.#refuse("pin()");
  }

  #refuse(what: string): never {
    const why = "pages of model nodes have places but no bytes; translate() touches one";
    throw new LieuError("ENOTSUP", `${what} of region ${JSON.stringify(this.name)}: ${why}`);
  }
}
