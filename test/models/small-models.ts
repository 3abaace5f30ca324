/** Small models for tests: configurations, random weights, graphs run once, folders that models are loaded from. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors } from "../../lib/data/safetensors-writer.js";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import type { Data } from "../../lib/graph/native.js";
import { parseConfig } from "../../lib/models/config.js";
import { LmSpt } from "../../lib/models/lmspt.js";
import { randomWeights } from "../../lib/models/weights.js";

/** Fields of a config.json: 12 samples per frame, 8 codebooks. */
export const SMALL_FIELDS = {
  sample_rate: 16000,
  encoder_rates: [2, 3, 2],
  decoder_rates: [2, 3, 2],
  encoder_dim: 4,
  latent_dim: 8,
  decoder_dim: 16,
  semantic_codebook_size: 64,
  acoustic_codebook_size: 32,
  aux_decoder: { channels: 8, rates: [3, 2], sample_rate: 8000 },
};

/** Fields of the least work per sample with the public 1920 samples per frame. */
export const NARROW_FIELDS = {
  ...SMALL_FIELDS,
  sample_rate: 24000,
  encoder_rates: [4, 5, 6, 8, 2],
  decoder_rates: [2, 8, 6, 5, 4],
  encoder_dim: 1,
  decoder_dim: 32,
  n_codebooks: 2,
  use_shared_encoder: true,
  dilation: [1],
  residual_kernel_size: 1,
  aux_decoder: { channels: 16, rates: [8, 8, 5, 4], sample_rate: 16000 },
};

/** A model with the weights of a seed. */
export async function randomModel(fields: object, seed = 1): Promise<LmSpt> {
  const model = new LmSpt(parseConfig(fields));
  await randomWeights(model, seed);
  return model;
}

/** The weights of a model, by the published names. */
export function weightsOf(model: LmSpt): Map<string, { shape: readonly number[]; data: Float32Array }> {
  return new Map(
    model.parameters.map(({ name, shape, variable }) => [name, { shape, data: variable.read() as Float32Array }]),
  );
}

/** Runs one graph of one input once. */
export async function compute(
  device: Device,
  data: Data,
  shape: readonly number[],
  build: (x: Value) => Value,
): Promise<Data> {
  const graph = new Graph();
  const x = graph.input("x", shape, data instanceof Int32Array ? "i32" : "f32");
  const plan = await graph.compile(device, { y: build(x) });
  return (await plan.run({ x: data })).y;
}

/** A temporary folder per suite; the function returned gives paths in it. */
export function useFolder(): (name?: string) => string {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-models-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  return (name = "") => join(folder, name);
}

/** Puts config.json and model.safetensors of a model into an existing folder. */
export async function saveModel(model: LmSpt, folder: string, weights = weightsOf(model)): Promise<void> {
  await writeFile(join(folder, "config.json"), JSON.stringify(model.config));
  const tensors = [...weights].map(([name, tensor]) => [name, { dtype: "F32", ...tensor }] as const);
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}
