/** One seed for all that is left to chance in a run, fast-check's properties included: LIEU_SEED shows any of it again. */
import fc from "fast-check";
import { runSeed } from "../property/source.ts";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: runSeed() | 0 });
