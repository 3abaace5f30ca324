import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LmsptError } from "../errors.js";
import { isFile } from "../io/system-errors.js";

export const CONFIG_FILE = "config.json";
export const WEIGHTS_FILE = "model.safetensors";
export const WEIGHTS_SUFFIX = ".safetensors";

/** The files of a model on disk; `configPath` is undefined where no `config.json` lies beside the weights. */
export interface ModelFiles {
  readonly configPath: string | undefined;
  readonly weightsPath: string;
}

/**
 * Finds the model in `folder`: `model.safetensors`, else the only other `*.safetensors` file.
 * Throws ERR_LMSPT_MODEL when there is none or the choice is not clear.
 */
export async function findModelInFolder(folder: string): Promise<ModelFiles> {
  const weights = (await readdir(folder)).filter((name) => name.endsWith(WEIGHTS_SUFFIX)).sort();
  const chosen = weights.includes(WEIGHTS_FILE) ? WEIGHTS_FILE : weights[0];
  if (chosen === undefined) {
    throw new LmsptError(
      "ERR_LMSPT_MODEL",
      `Expected ${WEIGHTS_FILE} (or one other *${WEIGHTS_SUFFIX} file) in the model folder ${folder}, but it holds none`,
    );
  }
  if (chosen !== WEIGHTS_FILE && weights.length > 1) {
    throw new LmsptError(
      "ERR_LMSPT_MODEL",
      `Expected ${WEIGHTS_FILE} or a single *${WEIGHTS_SUFFIX} file in the model folder ${folder}, but it holds ` +
        `${weights.length}: ${weights.join(", ")}. Name the file instead of the folder`,
    );
  }
  return modelAt(join(folder, chosen));
}

/** The model whose weights lie at `weightsPath`, with the `config.json` beside them. */
export async function modelAt(weightsPath: string): Promise<ModelFiles> {
  const configPath = join(dirname(weightsPath), CONFIG_FILE);
  return { configPath: (await isFile(configPath)) ? configPath : undefined, weightsPath };
}
