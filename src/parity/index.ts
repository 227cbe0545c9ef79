/** What others may use of the comparison: scenarios, runs of them, and the comparison itself. */
export { accessesOf, makeAccesses, type ScenarioAccesses } from "./accesses.ts";
export type { Check, Verdict } from "./check.ts";
export type { Figures } from "./figures.ts";
export { compare, type ParityOptions, type ParityResult } from "./parity.ts";
export type { Places, Sample } from "./program.ts";
export { DEFAULT_STEPS, type Run, type RunOptions, runScenario } from "./run.ts";
export { type Fixture, type Kernel, kernelVersion, loadFixture, type Scenario } from "./scenario.ts";
export { type Overrides, type Setup, setupOf } from "./setup.ts";
