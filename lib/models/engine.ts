/** A model with weights on a device: codes from samples and samples from codes, for any length, with exact seams. */
import type { Device } from "../graph/device.js";
import type { Data } from "../graph/native.js";
import type { Precision } from "../graph/precision.js";
import { CausalPlans } from "./causal-plans.js";
import { CausalDecoder, CausalEncoder } from "./causal-stream.js";
import { type ModelConfig, samplesPerFrame } from "./config.js";
import type { LmSpt } from "./lmspt.js";
import { type DecodeSelection, ModelStages } from "./model-stages.js";
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
/**
 * Items that go through a plan together, and their frames altogether, at most: more does not make it faster. An item of no
 * more frames goes through one plan as a whole.
 */
const MOST_TOGETHER = 8;
const FRAMES_TOGETHER = 128;

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

  constructor(
    private readonly model: LmSpt,
    device: Device,
    precision: Precision = "fp32",
  ) {
    this.samplesPerFrame = samplesPerFrame(model.config);
    this.stages = new ModelStages(model, device, precision);
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

  /** How many items of so many frames are best encoded or decoded together. */
  itemsTogether(frames: number): number {
    return frames === 0 ? 1 : Math.max(1, Math.min(MOST_TOGETHER, Math.floor(FRAMES_TOGETHER / frames)));
  }

  /** Several items of equally many frames, as `encode` for each of them. */
  async encodeTogether(items: readonly Float32Array[]): Promise<Int32Array[][]> {
    const frames = this.framesOf(items[0]!.length);
    const each = frames * this.samplesPerFrame;
    const audio = new Float32Array(items.length * each);
    for (const [i, samples] of items.entries()) audio.set(samples, i * each);
    const codes = await this.stages.encodingAtOnce()(audio, frames, items.length);
    return split(codes, items.length).map((part) => deinterleave(part, this.config.n_codebooks));
  }

  /** Several items of equally many frames, as `decode` for each of them, with whole frames of samples. */
  async decodeTogether(items: readonly (readonly Int32Array[])[], selection: DecodeSelection): Promise<Float32Array[]> {
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

  outputSamplesPerFrame({ decoder }: DecodeSelection): number {
    return (decoder === "aux" ? this.model.auxDecoder : this.model.decoder).samplesPerFrame;
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
  return frames > 0 && frames <= FRAMES_TOGETHER;
}

function split(values: Data, parts: number): Data[] {
  const each = values.length / parts;
  return Array.from({ length: parts }, (_, i) => values.subarray(i * each, (i + 1) * each));
}
