/**
 * How another thread comes by a device: the thread that opened it sends `device.descriptor()`, the other calls {@link attachDevice}.
 * Both may use it until each has closed its own; the content goes with the owner's.
 */
import type { DeviceDescriptor, SwapDevice } from "./device.ts";
import { attachFileDevice } from "./file-slots.ts";
import { openNullDevice } from "./null.ts";
import { poolStandIn } from "./pool.ts";
import { attachRemoteDevice } from "./remote.ts";

/**
 * The device of this descriptor, for this thread.
 *
 * @throws LieuError ECLOSED (its owner has closed it), EACCES, EIO
 */
export function attachDevice(descriptor: DeviceDescriptor): SwapDevice {
  switch (descriptor.kind) {
    case "file":
      return attachFileDevice(descriptor);
    case "remote":
      return attachRemoteDevice(descriptor);
    case "zswap":
      return poolStandIn(descriptor.slots);
    case "null":
      return openNullDevice({ size: descriptor.slots * 4096 });
  }
}
