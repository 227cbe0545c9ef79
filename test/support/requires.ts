/**
 * Tests that need a server or a tool. On a newcomer's machine they are skipped, and their name says how to get it; under
 * CI=true a missing one is an error, so that no test is left out unseen.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

/** Declares a group of tests, as vitest's `describe` does. */
export type Describe = (name: string, body: () => void) => void;

/**
 * `describe`, if `command` is on the PATH; otherwise a describe that skips and names `install`, the command that
 * installs it.
 *
 *     const describeRemote = requireCommand("redis-server", "apt-get install redis-server");
 *     describeRemote("remote swap", () => { ... });
 *
 * @throws Error if the command is missing and CI=true
 */
export function requireCommand(command: string, install: string): Describe {
  return requireThat(hasCommand(command), `needs ${command}: ${install}`);
}

/** The same for any other need: `reason` says what is missing and how to get it. */
export function requireThat(met: boolean, reason: string): Describe {
  if (met) return (name, body) => void describe(name, body);
  if (process.env.CI === "true") throw new Error(`CI=true, but a test ${reason}`);
  return (name, body) => void describe.skip(`${name} (${reason})`, body);
}

function hasCommand(command: string): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
