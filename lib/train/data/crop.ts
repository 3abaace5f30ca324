/** Cutting a piece out of a recording, at one or several rates. */
import type { Audio } from "../../audio/audio.js";
import { loadAudio } from "../../audio/decode.js";
import type { Resampler } from "../../audio/resample.js";
import { LmsptError } from "../../errors.js";

export interface CropRequest {
  readonly path: string;
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
 * The piece at every rate; silence follows where the recording is shorter.
 * @throws LmsptError ERR_LMSPT_UNSUPPORTED for a recording that is longer where nothing may be cut away
 */
export async function loadCrop(request: CropRequest, resampler: Resampler): Promise<Crop> {
  const piece = cut(await loadAudio(request.path), request);
  const crops: Float32Array[] = [];
  for (const { rate, samples } of request.forms) {
    const crop = new Float32Array(samples);
    const resampled = await resampler.resample(piece.samples, piece.sampleRate, rate);
    crop.set(resampled.subarray(0, samples));
    crops.push(crop);
  }
  return { forms: crops, seconds: piece.samples.length / piece.sampleRate };
}

function cut({ samples, sampleRate }: Audio, { at, forms, whole }: CropRequest): Audio {
  const seconds = Math.max(...forms.map((form) => form.samples / form.rate));
  const length = Math.ceil(seconds * sampleRate);
  if (whole && samples.length > length) {
    const lasts = (samples.length / sampleRate).toFixed(2);
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      `Expected at most ${seconds} s, which the model hears, got ${lasts} s`,
    );
  }
  const first = Math.floor(at * Math.max(0, samples.length - length + 1));
  return { samples: samples.slice(first, first + length), sampleRate };
}
