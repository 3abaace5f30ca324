import { A_FLOAT32_ARRAY, AN_ARRAY, AN_OBJECT, requireKind } from "../arguments.js";
import { invalidArgument } from "../errors.js";

/** One channel of sound. */
export interface Audio {
  /** Samples in time order; full scale is [-1, 1], values outside it are legal. */
  readonly samples: Float32Array;
  /** Samples per second, above 0. */
  readonly sampleRate: number;
}

/** Sound with one array for each channel, all of the same length. */
export interface MultiChannelAudio {
  /** Shape [channels][frames], at least one channel. */
  readonly channels: readonly Float32Array[];
  /** Frames per second, above 0. */
  readonly sampleRate: number;
}

/**
 * Mixes all channels into one: the mean over the channels, frame by frame. Mono input is passed through, not copied.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` without channels or with channels of different lengths.
 */
export function downmix(audio: MultiChannelAudio): Audio {
  requireKind("audio", AN_OBJECT, audio);
  const { channels, sampleRate } = audio;
  const frames = frameCount(channels);
  if (channels.length === 1) return { samples: channels[0]!, sampleRate };
  const samples = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (const channel of channels) sum += channel[frame]!;
    samples[frame] = sum / channels.length;
  }
  return { samples, sampleRate };
}

/**
 * The common length of the channels.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` without channels or with channels of different lengths.
 */
export function frameCount(channels: readonly Float32Array[]): number {
  requireKind("channels", AN_ARRAY, channels);
  for (const channel of channels) requireKind("a channel", A_FLOAT32_ARRAY, channel);
  if (channels.length === 0) throw invalidArgument("channels", "at least one channel", channels);
  const lengths = channels.map((channel) => channel.length);
  if (lengths.some((length) => length !== lengths[0])) {
    throw invalidArgument("channels", "channels of equal length", `lengths ${lengths.slice(0, 8).join(", ")}`);
  }
  return lengths[0]!;
}

/** The first sample that is NaN or infinite, described, or undefined. Frames are counted from `firstFrame`. */
export function describeNonFinite(channels: readonly Float32Array[], firstFrame = 0): string | undefined {
  for (const [index, channel] of channels.entries()) {
    for (let frame = 0; frame < channel.length; frame++) {
      const sample = channel[frame]!;
      if (!Number.isFinite(sample)) return `frame ${firstFrame + frame} of channel ${index} is ${sample}`;
    }
  }
  return undefined;
}
