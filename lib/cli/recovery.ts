import type { Audio } from "../audio/audio.js";
import { allocateChannels } from "../audio/wav-samples.js";
import { TokenFileReader } from "../data/token-file-reader.js";
import type { FrameRange } from "../data/token-layout.js";
import { FormatError } from "../errors.js";
import type { DecodeOptions, Tokenizer } from "../models/tokenizer.js";
import { formatCount, formatFrames } from "./units.js";

/** The speech of what is intact of a token file. */
export interface RecoveredSpeech {
  readonly speech: Audio;
  /** Frames of the stream, lost ones included. */
  readonly frames: number;
  readonly seconds: number;
  /** What is missing, for people; undefined where nothing is. */
  readonly loss: string | undefined;
}

/**
 * Decodes the intact chunks of a token file. Lost frames are silent, so that what follows them keeps its time.
 * @throws FormatError where the header is damaged or no chunk is intact
 */
export async function decodeIntact(
  path: string,
  tokenizer: Tokenizer,
  options: DecodeOptions,
): Promise<RecoveredSpeech> {
  const { signal, onProgress } = options;
  await using reader = await TokenFileReader.open(path, { recover: true, signal });
  const { frames, samples, complete, damaged, spec } = reader;
  const intact = rangesBetween(damaged, frames);
  if (intact.length === 0 && !complete) throw new FormatError("The header is intact, but not one chunk of codes is");
  const seconds = samples / spec.sampleRate;
  // Nothing in, nothing out: it tells the rate of the mode, and that the tokens are this model's.
  const { sampleRate } = await tokenizer.decode(await reader.read(0, 0), options);
  const joined = allocateChannels(1, Math.floor((samples * sampleRate) / spec.sampleRate))[0]!;
  for (const { startFrame, endFrame } of intact) {
    const startSecond = startFrame / spec.frameRate;
    const speech = await tokenizer.decode(await reader.read(startFrame, endFrame, { signal }), {
      ...options,
      onProgress: (done) => onProgress?.(startSecond + done, seconds),
    });
    joined.set(speech.samples, Math.round(startSecond * sampleRate));
  }
  const loss = complete ? undefined : describeLoss(damaged, frames, spec.frameRate);
  return { speech: { samples: joined, sampleRate }, frames, seconds, loss };
}

function describeLoss(damaged: readonly FrameRange[], frames: number, frameRate: number): string {
  if (damaged.length === 0) return "never finished; its chunks are intact and decoded";
  const lost = damaged.reduce((sum, { startFrame, endFrame }) => sum + endFrame - startFrame, 0);
  const places = damaged.map((range) => formatFrames(range, frameRate)).join("; ");
  return `${lost} of ${formatCount(frames, "frame")} are lost, and silent: ${places}`;
}

/** The ranges of 0 to `frames` that are not in `damaged`, which ascends. */
function rangesBetween(damaged: readonly FrameRange[], frames: number): FrameRange[] {
  const starts = [0, ...damaged.map(({ endFrame }) => endFrame)];
  const ends = [...damaged.map(({ startFrame }) => startFrame), frames];
  return starts
    .map((startFrame, i) => ({ startFrame, endFrame: ends[i]! }))
    .filter(({ startFrame, endFrame }) => startFrame < endFrame);
}
