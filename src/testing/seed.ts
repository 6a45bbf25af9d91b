import process from "node:process";

const CHOSEN = process.env["FAIRLEAD_SEED"] ?? "20261125";

/** The same values in every run of `npm test`, so that a red one is its change's doing; the soak looks for new ones. */
export const SEED = CHOSEN === "random" ? Date.now() % 2 ** 31 : Number(CHOSEN);

/** How many random stories there are, of which a costly property takes a part. */
export const RUNS = Number(process.env["FAIRLEAD_RUNS"] ?? 10_000);
