/** Filling a model's parameters: from a safetensors file, mapped into memory, or from a seed. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { TensorInfo } from "../data/safetensors.js";
import type { NativeMappedFile } from "../graph/native.js";
import { fillRandomly } from "./initial.js";
import type { LmSpt } from "./lmspt.js";
import { assignFromFile } from "./tensor-file.js";

/** Bytes hashed before the event loop has its turn. */
const HASHED_AT_ONCE = 4 << 20;

/** The newer names of weight norm's two parts, and the ones that the public file has. */
const RENAMED: readonly [string, string][] = [
  ["parametrizations.weight.original0", "weight_g"],
  ["parametrizations.weight.original1", "weight_v"],
];

/**
 * Assigns the tensors of a safetensors file to the model. Throws ERR_LMSPT_MODEL with lists of what is missing,
 * unexpected and misshapen where they do not fit. Returns the fingerprint of the weights: `sha256:` and 64 digits.
 */
export async function loadWeights(
  model: LmSpt,
  path: string,
  options: { readonly trainable?: boolean; readonly advice?: string } = {},
): Promise<string> {
  const expected = new Set(model.parameters.map((parameter) => parameter.name));
  const { file, tensors } = await assignFromFile(model.parameters, path, {
    rename: canonicalName,
    ignore: (name) => isSharedCopy(model, name, expected),
    advice: options.advice ?? "check that config.json belongs to them",
    trainable: options.trainable,
  });
  return fingerprint(model, tensors, file);
}

function canonicalName(name: string): string {
  for (const [newer, published] of RENAMED) {
    if (name.endsWith(`.${newer}`)) return name.slice(0, -newer.length) + published;
  }
  return name;
}

/** With a shared encoder, files may hold it a second time under the name of the acoustic one. */
function isSharedCopy(model: LmSpt, name: string, expected: ReadonlySet<string>): boolean {
  const copied = name.replace(/^acoustic_encoder\./, "semantic_encoder.");
  return model.config.use_shared_encoder && copied !== name && expected.has(copied);
}

/**
 * Of all that codes depend on: the configuration, and the model's tensors in the order of their published names (types,
 * shapes and bytes, wherever they lie in the file).
 */
async function fingerprint(
  model: LmSpt,
  tensors: ReadonlyMap<string, TensorInfo>,
  file: NativeMappedFile,
): Promise<string> {
  const { quantizer_dropout: _, ...config } = model.config;
  const hash = createHash("sha256").update(JSON.stringify(config));
  for (const name of model.parameters.map((parameter) => parameter.name).sort()) {
    const info = tensors.get(name)!;
    hash.update(JSON.stringify([name, info.dtype, info.shape]));
    for (let begin = info.begin; begin < info.end; begin += HASHED_AT_ONCE) {
      hash.update(file.read(begin, Math.min(info.end, begin + HASHED_AT_ONCE)));
      await setImmediate();
    }
  }
  return `sha256:${hash.digest("hex")}`;
}

/** Assigns random values that the seed alone determines. Returns the model's fingerprint. */
export async function randomWeights(
  model: LmSpt,
  seed: number,
  options: { readonly trainable?: boolean } = {},
): Promise<string> {
  await fillRandomly(model.parameters, seed, options);
  const description = JSON.stringify(["random", seed, model.config]);
  return `sha256:${createHash("sha256").update(description).digest("hex")}`;
}
