/** The public face: speech to tokens and tokens to speech. */
import { setImmediate } from "node:timers/promises";
import { A_FUNCTION, A_PATH, AN_ABORT_SIGNAL, checkOptions } from "../arguments.js";
import type { Audio } from "../audio/audio.js";
import { loadAudio } from "../audio/decode.js";
import { Resampler } from "../audio/resample.js";
import { type TokenSpec, type Tokens, tokenCodes, tokenSpec, tokensFromCodes, validateTokens } from "../data/tokens.js";
import { invalidArgument, LmsptError } from "../errors.js";
import { Device, type DeviceName } from "../graph/device.js";
import { A_PRECISION, type Precision } from "../graph/precision.js";
import type { ModelLicence, ProgressListener } from "../hub/index.js";
import type { Parameter } from "../nn/index.js";
import type { ModelConfig } from "./config.js";
import { type DecodeSelection, ModelEngine } from "./engine.js";
import { type LoadedModel, loadModel } from "./load.js";

/** Samples looked at before the event loop has its turn: about a millisecond's worth. */
const CHECKED_AT_ONCE = 1 << 19;

const WORK_OPTIONS = { signal: AN_ABORT_SIGNAL, onProgress: A_FUNCTION };

/** Samples at the model's rate, samples with their rate, or the path of an audio file. */
export type AudioInput = Audio | Float32Array | string;

/**
 * `"full"`: the main decoder with all codebooks. `"semantic"`, `"acoustic"`: the main decoder with one kind alone.
 * `"aux"`: the small decoder that the semantic codebook was trained with, at its own rate.
 */
export type DecodeMode = "full" | "semantic" | "acoustic" | "aux";

export interface TokenizerOptions {
  /** Where to compute; `"auto"` by default. */
  readonly device?: DeviceName;
  /**
   * Of convolutions; `"fp32"` by default. `"bf16x3"` gives the codes of float32, `"bf16"` changes some: the quantizer stays
   * float32, but what it quantises comes out a little different.
   */
  readonly precision?: Precision;
  /** Threads of a CPU device; all by default. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Bytes of the weights received, while they are downloaded. */
  readonly onProgress?: ProgressListener;
}

export interface WorkOptions {
  /** Aborting rejects with the signal's reason after the piece of work under way (at most 30 s of audio). */
  readonly signal?: AbortSignal;
  /** Seconds of audio done and in all, after each piece of work. */
  readonly onProgress?: (doneSeconds: number, totalSeconds: number) => void;
}

export interface DecodeOptions extends WorkOptions {
  readonly mode?: DecodeMode;
  /** Use the first n codebooks only, the semantic ones first; from 1 to all. Goes with the mode "full" alone. */
  readonly codebooks?: number;
}

export interface TokenizerInfo {
  /** The name it was loaded by. */
  readonly name: string;
  readonly source: string;
  /** The fingerprint of the weights, which tokens carry. */
  readonly model: string;
  /** Random weights: the tokens mean nothing. */
  readonly untrained: boolean;
  readonly licence: ModelLicence | undefined;
  /** Number of trained values. */
  readonly parameters: number;
  readonly device: string;
  readonly precision: Precision;
  /** How products are computed in that precision on this device. */
  readonly arithmetic: string;
  /** Why `device: "auto"` did not take a GPU. */
  readonly fallbackReason: string | undefined;
}

export class Tokenizer {
  readonly info: TokenizerInfo;
  readonly config: ModelConfig;
  /** Hz of the input and of `Tokens.samples`. */
  readonly sampleRate: number;
  /** Hz of decoded speech, but for the mode "aux". */
  readonly outputSampleRate: number;
  /** Frames per second. */
  readonly frameRate: number;
  readonly samplesPerFrame: number;

  private readonly engine: ModelEngine;
  private readonly parameters: readonly Parameter[];
  private readonly resampler: Resampler;
  /** What `close` has to wait for. */
  private readonly working = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  private constructor(
    name: string,
    loaded: LoadedModel,
    private readonly device: Device,
    precision: Precision,
  ) {
    this.config = loaded.model.config;
    this.engine = new ModelEngine(loaded.model, device, precision);
    this.parameters = loaded.model.parameters;
    this.resampler = new Resampler(device);
    this.sampleRate = this.config.sample_rate;
    this.outputSampleRate = this.config.output_sample_rate;
    this.samplesPerFrame = this.engine.samplesPerFrame;
    this.frameRate = this.sampleRate / this.samplesPerFrame;
    this.info = {
      name,
      source: loaded.source,
      model: loaded.fingerprint,
      untrained: loaded.untrained,
      licence: loaded.licence,
      parameters: countParameters(loaded),
      device: `${device.kind} (${device.description})`,
      precision,
      arithmetic: device.arithmetic(precision),
      fallbackReason: device.fallbackReason,
    };
  }

  /**
   * Loads a model: a folder with config.json and model.safetensors, a preset ("12.5hz-24k"), `hf://owner/repository`, or
   * `random:SEED[:PRESET]`. Throws ERR_LMSPT_MODEL, _DOWNLOAD, _FORMAT, _DEVICE or _IO, or the signal's reason.
   */
  static async load(name: string, options: TokenizerOptions = {}): Promise<Tokenizer> {
    const {
      precision = "fp32",
      device: deviceName = "auto",
      threads,
      signal,
      onProgress,
    } = checkOptions(options, { ...WORK_OPTIONS, precision: A_PRECISION });
    if (!A_PATH.holds(name)) throw invalidArgument("model", "a folder, a preset or hf://owner/repository", name);
    signal?.throwIfAborted();
    const device = Device.open(deviceName, { threads });
    try {
      const tokenizer = new Tokenizer(name, await loadModel(name, { signal, onProgress }), device, precision);
      signal?.throwIfAborted();
      return tokenizer;
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /**
   * Speech to tokens. Audio of any rate is resampled, several channels are mixed. A last frame that is not full is
   * completed by silence; `Tokens.samples` keeps the true length. No samples give no frames.
   */
  encode(audio: AudioInput, options?: WorkOptions): Promise<Tokens>;
  /** Several at once, of any lengths; the results are those of single calls. */
  encode(audio: readonly AudioInput[], options?: WorkOptions): Promise<Tokens[]>;
  async encode(audio: AudioInput | readonly AudioInput[], options: WorkOptions = {}): Promise<Tokens | Tokens[]> {
    checkOptions(options, WORK_OPTIONS);
    return this.whileOpen<Tokens | Tokens[]>(() =>
      isList(audio) ? forEach(audio, (item) => this.encodeOne(item, options)) : this.encodeOne(audio, options),
    );
  }

  /** Tokens to speech of exactly the length that was encoded. The tokens must be this model's. */
  decode(tokens: Tokens, options?: DecodeOptions): Promise<Audio>;
  decode(tokens: readonly Tokens[], options?: DecodeOptions): Promise<Audio[]>;
  async decode(tokens: Tokens | readonly Tokens[], options: DecodeOptions = {}): Promise<Audio | Audio[]> {
    checkOptions(options, WORK_OPTIONS);
    return this.whileOpen<Audio | Audio[]>(() =>
      isList(tokens) ? forEach(tokens, (item) => this.decodeOne(item, options)) : this.decodeOne(tokens, options),
    );
  }

  /** Takes no more work; resolves when what was asked for before is done and the memory is given back. */
  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async finish(): Promise<void> {
    await Promise.allSettled(this.working);
    await this.engine.close();
    for (const parameter of this.parameters) parameter.variable.close();
    await this.device.close();
  }

  private async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    if (this.closing) throw new LmsptError("ERR_LMSPT_CLOSED", "The tokenizer is closed; load it again");
    const result = work();
    this.working.add(result);
    try {
      return await result;
    } finally {
      this.working.delete(result);
    }
  }

  private async encodeOne(input: AudioInput, options: WorkOptions): Promise<Tokens> {
    options.signal?.throwIfAborted();
    const samples = await this.samplesOf(input, options.signal);
    const total = samples.length / this.sampleRate;
    const codes = await this.engine.encode(samples, {
      signal: options.signal,
      onFrames: (done) => options.onProgress?.(Math.min(total, done / this.frameRate), total),
    });
    return tokensFromCodes(this.tokenSpec, codes, samples.length);
  }

  private async samplesOf(input: AudioInput, signal: AbortSignal | undefined): Promise<Float32Array> {
    const audio = typeof input === "string" ? await loadAudio(input, { signal }) : input;
    if (audio instanceof Float32Array) return checkSamples(audio);
    if (!(audio?.samples instanceof Float32Array)) {
      throw invalidArgument("audio", "a path, a Float32Array or { samples, sampleRate }", input);
    }
    return this.resampler.resample(await checkSamples(audio.samples), audio.sampleRate, this.sampleRate, { signal });
  }

  private async decodeOne(tokens: Tokens, options: DecodeOptions): Promise<Audio> {
    options.signal?.throwIfAborted();
    const selection = this.selection(options);
    validateTokens(tokens);
    this.checkModel(tokens);
    const sampleRate = selection.decoder === "aux" ? this.config.aux_decoder.sample_rate : this.outputSampleRate;
    const length = Math.floor((tokens.samples * sampleRate) / this.sampleRate);
    const total = tokens.samples / this.sampleRate;
    const samples = await this.engine.decode(tokenCodes(tokens), length, selection, {
      signal: options.signal,
      onFrames: (done) => options.onProgress?.(Math.min(total, done / this.frameRate), total),
    });
    return { samples, sampleRate };
  }

  private selection({ mode = "full", codebooks }: DecodeOptions): DecodeSelection {
    const { n_codebooks: all, n_semantic_codebooks: semantic } = this.config;
    const acoustic = all - semantic;
    if (!["full", "semantic", "acoustic", "aux"].includes(mode)) {
      throw invalidArgument("mode", '"full", "semantic", "acoustic" or "aux"', mode);
    }
    if (codebooks !== undefined) {
      if (mode !== "full") throw invalidArgument("codebooks", 'no value beside a mode other than "full"', codebooks);
      if (!Number.isInteger(codebooks) || codebooks < 1 || codebooks > all) {
        throw invalidArgument("codebooks", `an integer from 1 to ${all}`, codebooks);
      }
      const first = Math.min(codebooks, semantic);
      return { decoder: "main", semantic: first, acoustic: codebooks - first };
    }
    if (mode === "aux") return { decoder: "aux", semantic, acoustic: 0 };
    return {
      decoder: "main",
      semantic: mode === "acoustic" ? 0 : semantic,
      acoustic: mode === "semantic" ? 0 : acoustic,
    };
  }

  /** What all tokens of this model have in common. */
  get tokenSpec(): TokenSpec {
    const { config } = this;
    return {
      semanticCodebooks: config.n_semantic_codebooks,
      acousticCodebooks: config.n_codebooks - config.n_semantic_codebooks,
      semanticCodebookSize: config.semantic_codebook_size,
      acousticCodebookSize: config.acoustic_codebook_size,
      sampleRate: this.sampleRate,
      frameRate: this.frameRate,
      model: this.info.model,
    };
  }

  private checkModel(tokens: Tokens): void {
    if (tokens.model !== this.info.model) {
      throw new LmsptError(
        "ERR_LMSPT_MODEL",
        `Expected tokens of the model ${this.info.model} (${this.info.name}) but received tokens of ${tokens.model}; ` +
          "load the model that made them",
      );
    }
    const received = tokenSpec(tokens);
    for (const [field, expected] of Object.entries(this.tokenSpec)) {
      const value = received[field as keyof TokenSpec];
      if (value !== expected)
        throw invalidArgument(`the tokens' ${field}`, `${expected}, as their model has it,`, value);
    }
  }
}

function isList<T extends object | string>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

async function forEach<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** In slices, so that an hour of samples does not hold up the event loop. */
async function checkSamples(samples: Float32Array): Promise<Float32Array> {
  for (let begin = 0; begin < samples.length; begin += CHECKED_AT_ONCE) {
    const end = Math.min(samples.length, begin + CHECKED_AT_ONCE);
    for (let i = begin; i < end; i++) {
      if (!Number.isFinite(samples[i])) {
        throw invalidArgument("audio", "finite samples", `${samples[i]} at sample ${i}`);
      }
    }
    if (end < samples.length) await setImmediate();
  }
  return samples;
}

function countParameters({ model }: LoadedModel): number {
  return model.parameters
    .filter(({ name }) => !name.endsWith("_vocab_usage"))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
