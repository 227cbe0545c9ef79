/** Whether the test file at hand is run once more, on a memory of several shards (test/shards/suites.test.ts). */
export const inShards: boolean = process.env.LIEU_SHARDS !== undefined;
