/** Everything that the training of a recogniser holds open. */
import { join } from "node:path";
import { Device, type DeviceName } from "../../graph/device.js";
import type { Plan } from "../../graph/plan.js";
import { fillRandomly } from "../../models/initial.js";
import {
  buildVocabulary,
  loadTextTokenizer,
  loadWhisper,
  parseWhisperConfig,
  TextTokenizer,
  Whisper,
} from "../../models/whisper/index.js";
import { whisperAudio } from "../../nn/mel.js";
import { adamwOptions } from "../config/run-fields.js";
import { Batches } from "../data/index.js";
import { Optimizer } from "../optimizer.js";
import { loadState } from "../run/checkpoint.js";
import { EventFile } from "../run/event-file.js";
import type { RunFolder } from "../run/run-folder.js";
import { namedMoments, namedParameters, readTensors } from "../run/tensors.js";
import { Aligner } from "./aligner.js";
import { chooseFitting, type Fitting } from "./fitting.js";
import type { RecogniserConfig } from "./schema.js";
import { BEGUN, type RecogniserState } from "./state.js";
import { compileRecogniserStep, type RecogniserLoss, type RecogniserRecipe } from "./step.js";
import { listUtterances, type Utterance } from "./utterances.js";
import { RecogniserValidation } from "./validation.js";

export interface RecogniserSession {
  readonly device: Device;
  readonly recipe: RecogniserRecipe;
  readonly optimizer: Optimizer;
  readonly start: RecogniserState;
  readonly step: Plan<RecogniserLoss | "norm">;
  readonly train: Fitting;
  /** Recordings whose transcripts are too long, and those that validation cannot read, with what is told of them. */
  readonly leftOut: ReadonlyMap<string, string>;
  readonly batches: Batches;
  readonly validation: RecogniserValidation | undefined;
  readonly events: EventFile;
}

/** Takes up the newest checkpoint of the folder, where there is one. */
export async function openSession(config: RecogniserConfig, folder: RunFolder): Promise<RecogniserSession> {
  const all = await listUtterances(config.data.train, config);
  const checkpoint = await folder.newest();
  const recipe = await openRecipe(config, all, checkpoint);
  const train = chooseFitting(all, recipe);
  const valid =
    config.data.valid.length === 0 ? undefined : chooseFitting(await listUtterances(config.data.valid, config), recipe);
  const optimizer = makeOptimizer(config, recipe);
  if (checkpoint !== undefined) {
    await readTensors(join(checkpoint, "optimizer.safetensors"), namedMoments({ recogniser: optimizer }));
  }
  const start = checkpoint === undefined ? BEGUN : await loadState<RecogniserState>(checkpoint);
  const device = Device.open(config.device as DeviceName, { threads: config.threads });
  try {
    const { batch, workers, ahead } = config.data;
    const step = await compileRecogniserStep(device, recipe, optimizer, { batch, tokens: train.rows.length });
    const forms = [{ rate: whisperAudio.sampleRate, samples: recipe.whisper.encoder.windowSamples }];
    const shared = { seed: config.seed, forms, workers, whole: true };
    const { items } = config.validation;
    const validation = valid && (await RecogniserValidation.open(device, recipe, valid, { ...shared, items }));
    await folder.begin();
    const events = await EventFile.create(folder.path);
    const sources = train.utterances.map((utterance) => utterance.source);
    const batches = new Batches({ ...shared, sources, batch, ahead, start: start.draw });
    const leftOut = new Map([...train.leftOut, ...(valid?.leftOut ?? []), ...(validation?.skipped ?? [])]);
    return { device, recipe, optimizer, start, step, train, leftOut, batches, validation, events };
  } catch (error) {
    await device.close();
    throw error;
  }
}

async function openRecipe(
  config: RecogniserConfig,
  utterances: readonly Utterance[],
  checkpoint: string | undefined,
): Promise<RecogniserRecipe> {
  const folder = checkpoint ?? config.init ?? undefined;
  const { whisper, tokenizer } = folder === undefined ? await newModel(config, utterances) : await openModel(folder);
  const { losses: weights, seed } = config;
  if (weights.alignment === 0) return { whisper, tokenizer, aligner: undefined, weights };
  const aligner = new Aligner(whisper.config);
  await fillRandomly(aligner.parameters, seed + 1, { trainable: true });
  if (checkpoint !== undefined) {
    await readTensors(join(checkpoint, "aligner.safetensors"), namedParameters(aligner.parameters));
  }
  return { whisper, tokenizer, aligner, weights };
}

type Model = Pick<RecogniserRecipe, "whisper" | "tokenizer">;

async function openModel(folder: string): Promise<Model> {
  const whisper = await loadWhisper(folder, { trainable: true });
  return { whisper, tokenizer: await loadTextTokenizer(folder) };
}

/** The vocabulary of the transcripts, random weights. */
async function newModel({ model, text, seed }: RecogniserConfig, utterances: readonly Utterance[]): Promise<Model> {
  const languages = [...new Set(utterances.map(({ language }) => language))].sort();
  const texts = utterances.map((utterance) => utterance.text);
  const tokenizer = new TextTokenizer(buildVocabulary(texts, { merges: text.merges, languages }));
  const { vocabulary } = tokenizer;
  const config = parseWhisperConfig({ ...model, vocab_size: vocabulary.text.size + vocabulary.special.size });
  const whisper = new Whisper(config);
  await fillRandomly(whisper.parameters, seed, { trainable: true });
  return { whisper, tokenizer };
}

/** The encoder's table of positions is not trained. */
function makeOptimizer({ optimizer }: RecogniserConfig, { whisper, aligner }: RecogniserRecipe): Optimizer {
  const parameters = [...whisper.parameters, ...(aligner?.parameters ?? [])];
  const trained = parameters.filter(({ initial }) => initial.kind !== "sinusoids");
  return new Optimizer(trained, adamwOptions(optimizer));
}
