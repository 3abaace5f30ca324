/** What can be asked of a tokenizer. */
import type { Audio } from "../audio/audio.js";
import type { WavWriteEncoding } from "../audio/wav-format.js";
import type { DeviceName } from "../graph/device.js";
import type { Precision } from "../graph/precision.js";
import type { ModelLicence, ProgressListener } from "../hub/index.js";

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
   * Of convolutions; `"fp32"` by default. `"bf16x3"` gives the codes of float32, `"tf32"` (on CUDA alone) and `"bf16"` change
   * some: the quantizer stays float32, but what it quantises comes out a little different.
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
  /** Seconds of audio done and in all, after each piece of work; of compressed files, the latter is an estimate. */
  readonly onProgress?: (doneSeconds: number, totalSeconds: number) => void;
}

/** Which codebooks and which decoder make the speech. */
export interface DecodeChoice {
  readonly mode?: DecodeMode;
  /** Use the first n codebooks only, the semantic ones first; from 1 to all. Goes with the mode "full" alone. */
  readonly codebooks?: number;
}

export interface DecodeOptions extends WorkOptions, DecodeChoice {}

export interface DecodeFileOptions extends DecodeOptions {
  /** Of the WAV file; `"pcm16"` by default. */
  readonly encoding?: WavWriteEncoding;
}

export interface StreamOptions {
  /** Aborting makes the stream reject with the signal's reason and lets go of its source at once. */
  readonly signal?: AbortSignal;
  /**
   * Seconds of sound in a piece of the result, rounded to frames; by default the shortest that is computed in windows of
   * one length (0.72 s for the public model). Shorter pieces come sooner and cost more.
   */
  readonly pieceSeconds?: number;
  /**
   * Seconds of sound to come that a frame waits for, rounded down to frames; by default all that the model sees, which
   * gives exactly what `encode` and `decode` give. Less comes sooner and changes the result: see the README.
   */
  readonly lookahead?: number;
}

export interface EncodeStreamOptions extends StreamOptions {
  /** Hz of the samples; the model's by default. */
  readonly sampleRate?: number;
}

export interface DecodeStreamOptions extends StreamOptions, DecodeChoice {}

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
