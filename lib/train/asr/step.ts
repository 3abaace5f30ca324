/** One update of a recogniser: audio and the text so far in, the text's next tokens foretold. */
import type { Device } from "../../graph/device.js";
import { Graph, type Value } from "../../graph/graph.js";
import { add, crossEntropy, mul, reshape } from "../../graph/ops/index.js";
import type { Plan } from "../../graph/plan.js";
import type { TextTokenizer, Whisper } from "../../models/whisper/index.js";
import type { Optimizer } from "../optimizer.js";
import type { Aligner } from "./aligner.js";
import type { TextBatch } from "./text-rows.js";

/** What is trained, and with what. */
export interface RecogniserRecipe {
  readonly whisper: Whisper;
  readonly tokenizer: TextTokenizer;
  /** Where the loss of alignment counts. */
  readonly aligner: Aligner | undefined;
  readonly weights: { readonly text: number; readonly alignment: number };
}

export interface RecogniserSize {
  readonly batch: number;
  /** Tokens of an item, the prompt included. */
  readonly tokens: number;
}

export interface RecogniserBatch extends TextBatch {
  /** Windows of 16 kHz, one after another. */
  readonly audio: Float32Array;
}

export type RecogniserLoss = "text" | "alignment" | "total";

export type RecogniserLosses = { readonly [name in RecogniserLoss]?: number };

/** Records the losses of a batch, and what they are computed from. */
export function recordLosses(
  graph: Graph,
  { whisper, tokenizer, aligner, weights }: RecogniserRecipe,
  { batch, tokens }: RecogniserSize,
): Partial<Record<RecogniserLoss, Value>> & { readonly total: Value } {
  const features = whisper.encoder.features(graph.input("audio", [batch, whisper.encoder.windowSamples]));
  const scores = whisper.decoder.forward(graph.input("tokens", [batch, tokens], "i32"), features);
  const targets = reshape(graph.input("targets", [batch, tokens], "i32"), [batch * tokens]);
  const text = crossEntropy(reshape(scores, [batch * tokens, whisper.config.vocab_size]), targets);
  const weighted = mul(text, weights.text);
  if (!aligner) return { text, total: weighted };
  const alignment = aligner.loss(features, graph.input("labels", [batch, tokens], "i32"), tokenizer.end);
  return { text, alignment, total: add(weighted, mul(alignment, weights.alignment)) };
}

export function compileRecogniserStep(
  device: Device,
  recipe: RecogniserRecipe,
  optimizer: Optimizer,
  size: RecogniserSize,
): Promise<Plan<RecogniserLoss | "norm">> {
  const graph = new Graph();
  const losses = recordLosses(graph, recipe, size);
  const { norm, updates } = optimizer.record(losses.total, graph.input("rate", []), graph.input("step", []));
  return graph.compile(device, { ...losses, norm } as Record<RecogniserLoss | "norm", Value>, updates);
}
