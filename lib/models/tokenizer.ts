/** The public face: speech to tokens and tokens to speech. */
import { A_FUNCTION, A_NUMBER, A_PATH, AN_ABORT_SIGNAL, checkOptions, requireKind } from "../arguments.js";
import type { Audio } from "../audio/audio.js";
import { Resampler } from "../audio/resample.js";
import type { TokenChunk } from "../data/token-frames.js";
import type { TokenSpec, Tokens } from "../data/tokens.js";
import { invalidArgument, LmsptError } from "../errors.js";
import { Device } from "../graph/device.js";
import { A_PRECISION, type Precision } from "../graph/precision.js";
import { BUNDLED_MODEL } from "../hub/presets.js";
import type { PieceSource } from "../io/pulling.js";
import type { Parameter } from "../nn/index.js";
import { Codec } from "./codec.js";
import type { ModelConfig } from "./config.js";
import { ModelEngine } from "./engine.js";
import { decodeFile, encodeFile, type WrittenSpeech, type WrittenTokens } from "./files.js";
import { type LoadedModel, loadModel } from "./load.js";
import { PieceStream, type PieceWork } from "./piece-stream.js";
import { type AudioChunk, decodePieces, encodePieces } from "./token-streams.js";
import type {
  AudioInput,
  DecodeFileOptions,
  DecodeOptions,
  DecodeStreamOptions,
  EncodeStreamOptions,
  TokenizerInfo,
  TokenizerOptions,
  WorkOptions,
} from "./tokenizer-options.js";

export type * from "./tokenizer-options.js";

const WORK_OPTIONS = { signal: AN_ABORT_SIGNAL, onProgress: A_FUNCTION };
const STREAM_OPTIONS = { signal: AN_ABORT_SIGNAL, pieceSeconds: A_NUMBER, lookahead: A_NUMBER };

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
  /** Items of at most so many frames are computed together whatever their lengths, others with those of their length. */
  readonly mixedFrames: number;

  /** What all tokens of this model have in common. */
  readonly tokenSpec: TokenSpec;

  private readonly engine: ModelEngine;
  private readonly parameters: readonly Parameter[];
  private readonly resampler: Resampler;
  private readonly codec: Codec;
  /** What `close` has to wait for. */
  private readonly working = new Set<Promise<unknown>>();
  /** What `close` has to end. */
  private readonly streams = new Set<PieceStream<unknown>>();
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
    this.mixedFrames = this.engine.mixedFrames;
    this.frameRate = this.sampleRate / this.samplesPerFrame;
    this.tokenSpec = specOf(this.config, this.frameRate, loaded.fingerprint);
    this.codec = new Codec(this.engine, this.resampler, this.tokenSpec, name);
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
   * Loads a model: the small one that lies in this package ("12.5hz-16k-small"), a folder with config.json and
   * model.safetensors, a preset ("12.5hz-24k"), `hf://owner/repository`, or `random:SEED[:PRESET]`. Throws ERR_LMSPT_MODEL,
   * _DOWNLOAD, _FORMAT, _DEVICE or _IO, or the signal's reason.
   */
  static async load(name: string = BUNDLED_MODEL, options: TokenizerOptions = {}): Promise<Tokenizer> {
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
    return this.whileOpen(async () => {
      if (isList(audio)) return this.codec.encode(audio, options);
      return (await this.codec.encode([audio], options))[0]!;
    });
  }

  /** Tokens to speech of exactly the length that was encoded. The tokens must be this model's. */
  decode(tokens: Tokens, options?: DecodeOptions): Promise<Audio>;
  decode(tokens: readonly Tokens[], options?: DecodeOptions): Promise<Audio[]>;
  async decode(tokens: Tokens | readonly Tokens[], options: DecodeOptions = {}): Promise<Audio | Audio[]> {
    checkOptions(options, WORK_OPTIONS);
    return this.whileOpen(async () => {
      if (isList(tokens)) return this.codec.decode(tokens, options);
      return (await this.codec.decode([tokens], options))[0]!;
    });
  }

  /**
   * An audio file to a token file (`.lmspt`), with the tokens that `encode` gives. Memory does not grow with its length.
   * `output` appears when it is complete, and stays as it was after an error.
   */
  async encodeFile(input: string, output: string, options: WorkOptions = {}): Promise<WrittenTokens> {
    checkFiles(input, output, options);
    return this.whileOpen(() => encodeFile(this.codec, input, output, options));
  }

  /** A token file, or tokens, to a WAV file, with the speech that `decode` gives, in the same way. */
  async decodeFile(input: string | Tokens, output: string, options: DecodeFileOptions = {}): Promise<WrittenSpeech> {
    checkFiles(typeof input === "string" ? input : "", output, options);
    return this.whileOpen(() => decodeFile(this.codec, input, output, options));
  }

  /**
   * Speech to tokens as it arrives, in pieces of any size. Pieces are taken from `source` only when the next tokens are
   * asked for. All pieces of the result together (`concatTokens`) are what `encode` gives for the whole, unless
   * `lookahead` is less than the model sees. An error of the source, bad samples and an abort make `next` reject; leaving
   * the loop lets go of the source.
   */
  encodeStream(source: PieceSource<Float32Array>, options: EncodeStreamOptions = {}): PieceStream<TokenChunk> {
    checkOptions(options, STREAM_OPTIONS);
    this.requireOpen();
    const parts = this.codec.promptEncoding(options);
    return this.openStream(source, "the audio", (intake) => encodePieces(intake, parts), options);
  }

  /**
   * Tokens to speech as they arrive, in the same way. Every piece but the last counts with its whole frames, as
   * `concatTokens` has it.
   */
  decodeStream(source: PieceSource<Tokens | TokenChunk>, options: DecodeStreamOptions = {}): PieceStream<AudioChunk> {
    checkOptions(options, STREAM_OPTIONS);
    this.requireOpen();
    const parts = this.codec.promptDecoding(options);
    return this.openStream(source, "the tokens", (intake) => decodePieces(intake, parts), options);
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
    const ending = [...this.streams].map((stream) => stream.abort(closedError()));
    await Promise.allSettled([...this.working, ...ending]);
    this.engine.close();
    this.resampler.close();
    for (const parameter of this.parameters) parameter.variable.close();
    await this.device.close();
  }

  private requireOpen(): void {
    if (this.closing) throw closedError();
  }

  private async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    this.requireOpen();
    const result = work();
    this.working.add(result);
    try {
      return await result;
    } finally {
      this.working.delete(result);
    }
  }

  private openStream<In, Out>(
    source: PieceSource<In>,
    name: string,
    work: PieceWork<In, Out>,
    { signal }: { readonly signal?: AbortSignal },
  ): PieceStream<Out> {
    const onEnd = () => void this.streams.delete(stream);
    const stream = PieceStream.from(source, work, { name, signal, onEnd });
    this.streams.add(stream);
    return stream;
  }
}

function checkFiles(input: string, output: string, options: WorkOptions): void {
  requireKind("input", A_PATH, input);
  requireKind("output", A_PATH, output);
  checkOptions(options, WORK_OPTIONS);
}

function closedError(): LmsptError {
  return new LmsptError("ERR_LMSPT_CLOSED", "The tokenizer is closed; load it again");
}

function specOf(config: ModelConfig, frameRate: number, model: string): TokenSpec {
  return {
    semanticCodebooks: config.n_semantic_codebooks,
    acousticCodebooks: config.n_codebooks - config.n_semantic_codebooks,
    semanticCodebookSize: config.semantic_codebook_size,
    acousticCodebookSize: config.acoustic_codebook_size,
    sampleRate: config.sample_rate,
    frameRate,
    model,
  };
}

function isList<T extends object | string>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function countParameters({ model }: LoadedModel): number {
  return model.parameters
    .filter(({ name }) => !name.endsWith("_vocab_usage"))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
