/** Opens the swap devices of a configuration. */
import { LieuError, shown } from "../errors.ts";
import type { SwapDevice } from "../swap/device.ts";
import { openFileDevice } from "../swap/file.ts";
import { openNullDevice } from "../swap/null.ts";
import { poolStandIn } from "../swap/pool.ts";
import { openRemoteDevice } from "../swap/remote.ts";
import type { SwapConfig } from "./swap-options.ts";

/** Replaces a device as it is opened, for example with one that injects faults. */
export type WrapDevice = (device: SwapDevice, name: string) => SwapDevice;

/** Open all devices, or none: those already open are closed again if one fails. `shared`: other processes will open them, too. */
export function openSwapDevices(configs: readonly SwapConfig[], wrap?: WrapDevice, shared = false): SwapDevice[] {
  const devices: SwapDevice[] = [];
  try {
    for (const config of configs) {
      const device = openDevice(config, shared);
      devices.push(device);
      if (wrap !== undefined && config.options.kind !== "zswap")
        devices[devices.length - 1] = checkWrapped(wrap(device, config.name), device, config.name);
    }
  } catch (error) {
    for (const device of devices) device.close();
    throw error;
  }
  return devices;
}

function openDevice(config: SwapConfig, shared: boolean): SwapDevice {
  const { options, bytes } = config;
  switch (options.kind) {
    case "file":
      return openFileDevice({ path: options.path, size: bytes, keep: options.keep, shared });
    case "remote":
      return openRemoteDevice({ ...options, size: bytes });
    case "zswap":
      return poolStandIn(bytes / 4096);
    case "null":
      return openNullDevice({ size: bytes });
    default:
      throw new LieuError("EINVAL", `swap kind ${shown((options as { kind: unknown }).kind)} is not known`);
  }
}

/** A wrapper may change how a device behaves, not what the engine has been told of it. */
function checkWrapped(made: SwapDevice, device: SwapDevice, name: string): SwapDevice {
  if (made.slots === device.slots && made.keepsBytes === device.keepsBytes) return made;
  const is = `${made.slots} slots, keepsBytes ${made.keepsBytes}`;
  const must = `${device.slots} and ${device.keepsBytes}`;
  throw new LieuError("EINVAL", `the device that wraps swap ${name} has ${is}; it must have ${must}`);
}
