/** What a tokenizer does with audio and tokens, whole or in streams; its life is in tokenizer.ts. */
import type { Audio } from "../audio/audio.js";
import { openAudio } from "../audio/audio-stream.js";
import type { Resampler } from "../audio/resample.js";
import { Ratio } from "../audio/resample-ratio.js";
import {
  concatTokens,
  type TokenSpec,
  type Tokens,
  tokenCodes,
  tokenSpec,
  tokensFromCodes,
  validateTokens,
} from "../data/tokens.js";
import { invalidArgument, LmsptError } from "../errors.js";
import { decodeSelection } from "./decode-selection.js";
import type { ModelEngine } from "./engine.js";
import type { DecodeSelection } from "./model-stages.js";
import { PieceStream } from "./piece-stream.js";
import { checkSamples, type DecodingParts, type EncodingParts, encodePieces } from "./token-streams.js";
import type {
  AudioInput,
  DecodeChoice,
  DecodeOptions,
  EncodeStreamOptions,
  StreamOptions,
  WorkOptions,
} from "./tokenizer-options.js";
import type { Prompt } from "./window-rules.js";

/** Frames that are handed on together where nobody waits for them. */
const FRAMES_AT_ONCE = 96;

export class Codec {
  constructor(
    private readonly engine: ModelEngine,
    private readonly resampler: Resampler,
    readonly spec: TokenSpec,
    private readonly name: string,
  ) {}

  /** The tokens of every input; short ones are computed together, on a CPU those of equal length. */
  async encode(inputs: readonly AudioInput[], options: WorkOptions): Promise<Tokens[]> {
    const lengths = inputs.map((input) => this.framesOf(input));
    return this.inBatches(lengths, options, async (batch) => {
      const items = batch.map((i) => inputs[i]!);
      if (items.length === 1) return [await this.encodeOne(items[0]!, options)];
      const samples: Float32Array[] = [];
      for (const item of items) samples.push(await this.samplesOf(item as Audio | Float32Array, options.signal));
      const codes = await this.engine.encodeTogether(samples);
      return codes.map((own, i) => this.finished(tokensFromCodes(this.spec, own, samples[i]!.length), options));
    });
  }

  /** The speech of all tokens; short ones are computed together, on a CPU those of equal length. */
  async decode(tokens: readonly Tokens[], options: DecodeOptions): Promise<Audio[]> {
    const selection = decodeSelection(options, this.engine.config);
    for (const item of tokens) this.check(item);
    const lengths = tokens.map(({ frames }) => frames);
    return this.inBatches(lengths, options, async (batch) => {
      const items = batch.map((i) => tokens[i]!);
      if (items.length === 1) return [await this.decodeOne(items[0]!, selection, options)];
      const speech = await this.engine.decodeTogether(items.map(tokenCodes), selection);
      return speech.map((whole, i) => {
        this.finished(items[i]!, options);
        return { samples: whole.slice(0, this.outputLength(items[i]!, selection)), sampleRate: this.rate(selection) };
      });
    });
  }

  /** What a stream of samples at `sampleRate` is encoded with, in few large windows. */
  wholeEncoding(sampleRate: number, signal: AbortSignal | undefined): EncodingParts {
    return {
      encoder: this.engine.encoder(),
      resampler: this.resampler.stream(sampleRate, this.spec.sampleRate, { signal }),
      spec: this.spec,
      samplesAtOnce: this.inputSamples(FRAMES_AT_ONCE, sampleRate),
    };
  }

  /** The same, as soon as it can be. */
  promptEncoding({ sampleRate = this.spec.sampleRate, signal, ...options }: EncodeStreamOptions): EncodingParts {
    const { samplesPerFrame } = this.engine;
    const resampler = this.resampler.stream(sampleRate, this.spec.sampleRate, { signal, block: samplesPerFrame });
    const prompt = this.inFrames(options);
    const encoder = this.engine.promptEncoder(prompt);
    return { encoder, resampler, spec: this.spec, samplesAtOnce: this.inputSamples(this.atOnce(prompt), sampleRate) };
  }

  /** What a stream of tokens is decoded with, in few large windows. */
  wholeDecoding(choice: DecodeChoice): DecodingParts {
    const selection = decodeSelection(choice, this.engine.config);
    return { ...this.decodingParts(selection), decoder: this.engine.decoder(selection), framesAtOnce: FRAMES_AT_ONCE };
  }

  /** The same, as soon as it can be. */
  promptDecoding(options: StreamOptions & DecodeChoice): DecodingParts {
    const selection = decodeSelection(options, this.engine.config);
    const prompt = this.inFrames(options);
    const decoder = this.engine.promptDecoder(selection, prompt);
    return { ...this.decodingParts(selection), decoder, framesAtOnce: this.atOnce(prompt) };
  }

  private async inBatches<T>(
    lengths: readonly (number | undefined)[],
    { signal }: WorkOptions,
    work: (batch: readonly number[]) => Promise<T[]>,
  ): Promise<T[]> {
    const results: T[] = [];
    for (const batch of this.engine.batchesOf(lengths)) {
      signal?.throwIfAborted();
      for (const [j, result] of (await work(batch)).entries()) results[batch[j]!] = result;
    }
    return results;
  }

  /** Tells that an item of a batch is done. */
  private finished(tokens: Tokens, { signal, onProgress }: WorkOptions): Tokens {
    signal?.throwIfAborted();
    const seconds = tokens.samples / this.spec.sampleRate;
    onProgress?.(seconds, seconds);
    return tokens;
  }

  private async encodeOne(input: AudioInput, options: WorkOptions): Promise<Tokens> {
    options.signal?.throwIfAborted();
    if (typeof input === "string") return this.encodeFile(input, options);
    const samples = await this.samplesOf(input, options.signal);
    const total = samples.length / this.spec.sampleRate;
    const codes = await this.engine.encode(samples, this.progress(total, options));
    return tokensFromCodes(this.spec, codes, samples.length);
  }

  private async encodeFile(path: string, { signal, onProgress }: WorkOptions): Promise<Tokens> {
    await using audio = await openAudio(path, { signal });
    const parts = this.wholeEncoding(audio.sampleRate, signal);
    const pieces = [this.empty()];
    let frames = 0;
    const chunks = PieceStream.from(audio.blocks(), (intake) => encodePieces(intake, parts), { signal });
    for await (const { tokens } of chunks) {
      pieces.push(tokens);
      frames += tokens.frames;
      onProgress?.(Math.min(audio.seconds, frames / this.spec.frameRate), audio.seconds);
    }
    return concatTokens(pieces);
  }

  private async decodeOne(tokens: Tokens, selection: DecodeSelection, options: DecodeOptions): Promise<Audio> {
    const length = this.outputLength(tokens, selection);
    const progress = this.progress(tokens.samples / this.spec.sampleRate, options);
    const samples = await this.engine.decode(tokenCodes(tokens), length, selection, progress);
    return { samples, sampleRate: this.rate(selection) };
  }

  private progress(total: number, { signal, onProgress }: WorkOptions) {
    const onFrames = (done: number) => onProgress?.(Math.min(total, done / this.spec.frameRate), total);
    return { signal, onFrames };
  }

  private async samplesOf(input: Audio | Float32Array, signal: AbortSignal | undefined): Promise<Float32Array> {
    if (input instanceof Float32Array) return checkSamples(input);
    const samples = await checkSamples(input.samples);
    return this.resampler.resample(samples, input.sampleRate, this.spec.sampleRate, { signal });
  }

  /** Frames of audio in memory; undefined of a file. */
  private framesOf(input: AudioInput): number | undefined {
    if (typeof input === "string") return undefined;
    if (input instanceof Float32Array) return this.engine.framesOf(input.length);
    if (!(input?.samples instanceof Float32Array)) {
      throw invalidArgument("audio", "a path, a Float32Array or { samples, sampleRate }", input);
    }
    const ratio = new Ratio(input.sampleRate, this.spec.sampleRate);
    return this.engine.framesOf(ratio.outputLength(input.samples.length));
  }

  private decodingParts(selection: DecodeSelection) {
    return { spec: this.spec, sampleRate: this.rate(selection), check: (tokens: Tokens) => this.check(tokens) };
  }

  private check(tokens: Tokens): void {
    validateTokens(tokens);
    if (tokens.model !== this.spec.model) {
      throw new LmsptError(
        "ERR_LMSPT_MODEL",
        `Expected tokens of the model ${this.spec.model} (${this.name}) but received tokens of ${tokens.model}; ` +
          "load the model that made them",
      );
    }
    const received = tokenSpec(tokens);
    for (const [field, expected] of Object.entries(this.spec)) {
      const value = received[field as keyof TokenSpec];
      if (value !== expected)
        throw invalidArgument(`the tokens' ${field}`, `${expected}, as their model has it,`, value);
    }
  }

  /** Frames that are handed on together: windows gather their own, causal models take what comes. */
  private atOnce({ step = 1 }: Prompt): number {
    return this.engine.config.is_causal ? step : 1;
  }

  private inFrames({ pieceSeconds, lookahead }: StreamOptions): Prompt {
    if (pieceSeconds !== undefined && !(pieceSeconds > 0 && pieceSeconds < Infinity)) {
      throw invalidArgument("pieceSeconds", "a number above 0", pieceSeconds);
    }
    if (lookahead !== undefined && !(lookahead >= 0)) {
      throw invalidArgument("lookahead", "a number of 0 or more", lookahead);
    }
    const { frameRate } = this.spec;
    return {
      step: pieceSeconds === undefined ? undefined : Math.max(1, Math.round(pieceSeconds * frameRate)),
      // Without the rounding that made, say, 0.8 s of 12.5 Hz a little less than 10 frames.
      lookahead: lookahead === undefined ? undefined : Math.floor(lookahead * frameRate + 1e-6),
    };
  }

  private inputSamples(frames: number, sampleRate: number): number {
    return Math.max(1, (frames * this.engine.samplesPerFrame * sampleRate) / this.spec.sampleRate);
  }

  private outputLength({ samples }: Tokens, selection: DecodeSelection): number {
    return Math.floor((samples * this.rate(selection)) / this.spec.sampleRate);
  }

  private rate({ decoder }: DecodeSelection): number {
    const { config } = this.engine;
    return decoder === "aux" ? config.aux_decoder.sample_rate : config.output_sample_rate;
  }

  private empty(): Tokens {
    const codebooks = this.spec.semanticCodebooks + this.spec.acousticCodebooks;
    return tokensFromCodes(
      this.spec,
      Array.from({ length: codebooks }, () => new Int32Array()),
      0,
    );
  }
}
