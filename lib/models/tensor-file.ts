/** Giving parameters the tensors of a safetensors file that have their names. */
import type { SafetensorsHeader, TensorInfo } from "../data/safetensors.js";
import { readSafetensorsHeader, readTensor } from "../data/safetensors-reader.js";
import { LmsptError } from "../errors.js";
import { type NativeMappedFile, native } from "../graph/native.js";
import { Variable } from "../graph/variable.js";
import type { Parameter } from "../nn/index.js";

/** Names listed per kind of problem. */
const SHOWN = 8;

export interface TensorFileOptions {
  /** The parameter's name for a tensor's name. */
  readonly rename?: (name: string) => string;
  /** Whether a tensor that no parameter has the name of (after renaming) may be there. */
  readonly ignore?: (name: string) => boolean;
  /** What would make the tensors fit, for the error's message. */
  readonly advice: string;
  /** Trainable parameters are copied; the others lie where the mapped file has them. */
  readonly trainable?: boolean;
}

export interface AssignedTensors {
  readonly file: NativeMappedFile;
  /** By the parameters' names. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** Throws ERR_LMSPT_MODEL with lists of what is missing, unexpected and misshapen where file and parameters do not fit. */
export async function assignFromFile(
  parameters: readonly Parameter[],
  path: string,
  options: TensorFileOptions,
): Promise<AssignedTensors> {
  const header = await readSafetensorsHeader(path);
  const tensors = byParameterName(header, path, options.rename ?? ((name) => name));
  checkFit(parameters, tensors, path, options);
  const file = new (native().MappedFile)(path);
  for (const parameter of parameters) {
    const info = tensors.get(parameter.name)!;
    parameter.assign(
      info.dtype === "F32" && !options.trainable
        ? Variable.fromFile("f32", info.shape, file, info.begin)
        : Variable.from(await readAsFloat(path, info), info.shape, { frozen: !options.trainable }),
    );
  }
  return { file, tensors };
}

function byParameterName(
  header: SafetensorsHeader,
  path: string,
  rename: (name: string) => string,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, info] of header.tensors) {
    const renamed = rename(name);
    if (tensors.has(renamed)) {
      throw new LmsptError("ERR_LMSPT_MODEL", `The weights in ${path} hold ${renamed} twice, under both its names`);
    }
    tensors.set(renamed, info);
  }
  return tensors;
}

async function readAsFloat(path: string, info: TensorInfo): Promise<Float32Array> {
  return Float32Array.from((await readTensor(path, info)).data as ArrayLike<number>);
}

function checkFit(
  parameters: readonly Parameter[],
  tensors: ReadonlyMap<string, TensorInfo>,
  path: string,
  { ignore, advice }: TensorFileOptions,
): void {
  const expected = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const unexpected = [...tensors.keys()].filter((name) => !expected.has(name) && !ignore?.(name));
  const misshapen: string[] = [];
  for (const [name, { shape, dtype }] of tensors) {
    const wanted = expected.get(name)?.shape;
    if (wanted === undefined) continue;
    if (!["F32", "F16", "BF16", "F64"].includes(dtype)) {
      misshapen.push(`${name}: expected floating point numbers, got ${dtype}`);
    } else if (wanted.length !== shape.length || wanted.some((size, i) => size !== shape[i])) {
      misshapen.push(`${name}: expected [${wanted.join(", ")}], got [${shape.join(", ")}]`);
    }
  }
  if (missing.length + unexpected.length + misshapen.length === 0) return;
  throw new LmsptError(
    "ERR_LMSPT_MODEL",
    [
      `The weights in ${path} do not fit the model's configuration; ${advice}`,
      list("missing", missing),
      list("unexpected", unexpected),
      list("misshapen", misshapen),
    ]
      .filter((line) => line !== undefined)
      .join("\n"),
  );
}

function list(title: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const more = names.length > SHOWN ? `\n    and ${names.length - SHOWN} more` : "";
  return `  ${title} (${names.length}):\n    ${names.slice(0, SHOWN).join("\n    ")}${more}`;
}
