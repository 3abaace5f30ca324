/** A model with weights on a device: codes from samples and samples from codes, for any length, with exact seams. */
import type { Device } from "../graph/device.js";
import type { Data } from "../graph/native.js";
import type { Precision } from "../graph/precision.js";
import { batchesOf, batchesOfEqual } from "./batches.js";
import { CausalPlans } from "./causal-plans.js";
import { CausalDecoder, CausalEncoder } from "./causal-stream.js";
import { type ModelConfig, samplesPerFrame } from "./config.js";
import type { Decoder } from "./decoder.js";
import type { LmSpt } from "./lmspt.js";
import { type DecodeSelection, ModelStages } from "./model-stages.js";
import { inParts, RaggedBatch } from "./ragged-batch.js";
import { StageStream } from "./stages.js";
import { type Prompt, promptRules, wholeRules } from "./window-rules.js";
import {
  type CodeDecoder,
  deinterleave,
  interleave,
  type SampleEncoder,
  WindowDecoder,
  WindowEncoder,
} from "./window-streams.js";

/** Frames that are handed on between looks at the signal. */
const PUSHED_FRAMES = 128;
/** An item of at most so many frames goes through one plan as a whole. */
const SHORT_FRAMES = 128;
/** Items of equal length that go through a plan together, if no more than short ones altogether: more is not faster. */
const MOST_EQUAL = 8;

export type { DecodeSelection };

export interface Progress {
  readonly signal?: AbortSignal;
  /** Called after each piece of work with the number of frames done. */
  readonly onFrames?: (done: number) => void;
}

export class ModelEngine {
  readonly samplesPerFrame: number;
  private readonly stages: ModelStages;
  /** What a causal model steps through streams with. */
  private readonly steps: CausalPlans | undefined;
  /** Whether short items go through plans together whatever their lengths: where one alone does not keep a device busy. */
  private readonly mixes: boolean;

  constructor(
    private readonly model: LmSpt,
    device: Device,
    precision: Precision = "fp32",
  ) {
    this.samplesPerFrame = samplesPerFrame(model.config);
    this.stages = new ModelStages(model, device, precision);
    this.mixes = device.kind === "cuda" && process.env.LMSPT_RAGGED !== "0" && keepsFrames(model.config);
    this.steps = model.config.is_causal ? new CausalPlans(model, device, precision) : undefined;
  }

  get config(): ModelConfig {
    return this.model.config;
  }

  /** Codes come in few large windows. */
  encoder(): SampleEncoder {
    const stages = this.stages.encoding();
    return new WindowEncoder(new StageStream(stages, wholeRules(stages)), this.config.n_codebooks);
  }

  /** Codes come as soon as they can: of a causal model, with every frame. */
  promptEncoder(prompt: Prompt): SampleEncoder {
    if (this.steps) return new CausalEncoder(this.steps);
    const stages = this.stages.encoding();
    return new WindowEncoder(new StageStream(stages, promptRules(stages, prompt)), this.config.n_codebooks);
  }

  /** Samples come in few large windows. */
  decoder(selection: DecodeSelection): CodeDecoder {
    const stages = this.stages.decoding(selection);
    return new WindowDecoder(new StageStream(stages, wholeRules(stages)));
  }

  /** Samples come as soon as they can: from the main decoder of a causal model, with every frame. */
  promptDecoder(selection: DecodeSelection, prompt: Prompt): CodeDecoder {
    if (this.steps && selection.decoder === "main") return new CausalDecoder(this.steps, selection);
    const stages = this.stages.decoding(selection);
    return new WindowDecoder(new StageStream(stages, promptRules(stages, prompt)));
  }

  /** Samples, completed to whole frames by zeros -> K codebooks of codes, the semantic ones first. */
  async encode(samples: Float32Array, { signal, onFrames }: Progress): Promise<Int32Array[]> {
    const frames = this.framesOf(samples.length);
    if (isShort(frames)) {
      signal?.throwIfAborted();
      const [codes] = await this.encodeTogether([samples]);
      signal?.throwIfAborted();
      onFrames?.(frames);
      return codes!;
    }
    const codebooks = Array.from({ length: this.config.n_codebooks }, () => new Int32Array(frames));
    const encoder = this.encoder();
    let done = 0;
    const keep = (codes: readonly Int32Array[]) => {
      for (const [k, codebook] of codebooks.entries()) codebook.set(codes[k]!, done);
      done += codes[0]!.length;
      if (codes[0]!.length > 0) onFrames?.(done);
    };
    const pushed = PUSHED_FRAMES * this.samplesPerFrame;
    for (let start = 0; start < samples.length; start += pushed) {
      signal?.throwIfAborted();
      keep(await encoder.push(samples.subarray(start, start + pushed)));
    }
    signal?.throwIfAborted();
    keep(await encoder.finish());
    return codebooks;
  }

  /** Codes of all codebooks -> `samples` samples. */
  async decode(
    codebooks: readonly Int32Array[],
    samples: number,
    selection: DecodeSelection,
    { signal, onFrames }: Progress,
  ): Promise<Float32Array> {
    const frames = codebooks[0]!.length;
    if (isShort(frames)) {
      signal?.throwIfAborted();
      const [whole] = await this.decodeTogether([codebooks], selection);
      signal?.throwIfAborted();
      onFrames?.(frames);
      return whole!.slice(0, samples);
    }
    const decoder = this.decoder(selection);
    const perFrame = this.outputSamplesPerFrame(selection);
    const result = new Float32Array(samples);
    let done = 0;
    const keep = (speech: Float32Array) => {
      result.set(speech.subarray(0, result.length - done), done);
      done += speech.length;
      if (speech.length > 0) onFrames?.(done / perFrame);
    };
    for (let start = 0; start < frames; start += PUSHED_FRAMES) {
      signal?.throwIfAborted();
      keep(await decoder.push(codebooks.map((codebook) => codebook.subarray(start, start + PUSHED_FRAMES))));
    }
    signal?.throwIfAborted();
    keep(await decoder.finish());
    return result;
  }

  /** Items of at most so many frames are best encoded and decoded together whatever their lengths; 0 where none are. */
  get mixedFrames(): number {
    return this.mixes ? SHORT_FRAMES : 0;
  }

  /** Which items of so many frames, unknown of some, are best encoded or decoded together. */
  batchesOf(lengths: readonly (number | undefined)[]): readonly (readonly number[])[] {
    if (this.mixes) return batchesOf(lengths, isShort, RaggedBatch.takes);
    return batchesOfEqual(lengths, (frames) => Math.max(1, Math.min(MOST_EQUAL, Math.floor(SHORT_FRAMES / frames))));
  }

  /** Several items that belong together, as `encode` for each of them. */
  async encodeTogether(items: readonly Float32Array[]): Promise<Int32Array[][]> {
    if (this.mixes) return inParts(items, (some) => this.encodeMixed(some));
    const frames = this.framesOf(items[0]!.length);
    const each = frames * this.samplesPerFrame;
    const audio = new Float32Array(items.length * each);
    for (const [i, samples] of items.entries()) audio.set(samples, i * each);
    const codes = await this.stages.encodingAtOnce()(audio, frames, items.length);
    return split(codes, items.length).map((part) => deinterleave(part, this.config.n_codebooks));
  }

  /** Several items that belong together, as `decode` for each of them, with whole frames of samples. */
  async decodeTogether(items: readonly (readonly Int32Array[])[], selection: DecodeSelection): Promise<Float32Array[]> {
    if (this.mixes) return inParts(items, (some) => this.decodeMixed(some, selection));
    const frames = items[0]![0]!.length;
    const each = frames * items[0]!.length;
    const codes = new Int32Array(items.length * each);
    for (const [i, codebooks] of items.entries()) codes.set(interleave(codebooks), i * each);
    const speech = await this.stages.decodingAtOnce(selection)(codes, frames, items.length);
    return split(speech, items.length).map((part) => {
      const whole = new Float32Array(frames * this.outputSamplesPerFrame(selection));
      whole.set(part);
      return whole;
    });
  }

  private async encodeMixed(items: readonly Float32Array[]): Promise<Int32Array[][]> {
    const batch = new RaggedBatch(items.map(({ length }) => this.framesOf(length)));
    const audio = batch.join(items, this.samplesPerFrame, Float32Array);
    const codes = await this.stages.encodingRagged()(audio, batch.frames, batch.ends);
    return batch.split(codes).map((part) => deinterleave(part, this.config.n_codebooks));
  }

  private async decodeMixed(items: readonly (readonly Int32Array[])[], selection: DecodeSelection) {
    const batch = new RaggedBatch(items.map(([first]) => first!.length));
    const codes = batch.join(items.map(interleave), this.config.n_codebooks, Int32Array);
    const speech = await this.stages.decodingRagged(selection)(codes, batch.frames, batch.ends);
    const { missingSamples } = this.decoderOf(selection);
    return batch.split(speech as Float32Array).map((part) => part.slice().fill(0, part.length - missingSamples));
  }

  outputSamplesPerFrame(selection: DecodeSelection): number {
    return this.decoderOf(selection).samplesPerFrame;
  }

  private decoderOf({ decoder }: DecodeSelection): Decoder {
    return decoder === "aux" ? this.model.auxDecoder : this.model.decoder;
  }

  framesOf(samples: number): number {
    return Math.ceil(samples / this.samplesPerFrame);
  }

  /** Gives the memory of the plans back; the model stays as it is. */
  close(): void {
    this.stages.close();
    this.steps?.close();
  }
}

function isShort(frames: number): boolean {
  return frames > 0 && frames <= SHORT_FRAMES;
}

/** Whether every layer gives a frame as many rows, at least about: those of a rate of 1 give one more or less. */
function keepsFrames({ is_causal, encoder_rates, decoder_rates, aux_decoder }: ModelConfig): boolean {
  return is_causal
    ? !aux_decoder.rates.includes(1)
    : ![encoder_rates, decoder_rates, aux_decoder.rates].flat().includes(1);
}

function split(values: Data, parts: number): Data[] {
  const each = values.length / parts;
  return Array.from({ length: parts }, (_, i) => values.subarray(i * each, (i + 1) * each));
}
