// npm run check: types, format, lint, imports, dead code and generated files, side by side; a line for each with its duration.
import process from "node:process";
import { describeCheck, runChecks } from "./test/checks.ts";
import { endChildrenOnSignals } from "./test/run.ts";

endChildrenOnSignals();
const results = await runChecks((checked) => console.log(describeCheck(checked)));
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
