// The program of the thread that apart.ts starts.
import { parentPort, workerData } from "node:worker_threads";
import { parseText } from "./parse.ts";

parentPort?.postMessage(parseText(workerData as string));
