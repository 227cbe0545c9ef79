/** What a region's methods are given, checked. */
import { LieuError, shown } from "../errors.ts";
import { FAULT_OVERWRITE, FAULT_READ, FAULT_WRITE } from "../mm/mm.ts";

/** @throws {@link LieuError} EINVAL */
export function checkBytes(bytes: Uint8Array, what: string): void {
  if (!(bytes instanceof Uint8Array))
    throw new LieuError("EINVAL", `${what} is ${shown(bytes)?.slice(0, 40)}; it must be a Uint8Array`);
}

/** The fault that an access stands for. @throws {@link LieuError} EINVAL */
export function faultMode(mode: "read" | "write" | "overwrite"): number {
  if (mode === "read") return FAULT_READ;
  if (mode === "write") return FAULT_WRITE;
  if (mode === "overwrite") return FAULT_OVERWRITE;
  throw new LieuError("EINVAL", `mode is ${JSON.stringify(mode)}; it can be "read", "write" or "overwrite"`);
}
