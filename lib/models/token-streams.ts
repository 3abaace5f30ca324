/** Speech to tokens and tokens to speech, piece by piece as the pieces arrive. */
import { setImmediate } from "node:timers/promises";
import type { Audio } from "../audio/audio.js";
import type { ResampleStream } from "../audio/resample-stream.js";
import type { TokenChunk } from "../data/token-frames.js";
import { samplesPerFrame, type TokenSpec, type Tokens, tokenCodes, tokensFromCodes } from "../data/tokens.js";
import { invalidArgument } from "../errors.js";
import { FrameQueue } from "../io/frame-queue.js";
import type { Intake } from "./piece-stream.js";
import type { CodeDecoder, SampleEncoder } from "./window-streams.js";

/** Samples looked at before the event loop has its turn: about a millisecond's worth. */
const CHECKED_AT_ONCE = 1 << 19;

/** A run of decoded speech and where it begins in its stream. */
export interface AudioChunk extends Audio {
  readonly startSample: number;
}

export interface EncodingParts {
  readonly encoder: SampleEncoder;
  readonly resampler: ResampleStream;
  readonly spec: TokenSpec;
  /** Input samples that are handed on together: those of a frame or more. */
  readonly samplesAtOnce: number;
}

/** Pieces of samples, of any size -> the tokens of the frames that are done. All together are those of the whole. */
export async function* encodePieces(
  { pieces, signal }: Intake<Float32Array>,
  { encoder, resampler, spec, samplesAtOnce }: EncodingParts,
): AsyncGenerator<TokenChunk, void, void> {
  const hop = samplesPerFrame(spec);
  let startFrame = 0;
  let samples = 0;
  const push = (resampled: Float32Array) => {
    samples += resampled.length;
    return encoder.push(resampled);
  };
  const chunk = (codes: readonly Int32Array[]): TokenChunk => {
    const first = startFrame;
    startFrame += codes[0]!.length;
    const own = Math.min(samples, startFrame * hop) - first * hop;
    return { startFrame: first, tokens: tokensFromCodes(spec, codes, own) };
  };
  for await (const part of regroup(checked(pieces), samplesAtOnce)) {
    const codes = await push(await resampler.push(part));
    signal.throwIfAborted();
    if (codes[0]!.length > 0) yield chunk(codes);
  }
  for (const codes of [await push(await resampler.finish()), await encoder.finish()]) {
    signal.throwIfAborted();
    if (codes[0]!.length > 0) yield chunk(codes);
  }
}

async function* checked(pieces: AsyncIterable<Float32Array>): AsyncGenerator<Float32Array, void, void> {
  let before = 0;
  for await (const samples of pieces) {
    if (!(samples instanceof Float32Array)) throw invalidArgument("a piece of audio", "a Float32Array", samples);
    yield await checkSamples(samples, before);
    before += samples.length;
  }
}

/** In slices, so that an hour of samples does not hold up the event loop. */
export async function checkSamples(samples: Float32Array, before = 0): Promise<Float32Array> {
  for (let begin = 0; begin < samples.length; begin += CHECKED_AT_ONCE) {
    const end = Math.min(samples.length, begin + CHECKED_AT_ONCE);
    for (let i = begin; i < end; i++) {
      if (!Number.isFinite(samples[i])) {
        throw invalidArgument("audio", "finite samples", `${samples[i]} at sample ${before + i}`);
      }
    }
    if (end < samples.length) await setImmediate();
  }
  return samples;
}

/** The same samples, gathered or cut into parts that end as soon as another `size` samples are full. */
async function* regroup(pieces: AsyncIterable<Float32Array>, size: number): AsyncGenerator<Float32Array, void, void> {
  const queue = new FrameQueue<Float32Array>(1, new Float32Array());
  let given = 0;
  for await (const samples of pieces) {
    for (let begin = 0; begin < samples.length; begin += size) {
      queue.append(samples.subarray(begin, begin + size));
      if (Math.floor(queue.arrived / size) === Math.floor(given / size)) continue;
      yield queue.read(given, queue.arrived - given).slice();
      given = queue.arrived;
      queue.dropBefore(given);
    }
  }
  if (queue.arrived > given) yield queue.read(given, queue.arrived - given);
}

export interface DecodingParts {
  readonly decoder: CodeDecoder;
  readonly spec: TokenSpec;
  /** Hz of the speech. */
  readonly sampleRate: number;
  readonly framesAtOnce: number;
  /** Throws unless tokens are valid and of the model. */
  readonly check: (tokens: Tokens) => void;
}

/**
 * Pieces of tokens, of any number of frames -> the speech of the frames that are done. Every piece but the last counts
 * with its whole frames.
 */
export async function* decodePieces(
  { pieces, signal }: Intake<Tokens | TokenChunk>,
  { decoder, spec, sampleRate, framesAtOnce, check }: DecodingParts,
): AsyncGenerator<AudioChunk, void, void> {
  const hop = samplesPerFrame(spec);
  let frames = 0;
  let samples = 0;
  let startSample = 0;
  /** A frame that is not full, unless another one follows. */
  let held: Int32Array[] = [];
  const chunk = (speech: Float32Array): AudioChunk => {
    const first = startSample;
    startSample += speech.length;
    return { startSample: first, samples: speech, sampleRate };
  };
  for await (const piece of pieces) {
    const tokens = typeof piece === "object" && piece !== null && "tokens" in piece ? piece.tokens : piece;
    check(tokens);
    if (tokens.frames === 0) continue;
    samples = frames * hop + tokens.samples;
    frames += tokens.frames;
    const codes = held.length > 0 ? tokenCodes(tokens).map((row, k) => concat(held[k]!, row)) : tokenCodes(tokens);
    const ready = codes[0]!.length - (samples < frames * hop ? 1 : 0);
    held = ready < codes[0]!.length ? codes.map((row) => row.slice(ready)) : [];
    for (let start = 0; start < ready; start += framesAtOnce) {
      const end = Math.min(ready, start + framesAtOnce);
      const speech = await decoder.push(codes.map((row) => row.subarray(start, end)));
      signal.throwIfAborted();
      if (speech.length > 0) yield chunk(speech);
    }
  }
  const total = Math.floor((samples * sampleRate) / spec.sampleRate);
  const last = held.length > 0 ? [await decoder.push(held)] : [];
  last.push(await decoder.finish());
  for (const speech of last) {
    signal.throwIfAborted();
    const own = speech.subarray(0, total - startSample);
    if (own.length > 0) yield chunk(own);
  }
}

function concat(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
