/** What a step's plans read: named inputs, the same for both where both have them. */
import { Graph, type Value } from "../../graph/graph.js";
import { reshape } from "../../graph/ops/index.js";
import type { Precision } from "../../graph/precision.js";
import { type Recipe, TEACHER_RATE } from "./recipe.js";

export interface StepSize {
  readonly batch: number;
  /** Samples of each item at the model's input rate. */
  readonly samples: number;
  /** Batches whose gradients are added up for one update; 1 by default. */
  readonly parts?: number;
  /** Whether activations inside encoders and decoders are computed again for the gradients; kept by default. */
  readonly recompute?: boolean;
  /** Of the matrix products; float32 by default. */
  readonly precision?: Precision;
  /** Whether the discriminators take part; they do by default. */
  readonly adversarial?: boolean;
}

export interface StepInputs {
  readonly graph: Graph;
  /** What the model hears (B, samples, 1). */
  readonly audio: Value;
  /** What it should say (B, samples at the output rate). */
  readonly target: Value;
  /** Acoustic codebooks that count for each item (B). */
  readonly codebooks: Value;
  readonly rate: Value;
  readonly step: Value;
}

export function stepInputs({ model }: Recipe, { batch, samples, recompute = false }: StepSize): StepInputs {
  const graph = new Graph({ recompute });
  const { sample_rate: heard, output_sample_rate: said } = model.config;
  const audio = graph.input("audio", [batch, samples]);
  return {
    graph,
    audio: reshape(audio, [batch, samples, 1]),
    target: said === heard ? audio : graph.input("target", [batch, lengthAt(said, samples, heard)]),
    codebooks: graph.input("codebooks", [batch]),
    rate: graph.input("rate", []),
    step: graph.input("step", []),
  };
}

/** The original as the teacher hears it (B, samples at 16 kHz). */
export function teacherInput(graph: Graph, { model }: Recipe, { batch, samples }: StepSize): Value {
  return graph.input("teacherAudio", [batch, lengthAt(TEACHER_RATE, samples, model.config.sample_rate)]);
}

/** (B, samples, 1) -> (B, samples) */
export function withoutChannel(speech: Value): Value {
  return reshape(speech, speech.shape.slice(0, 2));
}

function lengthAt(rate: number, samples: number, sampleRate: number): number {
  return Math.floor((samples * rate) / sampleRate);
}
