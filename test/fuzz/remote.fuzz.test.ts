/**
 * A server in trouble at random moments, for LIEU_REMOTE_OPS operations (a million by default): no wrong byte, no lost page of a region, and
 * no operation that takes over a second. LIEU_SEED is the seed.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeWithRedis } from "../support/redis.ts";
import { storm } from "../support/remote-storm.ts";

const OPS = Number(process.env.LIEU_REMOTE_OPS ?? 1_000_000);

describeWithRedis("a server in trouble", () => {
  test(`at random moments of ${OPS} operations`, async () => {
    const result = await storm(OPS, join(tmpdir(), `lieu-storm-${process.pid}`));
    console.info(result);
    expect(result.longest).toBeLessThanOrEqual(1000);
  });
});
