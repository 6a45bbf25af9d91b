import { defineConfig } from "vitest/config";

const PROCESSES = [
  "src/adapters/git/**/*.test.ts",
  "src/adapters/signatures/**/*.test.ts",
  "e2e/apps/git*.unit.test.ts",
];

/** They replace what all files of a process share: modules, the environment, a built-in function. */
const ALONE = [
  "src/controllers/http/signature.test.ts",
  "src/controllers/sync/autoscalers.test.ts",
  "e2e/cluster/{cache,images}.unit.test.ts",
];

/**
 * unit: pure logic and in-process servers, the inner loop (about 20 s on two processors, with alone: files that need a process each).
 * processes: adapters that start real processes: git and ssh.
 * property: random interleavings; FAIRLEAD_RUNS sets how many. A soak of 100,000 takes most of an hour.
 * apiserver: a real etcd and API server. cluster: a real node with real pods.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "scripts/**/*.test.ts", "e2e/**/*.unit.test.ts"],
          exclude: [...PROCESSES, ...ALONE],
          setupFiles: ["scripts/test/fixedSeed.ts"],
          // To load the same modules for each of some 250 files takes longer than all their tests.
          isolate: false,
          maxWorkers: 2,
          testTimeout: 20_000,
        },
      },
      { test: { name: "alone", include: ALONE } },
      // A busy machine starts processes slowly.
      { test: { name: "processes", include: PROCESSES, testTimeout: 60_000, hookTimeout: 60_000 } },
      {
        test: { name: "property", include: ["src/**/*.property.ts", "e2e/**/*.property.ts"], testTimeout: 14_400_000 },
      },
      {
        test: {
          name: "apiserver",
          include: ["e2e/apiserver/**/*.e2e.ts"],
          // They wait for conditions most of the time.
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 1_800_000,
        },
      },
      {
        test: {
          name: "cluster",
          include: ["e2e/suites/**/*.e2e.ts"],
          // One cluster for all suites, which run one after the other; those of cluster.e2e.ts have their own.
          globalSetup: ["e2e/harness/globalSetup.ts"],
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
