/** Speech to text with a Whisper model: published, or trained by `lmspt train asr`. */
import { A_PATH, AN_ABORT_SIGNAL, checkOptions, requireKind, TEXT } from "../../arguments.js";
import type { Audio } from "../../audio/audio.js";
import { loadAudio } from "../../audio/decode.js";
import { Resampler } from "../../audio/resample.js";
import { invalidArgument, LmsptError } from "../../errors.js";
import { Device, type DeviceName } from "../../graph/device.js";
import { whisperAudio } from "../../nn/mel.js";
import { CachedDecoder } from "./decoding.js";
import { loadWhisper } from "./load.js";
import { loadSpeechRules } from "./speech-rules.js";
import { type SpeechRules, transcribeWindow } from "./transcription.js";
import type { Whisper } from "./whisper.js";
import { cutWhereQuiet } from "./windows.js";

const MOST_BEAMS = 64;
const BEAMS = {
  expected: `an integer from 1 to ${MOST_BEAMS}`,
  holds: (value: unknown) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_BEAMS,
};

export interface RecogniserOptions {
  readonly device?: DeviceName;
  /** Threads of a CPU device. */
  readonly threads?: number;
}

export interface TranscribeOptions {
  /** Texts that are followed at a time; 1, the default, takes the likeliest token each time. */
  readonly beams?: number;
  /** Code of the language that is spoken, `"en"` for instance; it is found out where it is not given. */
  readonly language?: string;
  /** Stops the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

export interface Transcript {
  readonly text: string;
  /** Of text alone, without the prompt and the end. */
  readonly tokens: readonly number[];
  /** Undefined for a model that knows English alone. */
  readonly language: string | undefined;
}

export class Recogniser {
  private readonly decoders = new Map<number, CachedDecoder>();
  private readonly resampler: Resampler;
  private latest: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly whisper: Whisper,
    private readonly rules: SpeechRules,
    private readonly device: Device,
  ) {
    this.resampler = new Resampler(device);
  }

  /**
   * Loads a folder with model.safetensors (names of Hugging Face or of OpenAI), config.json and the public tokenizer files:
   * tokenizer.json, or vocab.json with merges.txt. Throws ERR_LMSPT_MODEL, _FORMAT, _DEVICE or _IO.
   */
  static async load(folder: string, options: RecogniserOptions = {}): Promise<Recogniser> {
    const { device: name = "auto", threads } = checkOptions(options);
    requireKind("the model", A_PATH, folder);
    const device = Device.open(name, { threads });
    try {
      const whisper = await loadWhisper(folder);
      return new Recogniser(whisper, await loadSpeechRules(folder, whisper.config), device);
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /** Codes of the languages that the model has tokens for. */
  get languages(): readonly string[] {
    return this.rules.isMultilingual ? this.rules.tokenizer.languages : ["en"];
  }

  /**
   * What is said in a recording, of any rate, in memory or in a file. One that is longer than the model hears at a time is
   * cut at quiet places; each piece is recognised for itself. Calls wait for each other. Throws ERR_LMSPT_INVALID_ARGUMENT,
   * _FORMAT, _IO, _CLOSED, or the signal's reason.
   */
  async transcribe(audio: Audio | string, options: TranscribeOptions = {}): Promise<Transcript> {
    const {
      beams = 1,
      language,
      signal,
    } = checkOptions(options, {
      beams: BEAMS,
      language: TEXT,
      signal: AN_ABORT_SIGNAL,
    });
    if (language !== undefined && !this.languages.includes(language)) {
      throw invalidArgument("language", `one of ${this.languages.join(", ")}`, language);
    }
    const turn = this.latest.then(() => this.transcribeNow(audio, { beams, language, signal }));
    this.latest = turn.catch(() => {});
    return turn;
  }

  /** Lets calls that were made before finish; closing twice is harmless. */
  close(): Promise<void> {
    this.closing ??= this.latest.then(async () => {
      for (const decoder of this.decoders.values()) decoder.close();
      this.resampler.close();
      await this.device.close();
    });
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async transcribeNow(
    audio: Audio | string,
    options: TranscribeOptions & { readonly beams: number },
  ): Promise<Transcript> {
    if (this.device.closed) throw new LmsptError("ERR_LMSPT_CLOSED", "The recogniser is closed; load another one");
    const { signal } = options;
    signal?.throwIfAborted();
    const { samples, sampleRate } = typeof audio === "string" ? await loadAudio(audio, { signal }) : checkAudio(audio);
    const heard = await this.resampler.resample(samples, sampleRate, whisperAudio.sampleRate, { signal });
    const decoder = await this.decoder(options.beams);
    const length = this.whisper.encoder.windowSamples;
    const tokens: number[] = [];
    const texts: string[] = [];
    let { language } = options;
    for (const piece of cutWhereQuiet(heard, length)) {
      const window = new Float32Array(length);
      window.set(piece);
      const found = await transcribeWindow(decoder, window, this.rules, { ...options, language });
      language = found.language;
      tokens.push(...found.tokens);
      texts.push(this.rules.tokenizer.decode(found.tokens).trim());
    }
    return { text: texts.filter((text) => text !== "").join(" "), tokens, language };
  }

  private async decoder(beams: number): Promise<CachedDecoder> {
    const known = this.decoders.get(beams);
    if (known) return known;
    const samples = this.whisper.encoder.windowSamples;
    const decoder = await CachedDecoder.create(this.whisper, this.device, { samples, beams });
    this.decoders.set(beams, decoder);
    return decoder;
  }
}

function checkAudio(audio: Audio): Audio {
  if (audio?.samples instanceof Float32Array && Number.isInteger(audio.sampleRate) && audio.sampleRate > 0)
    return audio;
  throw invalidArgument("audio", "a path, or samples (Float32Array) with their sampleRate", audio);
}
