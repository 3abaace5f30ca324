/** Filling a model's parameters: from a safetensors file, mapped into memory, or from a seed. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { SafetensorsHeader, TensorInfo } from "../data/safetensors.js";
import { readSafetensorsHeader, readTensor } from "../data/safetensors-reader.js";
import { LmsptError } from "../errors.js";
import { type NativeMappedFile, native } from "../graph/native.js";
import { Variable } from "../graph/variable.js";
import type { Parameter } from "../nn/index.js";
import type { LmSpt } from "./lmspt.js";

/** Names listed per kind of problem. */
const SHOWN = 8;

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
export async function loadWeights(model: LmSpt, path: string): Promise<string> {
  const header = await readSafetensorsHeader(path);
  const tensors = byPublishedName(header, path);
  checkFit(model, tensors, path);
  const file = new (native().MappedFile)(path);
  for (const parameter of model.parameters) {
    const info = tensors.get(parameter.name)!;
    parameter.assign(
      info.dtype === "F32"
        ? Variable.fromFile("f32", info.shape, file, info.begin)
        : Variable.from(await readAsFloat(path, info), info.shape),
    );
  }
  return fingerprint(model, tensors, file);
}

function byPublishedName(header: SafetensorsHeader, path: string): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, info] of header.tensors) {
    const published = canonicalName(name);
    if (tensors.has(published)) {
      throw new LmsptError("ERR_LMSPT_MODEL", `The weights in ${path} hold ${published} twice, under both its names`);
    }
    tensors.set(published, info);
  }
  return tensors;
}

function canonicalName(name: string): string {
  for (const [newer, published] of RENAMED) {
    if (name.endsWith(`.${newer}`)) return name.slice(0, -newer.length) + published;
  }
  return name;
}

async function readAsFloat(path: string, info: TensorInfo): Promise<Float32Array> {
  return Float32Array.from((await readTensor(path, info)).data as ArrayLike<number>);
}

function checkFit(model: LmSpt, tensors: ReadonlyMap<string, TensorInfo>, path: string): void {
  const expected = new Map(model.parameters.map((parameter) => [parameter.name, parameter]));
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const unexpected = [...tensors.keys()].filter((name) => !expected.has(name) && !isSharedCopy(model, name, expected));
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
      `The weights in ${path} do not fit the model's configuration; check that config.json belongs to them`,
      list("missing", missing),
      list("unexpected", unexpected),
      list("misshapen", misshapen),
    ]
      .filter((line) => line !== undefined)
      .join("\n"),
  );
}

/** With a shared encoder, files may hold it a second time under the name of the acoustic one. */
function isSharedCopy(model: LmSpt, name: string, expected: ReadonlyMap<string, Parameter>): boolean {
  const copied = name.replace(/^acoustic_encoder\./, "semantic_encoder.");
  return model.config.use_shared_encoder && copied !== name && expected.has(copied);
}

function list(title: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const more = names.length > SHOWN ? `\n    and ${names.length - SHOWN} more` : "";
  return `  ${title} (${names.length}):\n    ${names.slice(0, SHOWN).join("\n    ")}${more}`;
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
export async function randomWeights(model: LmSpt, seed: number): Promise<string> {
  const norms = new Map<string, Float64Array>();
  for (const [index, parameter] of model.parameters.entries()) {
    const { shape, initial } = parameter;
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (initial.kind === "constant") data.fill(initial.value);
    if (initial.kind === "normal") {
      fillNormal(data, initial.deviation, mix(seed, index));
      norms.set(parameter.name, rowNorms(data, shape[0]!));
    }
    if (initial.kind === "norms") data.set(norms.get(initial.of)!.map((norm) => initial.gain * norm));
    parameter.assign(Variable.from(data, shape));
    await setImmediate();
  }
  const description = JSON.stringify(["random", seed, model.config]);
  return `sha256:${createHash("sha256").update(description).digest("hex")}`;
}

function rowNorms(data: Float32Array, rows: number): Float64Array {
  const size = data.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => {
    let square = 0;
    for (let i = row * size; i < (row + 1) * size; i++) square += data[i]! ** 2;
    return Math.sqrt(square);
  });
}

/** Sums of four uniform numbers of 16 bits: near enough to normal, and the same on every machine. */
function fillNormal(data: Float32Array, deviation: number, seed: number): void {
  let state = seed | 0;
  const bits = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return t ^ (t >>> 14);
  };
  const scale = (deviation * Math.sqrt(3)) / 2 ** 16;
  for (let i = 0; i < data.length; i++) {
    const a = bits();
    const b = bits();
    data[i] = ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 2 * 0xffff) * scale;
  }
}

function mix(seed: number, index: number): number {
  return Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
}
