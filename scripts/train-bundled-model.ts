/**
 * Makes the bundled model anew, from nothing but speech synthesisers (apt-get install espeak-ng flite):
 *
 *   npm run train-bundled-model -- FOLDER
 *
 * A corpus, a recogniser that serves as teacher and judge, the tokenizer, and how good it is; hours on two cores. A rerun
 * goes on where the last one stopped. FOLDER/model is the result: model.safetensors and config.json.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { packageRoot } from "../lib/io/package-root.js";

const recipes = join(packageRoot(), "bundled-model", "recipe");

function node(script: string, ...args: string[]): void {
  const { status, error } = spawnSync(process.execPath, [join(packageRoot(), script), ...args], { stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${script} ${args.join(" ")} ended with the status ${status}`);
}

const lmspt = (...args: string[]) => node("bin/lmspt.js", ...args);

function newestCheckpoint(run: string): string {
  const step = (name: string) => Number(/step-(\d+)$/.exec(name)?.[1] ?? -1);
  const names = readdirSync(join(run, "checkpoint")).sort((a, b) => step(a) - step(b));
  return join(run, "checkpoint", names.at(-1)!);
}

/** Begins the run of a recipe, or goes on with it; returns its last checkpoint. */
function train(command: readonly string[], recipe: string, folder: string, overrides: readonly string[]): string {
  const out = join(folder, recipe);
  if (existsSync(join(out, "config.yaml"))) lmspt(...command, out);
  else lmspt(...command, join(recipes, `${recipe}.yaml`), `out=${out}`, ...overrides);
  return newestCheckpoint(out);
}

function trainBundledModel(folder: string): void {
  const speech = join(folder, "speech");
  node("dist/scripts/make-speech/main.js", speech, "--hours", "6", "--seed", "1");
  const manifest = (name: string) => join(speech, `${name}.jsonl`);
  const data = (valid: string) => [`data.train=${manifest("train")}`, `data.valid=${manifest(valid)}`];
  const asr = ["train", "asr"];
  const first = train(asr, "recogniser", folder, data("valid-voice"));
  const recogniser = train(asr, "recogniser-english", folder, [...data("valid-sentence"), `init=${first}`]);
  const teacher = `teacher.model=${recogniser}`;
  const tokenizer = train(["train"], "tokenizer", folder, [...data("valid-voice"), teacher]);
  const model = join(folder, "model");
  lmspt("export", tokenizer, "--to", "safetensors", "--dtype", "f16", "-o", model, "--overwrite");
  for (const held of ["valid-sentence", "valid-voice"]) {
    lmspt("evaluate", manifest(held), "--language", "en", "--model", model, "--recogniser", recogniser);
  }
}

const [, , folder] = process.argv;
if (folder === undefined) {
  console.error("Expected a folder: npm run train-bundled-model -- FOLDER");
  process.exitCode = 2;
} else {
  trainBundledModel(resolve(folder));
}
