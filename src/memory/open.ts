/** How a memory is opened. */
import { touchNow } from "../runtime/pretouch.ts";
import type { Harness } from "./harness.ts";
import { measurePrices } from "./measure.ts";
import { Memory } from "./memory.ts";
import type { MemoryOptions } from "./memory-options.ts";
import { openNamed } from "./named.ts";
import { NamedMemory } from "./named-memory.ts";
import { NamedShardedMemory } from "./named-sharded-memory.ts";
import { type MemoryConfig, resolveOptions } from "./options.ts";
import { ShardedMemory } from "./sharded-memory.ts";
import { SharedMemory } from "./shared-memory.ts";

/**
 * Open a memory.
 *
 * @throws {@link LieuError} EINVAL for a bad option, ENOMEM if the process may not have that much, EACCES, ENOENT, EBUSY
 *   or ENOSPC from a swap device
 */
export async function openMemory(options: MemoryOptions, harness: Harness = {}): Promise<Memory> {
  const config = resolveOptions(options);
  const memory = make(config, harness);
  if (config.pretouch === "wait") await memory.pretouched();
  return memory;
}

/** {@link openMemory} without the promise. With `pretouch: "wait"` it touches all pages itself, and the event loop waits. */
export function openMemorySync(options: MemoryOptions, harness: Harness = {}): Memory {
  const config = resolveOptions(options);
  const memory = make(config, harness);
  if (config.pretouch === "wait" && memory instanceof ShardedMemory) memory.touchNow();
  else if (config.pretouch === "wait") {
    touchNow(memory.vm.segment);
    measurePrices(memory.vm, config, harness);
  }
  return memory;
}

function make(config: MemoryConfig, harness: Harness): Memory {
  const { shared, sharedName } = config;
  // All that a memory has, as it proves to the compiler.
  if (config.shards > 1) {
    const memory =
      sharedName === undefined
        ? new ShardedMemory(config, harness)
        : new NamedShardedMemory(sharedName, config, harness);
    return memory as unknown as Memory;
  }
  if (sharedName !== undefined) return new NamedMemory(config, harness, openNamed(sharedName, config, harness));
  return shared ? new SharedMemory(config, harness) : new Memory(config, harness);
}
