/** How well a recogniser does on speech that it is not trained on: always the same items. */
import { characterErrorRate, wordErrorRate } from "../../eval/error-rate.js";
import type { Device } from "../../graph/device.js";
import { Graph, type Value } from "../../graph/graph.js";
import type { Plan } from "../../graph/plan.js";
import { CachedDecoder, type SpeechRules, speechRules, transcribeWindow } from "../../models/whisper/index.js";
import { Batches, type BatchOptions } from "../data/index.js";
import type { RecogniserValidationEvent } from "./events.js";
import type { Fitting } from "./fitting.js";
import { type RecogniserLoss, type RecogniserRecipe, recordLosses } from "./step.js";
import type { TextBatch } from "./text-rows.js";

interface Item extends TextBatch {
  readonly audio: Float32Array;
  readonly text: string;
  readonly language: string;
}

/** Where items come from, and how many. */
export type ValidationSource = Pick<BatchOptions, "seed" | "forms" | "workers" | "whole"> & { readonly items: number };

export class RecogniserValidation {
  private constructor(
    private readonly losses: Plan<RecogniserLoss>,
    private readonly decoder: CachedDecoder,
    private readonly rules: SpeechRules,
    private readonly items: readonly Item[],
    /** Recordings that it does without, with the reason of each. */
    readonly skipped: ReadonlyMap<string, string>,
  ) {}

  static async open(
    device: Device,
    recipe: RecogniserRecipe,
    fitting: Fitting,
    source: ValidationSource,
  ): Promise<RecogniserValidation> {
    const { whisper, tokenizer } = recipe;
    const { items, skipped } = await loadItems(fitting, source);
    const graph = new Graph();
    const recorded = recordLosses(graph, recipe, { batch: 1, tokens: fitting.rows.length });
    const losses = await graph.compile(device, recorded as Record<RecogniserLoss, Value>);
    const samples = whisper.encoder.windowSamples;
    const decoder = await CachedDecoder.create(whisper, device, { samples, beams: 1 });
    return new RecogniserValidation(losses, decoder, speechRules(tokenizer, whisper.config), items, skipped);
  }

  async run(): Promise<Omit<RecogniserValidationEvent, "kind" | "step" | "isBest">> {
    const losses: { [name in RecogniserLoss]?: number } = {};
    const texts: { reference: string; hypothesis: string }[] = [];
    const wanted = new Set(this.losses.inputs.map(({ name }) => name));
    for (const { text: reference, language, ...data } of this.items) {
      const inputs = Object.fromEntries(Object.entries(data).filter(([name]) => wanted.has(name)));
      for (const [name, [value]] of Object.entries(await this.losses.run(inputs))) {
        losses[name as RecogniserLoss] = (losses[name as RecogniserLoss] ?? 0) + value! / this.items.length;
      }
      const found = await transcribeWindow(this.decoder, data.audio, this.rules, { beams: 1, language });
      texts.push({ reference, hypothesis: this.rules.tokenizer.decode(found.tokens).trim() });
    }
    const references = texts.map(({ reference }) => reference);
    const hypotheses = texts.map(({ hypothesis }) => hypothesis);
    return {
      losses,
      wordErrorRate: wordErrorRate(references, hypotheses),
      characterErrorRate: characterErrorRate(references, hypotheses),
      texts,
    };
  }
}

/** Chosen by the seed, the same whenever a run is taken up again. */
async function loadItems({ utterances, rows }: Fitting, { items: most, ...shared }: ValidationSource) {
  const count = Math.min(most, utterances.length);
  const sources = utterances.map(({ source }) => source);
  const batches = new Batches({ ...shared, sources, batch: 1, ahead: count, start: 0 });
  try {
    const items: Item[] = [];
    while (items.length < count) {
      const { forms, items: drawn } = await batches.next();
      const utterance = utterances[drawn[0]!]!;
      items.push({ ...rows.of([utterance]), audio: forms[0]!, text: utterance.text, language: utterance.language });
    }
    return { items, skipped: batches.skipped };
  } finally {
    await batches.close();
  }
}
