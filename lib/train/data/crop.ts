/** Cutting a piece out of a recording, at one or several rates. */
import { downmix } from "../../audio/audio.js";
import { decodeHere } from "../../audio/decode-here.js";
import type { Resampler } from "../../audio/resample.js";
import { LmsptError } from "../../errors.js";
import { type AudioSource, openSource } from "./audio-source.js";

export interface CropRequest {
  readonly source: AudioSource;
  /** Where the piece lies: from 0, the first that fits, up to 1, the last. */
  readonly at: number;
  /** All of them last equally long. */
  readonly forms: readonly CropForm[];
  /** Nothing may be cut away: recordings that last longer are refused. */
  readonly whole?: boolean;
}

export interface Crop {
  /** The piece in every form. */
  readonly forms: Float32Array[];
  /** How long it lasts without the silence that follows. */
  readonly seconds: number;
}

/** What a result is to be. */
export interface CropForm {
  /** Hz. */
  readonly rate: number;
  readonly samples: number;
}

/**
 * The piece at every rate; silence follows where the recording is shorter. The calling thread decodes.
 * @throws LmsptError ERR_LMSPT_UNSUPPORTED for a recording that is longer where nothing may be cut away
 */
export async function loadCrop({ source, at, forms, whole }: CropRequest, resampler: Resampler): Promise<Crop> {
  const seconds = Math.max(...forms.map((form) => form.samples / form.rate));
  const piece = downmix(
    await decodeHere(await openSource(source), (frames, sampleRate) => {
      const wanted = Math.ceil(seconds * sampleRate);
      if (whole && frames > wanted) throw tooLong(frames / sampleRate, seconds);
      return { start: Math.floor(at * Math.max(0, frames - wanted + 1)), frames: wanted };
    }),
  );
  const crops: Float32Array[] = [];
  for (const { rate, samples } of forms) {
    const crop = new Float32Array(samples);
    const resampled = await resampler.resample(piece.samples, piece.sampleRate, rate);
    crop.set(resampled.subarray(0, samples));
    crops.push(crop);
  }
  return { forms: crops, seconds: piece.samples.length / piece.sampleRate };
}

function tooLong(seconds: number, most: number): LmsptError {
  const message = `Expected at most ${most} s, which the model hears, got ${seconds.toFixed(2)} s`;
  return new LmsptError("ERR_LMSPT_UNSUPPORTED", message);
}
