/**
 * Makes the bundled model anew, from nothing but speech synthesisers (apt-get install espeak-ng flite):
 *
 *   npm run train-bundled-model -- FOLDER
 *
 * A corpus, a recogniser that serves as teacher and judge, the tokenizer, and how good it is; hours on two cores. A rerun
 * goes on where the last one stopped. FOLDER/model is the result: model.safetensors and config.json.
 */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { packageRoot } from "../lib/io/package-root.js";
import { RunFolder } from "../lib/train/run/run-folder.js";

const recipes = join(packageRoot(), "bundled-model", "recipe");

function node(script: string, ...args: string[]): void {
  const { status, error } = spawnSync(process.execPath, [join(packageRoot(), script), ...args], { stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${script} ${args.join(" ")} ended with the status ${status}`);
}

const lmspt = (...args: string[]) => node("bin/lmspt.js", ...args);

/** Begins the run of a recipe, or goes on with it; returns its last checkpoint. */
async function train(
  command: readonly string[],
  recipe: string,
  folder: string,
  overrides: readonly string[],
): Promise<string> {
  const out = join(folder, recipe);
  if (await RunFolder.isAt(out)) lmspt(...command, out);
  else lmspt(...command, join(recipes, `${recipe}.yaml`), `out=${out}`, ...overrides);
  return (await (await RunFolder.open(out)).newest())!;
}

async function trainBundledModel(folder: string): Promise<void> {
  const speech = join(folder, "speech");
  node("dist/scripts/make-speech/main.js", speech, "--hours", "6", "--seed", "1");
  const manifest = (name: string) => join(speech, `${name}.jsonl`);
  const data = (valid: string) => [`data.train=${manifest("train")}`, `data.valid=${manifest(valid)}`];
  const asr = ["train", "asr"];
  const first = await train(asr, "recogniser", folder, data("valid-voice"));
  const recogniser = await train(asr, "recogniser-english", folder, [...data("valid-sentence"), `init=${first}`]);
  const teacher = `teacher.model=${recogniser}`;
  const tokenizer = await train(["train"], "tokenizer", folder, [...data("valid-voice"), teacher]);
  const further = [...data("valid-voice"), teacher, `init=${tokenizer}`];
  const trained = await train(["train"], "tokenizer-further", folder, further);
  const model = join(folder, "model");
  lmspt("export", trained, "--to", "safetensors", "--dtype", "f16", "-o", model, "--overwrite");
  for (const held of ["valid-sentence", "valid-voice"]) {
    lmspt("evaluate", manifest(held), "--language", "en", "--model", model, "--recogniser", recogniser);
  }
}

const [, , folder] = process.argv;
if (folder === undefined) {
  console.error("Expected a folder: npm run train-bundled-model -- FOLDER");
  process.exitCode = 2;
} else {
  void trainBundledModel(resolve(folder));
}
