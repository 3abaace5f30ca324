/** A model as a folder that `Tokenizer.load` reads: model.safetensors with the public names, and config.json. */
import { narrow } from "../data/half-precision.js";
import { encodeSafetensors, type StoredTensor } from "../data/safetensors-writer.js";
import { CONFIG_FILE, WEIGHTS_FILE } from "../hub/index.js";
import type { LmSpt } from "../models/lmspt.js";
import type { Parameter } from "../nn/index.js";
import type { ExportedFile } from "./exported-file.js";

export const WEIGHT_DTYPES = ["f32", "f16", "bf16"] as const;

/** What weights are stored as; computing is the same. float16 rounds to 11 bits, bfloat16 to 8. */
export type WeightDtype = (typeof WEIGHT_DTYPES)[number];

export function* exportModelFolder(model: LmSpt, dtype: WeightDtype): Generator<ExportedFile> {
  const tensors = model.parameters.map((parameter) => [parameter.name, stored(parameter, dtype)] as const);
  yield { name: WEIGHTS_FILE, bytes: encodeSafetensors(tensors) };
  yield { name: CONFIG_FILE, bytes: Buffer.from(`${JSON.stringify(model.config, undefined, 2)}\n`) };
}

function stored({ variable, shape }: Parameter, dtype: WeightDtype): StoredTensor {
  const data = variable.read() as Float32Array;
  if (dtype === "f32") return { dtype: "F32", shape, data };
  const half = dtype === "f16" ? "F16" : "BF16";
  return { dtype: half, shape, data: narrow(data, half) };
}
