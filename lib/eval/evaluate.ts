/** How well speech comes back from a tokenizer, by measures and by what a recogniser hears in it. */
import type { Audio } from "../audio/audio.js";
import { Resampler } from "../audio/resample.js";
import { tokenCodes } from "../data/tokens.js";
import { Device } from "../graph/device.js";
import type { Tokenizer } from "../models/tokenizer.js";
import type { DecodeMode } from "../models/tokenizer-options.js";
import type { Recogniser } from "../models/whisper/recogniser.js";
import { type Usage, usageOfCodes } from "./code-usage.js";
import { wordErrorRate } from "./error-rate.js";
import { logMelDistance } from "./log-mel-distance.js";
import { normalizeText } from "./normalize-text.js";
import { siSdr } from "./si-sdr.js";
import { STOI_RATE, stoi } from "./stoi.js";

export interface SpokenItem {
  readonly audio: Audio;
  /** What is said, for the word error rate. */
  readonly text?: string;
}

/** Means over the recordings; undefined where none could be measured. */
export interface Quality {
  /** dB; see `logMelDistance`. */
  readonly logMelDistance: number | undefined;
  /** 0 to 1; see `stoi`. */
  readonly stoi: number | undefined;
  /** dB; see `siSdr`, each recording's from -100 to 100. */
  readonly siSdr: number | undefined;
  /** Of all recordings whose text is known; undefined without a recogniser as well. */
  readonly wordErrorRate: number | undefined;
}

export interface Evaluation {
  readonly recordings: number;
  /** Of speech. */
  readonly seconds: number;
  /** What the recogniser makes of the recordings themselves. */
  readonly original: Pick<Quality, "wordErrorRate">;
  /** What came back. */
  readonly decoded: ReadonlyMap<DecodeMode, Quality>;
  /** Mean over the codebooks of a kind. */
  readonly usage: { readonly semantic: Usage; readonly acoustic: Usage };
}

export interface EvaluateOptions<Item extends SpokenItem = SpokenItem> {
  /** `["full", "semantic", "aux"]` by default. */
  readonly modes?: readonly DecodeMode[];
  readonly recogniser?: Recogniser;
  readonly signal?: AbortSignal;
  readonly onProgress?: (recordings: number) => void;
  /** Is told of recordings that cannot be encoded, which do not count; without it, the first one ends the evaluation. */
  readonly onBroken?: (item: Item, error: unknown) => void;
}

/**
 * Encodes and decodes recordings, and compares what comes back, at its own rate, with them. A recording at another rate
 * than the model's is resampled first, and that is what counts as the original.
 */
export async function evaluate<Item extends SpokenItem>(
  tokenizer: Tokenizer,
  items: Iterable<Item> | AsyncIterable<Item>,
  { modes = ["full", "semantic", "aux"], recogniser, signal, onProgress, onBroken }: EvaluateOptions<Item> = {},
): Promise<Evaluation> {
  await using device = Device.open("cpu");
  const resampler = new Resampler(device);
  const listener = new Listener(recogniser, signal);
  const scores = new Map(modes.map((mode) => [mode, new Scores(resampler)]));
  const codes: Int32Array[][] = [];
  let [recordings, seconds] = [0, 0];
  const { sampleRate } = tokenizer;
  const prepare = async ({ samples, sampleRate: rate }: Audio) => {
    const original = { samples: await resampler.resample(samples, rate, sampleRate), sampleRate };
    return { original, tokens: await tokenizer.encode(original, { signal }) };
  };
  for await (const item of items) {
    signal?.throwIfAborted();
    const encoded = await prepare(item.audio).catch((error: unknown) => {
      if (!onBroken || signal?.aborted) throw error;
      onBroken(item, error);
    });
    if (!encoded) continue;
    const { original, tokens } = encoded;
    const { text } = item;
    await listener.hear("original", original, text);
    codes.push(tokenCodes(tokens));
    for (const [mode, score] of scores) {
      const decoded = await tokenizer.decode(tokens, { mode, signal });
      await score.add(original, decoded);
      await listener.hear(mode, decoded, text);
    }
    seconds += original.samples.length / sampleRate;
    recordings++;
    onProgress?.(recordings);
  }
  const qualityOf = (mode: DecodeMode, score: Scores): Quality => ({
    ...score.means,
    wordErrorRate: listener.errorRate(mode),
  });
  return {
    recordings,
    seconds,
    original: { wordErrorRate: listener.errorRate("original") },
    decoded: new Map([...scores].map(([mode, score]) => [mode, qualityOf(mode, score)])),
    usage: usageByKind(tokenizer, codes),
  };
}

/** Beyond it, a ratio says no more than that the speech is exact, or that nothing of it is left; dB. */
const SI_SDR_LIMIT = 100;

/** What a recogniser hears, beside what was said. */
class Listener {
  private readonly heard = new Map<string, { readonly said: string[]; readonly heard: string[] }>();

  constructor(
    private readonly recogniser: Recogniser | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async hear(rendition: string, audio: Audio, text: string | undefined): Promise<void> {
    if (!this.recogniser || text === undefined || normalizeText(text) === "") return;
    const lists = this.heard.get(rendition) ?? { said: [], heard: [] };
    this.heard.set(rendition, lists);
    lists.said.push(text);
    lists.heard.push((await this.recogniser.transcribe(audio, { signal: this.signal })).text);
  }

  errorRate(rendition: string): number | undefined {
    const lists = this.heard.get(rendition);
    return lists && wordErrorRate(lists.said, lists.heard);
  }
}

/** Measures of one kind of rendition. */
class Scores {
  private readonly mel: number[] = [];
  private readonly intelligibility: number[] = [];
  private readonly distortion: number[] = [];

  constructor(private readonly resampler: Resampler) {}

  async add(original: Audio, decoded: Audio): Promise<void> {
    const at = async ({ samples, sampleRate }: Audio, rate: number) =>
      this.resampler.resample(samples, sampleRate, rate);
    const { sampleRate } = decoded;
    const [x, y] = sameLength(await at(original, sampleRate), decoded.samples);
    this.mel.push(logMelDistance({ samples: x, sampleRate }, { samples: y, sampleRate }));
    // Silence has no ratio; silence for speech has the worst.
    const isSpeech = x.some((sample) => sample !== 0);
    const ratio = siSdr(x, y) ?? (isSpeech ? -SI_SDR_LIMIT : undefined);
    keep(this.distortion, ratio && Math.max(-SI_SDR_LIMIT, Math.min(SI_SDR_LIMIT, ratio)));
    const [slowX, slowY] = sameLength(await at(original, STOI_RATE), await at(decoded, STOI_RATE));
    keep(this.intelligibility, stoi(slowX, slowY));
  }

  get means(): Omit<Quality, "wordErrorRate"> {
    return { logMelDistance: mean(this.mel), stoi: mean(this.intelligibility), siSdr: mean(this.distortion) };
  }
}

function sameLength(x: Float32Array, y: Float32Array): [Float32Array, Float32Array] {
  const length = Math.min(x.length, y.length);
  return [x.subarray(0, length), y.subarray(0, length)];
}

function keep(values: number[], value: number | undefined): void {
  if (value !== undefined) values.push(value);
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `codes`: by recording and codebook, the semantic ones first. */
function usageByKind({ config }: Tokenizer, codes: readonly (readonly Int32Array[])[]): Evaluation["usage"] {
  const { n_codebooks: all, n_semantic_codebooks: semantic } = config;
  const usageOf = (first: number, end: number, size: number): Usage => {
    const usages = Array.from({ length: end - first }, (_, k) =>
      usageOfCodes(
        codes.map((codebooks) => codebooks[first + k]!),
        1,
        size,
      ),
    );
    return {
      used: mean(usages.map(({ used }) => used)) ?? 0,
      perplexity: mean(usages.map(({ perplexity }) => perplexity)) ?? 0,
    };
  };
  return {
    semantic: usageOf(0, semantic, config.semantic_codebook_size),
    acoustic: usageOf(semantic, all, config.acoustic_codebook_size),
  };
}
