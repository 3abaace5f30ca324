/**
 * Writes what the op tests evaluate as plan files that check themselves, for the native runner:
 *   node dist/scripts/export-native-cases.js FOLDER
 * Every file holds a graph with its weights, the inputs, and the expected outputs (reference values where the test has
 * them) with their tolerance. Of a test that evaluates many graphs, random ones for instance, the first few are taken.
 * FOLDER/damaged holds files that are broken, or valid by chance: the runner may refuse them, but must not crash.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import Mocha from "mocha";
import { native, packageRoot } from "../lib/graph/native.js";
import { damagedPlanFiles } from "../test/graph/plan-files.js";
import { observeEvaluations } from "../test/ops/support.js";

const graphsPerTest = 12;
const damagedFiles = 800;
const testFolder = join(packageRoot(), "dist", "test");
const testFiles = [
  ...readdirSync(join(testFolder, "ops")).map((name) => join("ops", name)),
  join("nn", "stft.test.js"),
];

function fileName(test: string, index: number): string {
  const words = test.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${words.slice(0, 100)}-${String(index).padStart(2, "0")}.plan`;
}

/** Runs the op tests on one CPU variant and writes what they evaluate; rejects where one fails. */
async function exportCases(folder: string): Promise<number> {
  const [variant] = native().describeCpu().variants;
  const mocha = new Mocha({ reporter: Mocha.reporters.Base, fgrep: ` on ${variant} `, timeout: 60_000 });
  for (const file of testFiles) if (file.endsWith(".test.js")) mocha.addFile(join(testFolder, file));
  fc.configureGlobal({ seed: 1 });
  const filesOf = new Map<string, number>();
  const failures: string[] = [];
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    runner.on("fail", (test, error) => failures.push(`${test.fullTitle()}: ${error.message}`));
    observeEvaluations(({ graph, outputs, samples }) => {
      const title = runner.test!.fullTitle().replace(` on ${variant}`, "");
      const index = filesOf.get(title) ?? 0;
      if (index === graphsPerTest) return;
      filesOf.set(title, index + 1);
      writeFileSync(join(folder, fileName(title, index)), graph.serialize(outputs, samples));
    });
  });
  if (failures.length > 0)
    throw new Error(`The op tests fail, so their results prove nothing:\n${failures.join("\n")}`);
  return [...filesOf.values()].reduce((total, files) => total + files, 0);
}

function exportDamaged(folder: string): number {
  mkdirSync(folder);
  for (const [i, bytes] of damagedPlanFiles(damagedFiles, 2).entries()) writeFileSync(join(folder, `${i}.plan`), bytes);
  return damagedFiles;
}

async function main(folder: string | undefined): Promise<void> {
  if (folder === undefined) throw new Error("usage: export-native-cases FOLDER");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`${await exportCases(folder)} plan files in ${folder}`);
  console.log(`${exportDamaged(join(folder, "damaged"))} damaged ones in ${join(folder, "damaged")}`);
}

main(process.argv[2]).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
