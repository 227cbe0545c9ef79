/** `memory.serve()`: the server is loaded when it is asked for. */
import { LieuError } from "../errors.ts";
import type { MemoryServer, ServeOptions } from "./requests.ts";
import type { Watched } from "./watched.ts";

/** @throws {@link LieuError} EINVAL; EBUSY, EACCES: the port cannot be had; ECLOSED; ENOTSUP in a bundle */
export async function serveMemory(memory: Watched, options: ServeOptions): Promise<MemoryServer> {
  for (const vm of memory.engines) vm.ensureOpen();
  const server = await import("../server/serve.ts").catch((cause: unknown) => {
    throw new LieuError("ENOTSUP", "serve() needs lieu as it is installed: leave it out of the bundle", { cause });
  });
  return server.serve(memory, options);
}
