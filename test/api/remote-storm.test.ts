/** A server in trouble at random moments, for a short while; `npm run fuzz -- remote` goes on for longer. */
import { expect, test } from "vitest";
import { describeWithRedis } from "../support/redis.ts";
import { storm } from "../support/remote-storm.ts";
import { swapPath } from "./helpers.ts";

const OPS = Number(process.env.LIEU_REMOTE_OPS ?? 15_000);

describeWithRedis("a server in trouble at random moments", () => {
  test(`gives no wrong byte and loses no page of a region, in ${OPS} operations`, { timeout: 120_000 }, async () => {
    const result = await storm(OPS, swapPath());
    expect(result.hits).toBeGreaterThan(0);
    expect(result.misses).toBeGreaterThan(0);
  });
});
