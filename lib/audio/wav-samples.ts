import { invalidArgument, LmsptError } from "../errors.js";
import { frameCount } from "./audio.js";
import type { WavEncoding, WavWriteEncoding } from "./wav-format.js";
import { bytesPerFrame, WAV_ENCODINGS } from "./wav-format.js";

const DECODERS: Record<WavEncoding, (view: DataView, offset: number) => number> = {
  pcm8: (view, offset) => (view.getUint8(offset) - 128) / 2 ** 7,
  pcm16: (view, offset) => view.getInt16(offset, true) / 2 ** 15,
  pcm24: (view, offset) => (view.getInt16(offset + 1, true) * 256 + view.getUint8(offset)) / 2 ** 23,
  pcm32: (view, offset) => view.getInt32(offset, true) / 2 ** 31,
  float32: (view, offset) => view.getFloat32(offset, true),
  float64: (view, offset) => view.getFloat64(offset, true),
};

const ENCODERS: Record<WavWriteEncoding, (view: DataView, offset: number, sample: number) => void> = {
  pcm16: (view, offset, sample) => view.setInt16(offset, quantize(sample, 2 ** 15), true),
  pcm24: (view, offset, sample) => {
    const value = quantize(sample, 2 ** 23);
    view.setUint8(offset, value & 0xff);
    view.setInt16(offset + 1, value >> 8, true);
  },
  float32: (view, offset, sample) => view.setFloat32(offset, sample, true),
};

/** Nearest integer of `sample * scale`, held inside [-scale, scale - 1]. */
function quantize(sample: number, scale: number): number {
  return Math.max(-scale, Math.min(scale - 1, Math.round(sample * scale)));
}

/**
 * Zeroed channels of shape [channels][frames].
 *
 * @throws LmsptError `ERR_LMSPT_OUT_OF_MEMORY` where the system cannot give that much.
 */
export function allocateChannels(channels: number, frames: number): Float32Array[] {
  try {
    return Array.from({ length: channels }, () => new Float32Array(frames));
  } catch (cause) {
    throw new LmsptError(
      "ERR_LMSPT_OUT_OF_MEMORY",
      `${channels} channels of ${frames} frames do not fit into memory; work on shorter pieces (WavReader reads files in blocks)`,
      { cause },
    );
  }
}

/** Decodes interleaved frames `bytes` into `channels`, from frame `at` on. A partial frame at the end is left out. */
export function deinterleave(
  bytes: Uint8Array,
  encoding: WavEncoding,
  channels: readonly Float32Array[],
  at: number,
): void {
  const decode = DECODERS[encoding];
  const width = WAV_ENCODINGS[encoding].bits / 8;
  const stride = width * channels.length;
  const frames = Math.floor(bytes.length / stride);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  channels.forEach((channel, index) => {
    let offset = index * width;
    for (let frame = 0; frame < frames; frame++) {
      channel[at + frame] = decode(view, offset);
      offset += stride;
    }
  });
}

/**
 * Encodes channels (shape [channels][frames]) into interleaved frames. Integers are rounded to the nearest value and
 * saturate.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` for a sample that is not a number, or channels of different lengths.
 */
export function interleave(channels: readonly Float32Array[], encoding: WavWriteEncoding): Uint8Array {
  const encode = ENCODERS[encoding];
  const width = WAV_ENCODINGS[encoding].bits / 8;
  const stride = bytesPerFrame(encoding, channels.length);
  const bytes = new Uint8Array(frameCount(channels) * stride);
  const view = new DataView(bytes.buffer);
  channels.forEach((channel, index) => {
    let offset = index * width;
    for (let frame = 0; frame < channel.length; frame++) {
      const sample = channel[frame]!;
      if (Number.isNaN(sample)) throw invalidArgument(`sample ${frame} of channel ${index}`, "a number", sample);
      encode(view, offset, sample);
      offset += stride;
    }
  });
  return bytes;
}
