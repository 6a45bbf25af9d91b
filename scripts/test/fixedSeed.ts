import fc from "fast-check";
import { SEED } from "../../src/testing/seed.ts";

// For the properties among the unit tests, which name no seed of their own.
fc.configureGlobal({ seed: SEED });
