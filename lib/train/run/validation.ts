/** How well speech comes back that the run does not train on: always the same crops. */

import { type Usage, usageOfCodes } from "../../eval/code-usage.js";
import type { Device } from "../../graph/device.js";
import { Graph, type Value } from "../../graph/graph.js";
import { reshape } from "../../graph/ops/index.js";
import type { Plan } from "../../graph/plan.js";
import { distillationLoss, melLoss } from "../losses/index.js";
import type { Recipe, StepResult, StepSize } from "../step/index.js";
import { teacherInput, withoutChannel } from "../step/inputs.js";
import type { StepAudio } from "./setup.js";

export interface ValidationResult {
  /** Means over the items. */
  readonly losses: StepResult["losses"];
  /** What became of each item, at the output rate. */
  readonly speech: readonly Float32Array[];
  readonly usage: { readonly semantic: Usage; readonly acoustic: Usage };
}

type Output = "mel" | "distillation" | "speech" | "semanticCodes" | "acousticCodes";

export class Validation {
  private constructor(
    private readonly plan: Plan<Output>,
    private readonly recipe: Recipe,
    readonly items: readonly StepAudio[],
  ) {}

  /** `size` is that of the items, one at a time. */
  static async compile(
    device: Device,
    recipe: Recipe,
    size: StepSize,
    items: readonly StepAudio[],
  ): Promise<Validation> {
    const { model, teacher } = recipe;
    const graph = new Graph();
    const one = { ...size, batch: 1 };
    const audio = graph.input("audio", [1, size.samples]);
    const trained = model.train(reshape(audio, [1, size.samples, 1]));
    const speech = withoutChannel(trained.speech);
    const target = graph.input("target", speech.shape);
    const outputs: Partial<Record<Output, Value>> = {
      speech,
      mel: melLoss(speech, target, model.config.output_sample_rate, recipe),
      semanticCodes: trained.semantic.codes,
      acousticCodes: trained.acoustic.codes,
    };
    if (teacher) {
      const { encoder, window, distance } = teacher;
      const original = encoder.features(teacherInput(graph, recipe, one), window);
      outputs.distillation = distillationLoss(
        encoder.features(withoutChannel(trained.auxSpeech), window),
        original,
        distance,
      );
    }
    return new Validation(await graph.compile<Output>(device, outputs as Record<Output, Value>), recipe, items);
  }

  async run(): Promise<ValidationResult> {
    const totals: Record<string, number> = {};
    const speech: Float32Array[] = [];
    const codes: { semantic: Int32Array[]; acoustic: Int32Array[] } = { semantic: [], acoustic: [] };
    const names = new Set(this.plan.inputs.map(({ name }) => name));
    for (const item of this.items) {
      const given = { ...item, target: item.target ?? item.audio };
      const result = await this.plan.run(Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name))));
      for (const name of ["mel", "distillation"] as const) {
        if (result[name]) totals[name] = (totals[name] ?? 0) + result[name][0]! / this.items.length;
      }
      speech.push(result.speech as Float32Array);
      codes.semantic.push(result.semanticCodes as Int32Array);
      codes.acoustic.push(result.acousticCodes as Int32Array);
    }
    return { losses: totals, speech, usage: this.usage(codes) };
  }

  private usage(codes: { semantic: Int32Array[]; acoustic: Int32Array[] }): ValidationResult["usage"] {
    const { config } = this.recipe.model;
    const semantic = config.n_semantic_codebooks;
    return {
      semantic: usageOfCodes(codes.semantic, semantic, config.semantic_codebook_size),
      acoustic: usageOfCodes(codes.acoustic, config.n_codebooks - semantic, config.acoustic_codebook_size),
    };
  }
}
