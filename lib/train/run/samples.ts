/** Reconstructed speech for the eye and the ear: sounds and spectrograms in TensorBoard's files. */
import { melSpectrogram } from "../../eval/mel.js";
import { spectrogramImage } from "../../eval/spectrogram-image.js";
import type { EventFile } from "./event-file.js";

const PICTURE = { size: 1024, hop: 256, bands: 80 };
/** Decibels. */
const LEVELS = { floor: -80, ceiling: 10 };

export async function logSpeech(
  events: EventFile,
  tag: string,
  samples: Float32Array,
  sampleRate: number,
  step: number,
): Promise<void> {
  await events.audio(`${tag}/audio`, { samples, sampleRate }, step);
  const levels = melSpectrogram({ samples, sampleRate }, PICTURE);
  const size = { width: levels.length, height: PICTURE.bands };
  await events.image(`${tag}/spectrogram`, spectrogramImage(levels, LEVELS), size, step);
}
