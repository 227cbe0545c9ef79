/** Death at each store, with mglru lists (tears.ts). */
import { vi } from "vitest";
import { describeTears } from "./tears.ts";

vi.mock("../../src/mm/machine.ts", async (original) => {
  const { tearable } = await import("./tearing.ts");
  return tearable(await original());
});

await describeTears("mglru", [64, 0]);
