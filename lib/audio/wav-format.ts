/** How a WAV file stores a sample. `pcm8` is unsigned, the other integers are signed; everything is little-endian. */
export type WavEncoding = "pcm8" | "pcm16" | "pcm24" | "pcm32" | "float32" | "float64";

/** The encodings that lmspt writes. */
export type WavWriteEncoding = "pcm16" | "pcm24" | "float32";

/** What a WAV header says about its samples. */
export interface WavFormat {
  /** Frames per second, 1 to 2^32 - 1. */
  readonly sampleRate: number;
  /** 1 to 65535. */
  readonly channels: number;
  /** Number of whole frames in the file. */
  readonly frames: number;
  /** Stored width of a sample: 8, 16, 24, 32 or 64. */
  readonly bitsPerSample: number;
  readonly encoding: WavEncoding;
}

export const FORMAT_PCM = 1;
export const FORMAT_FLOAT = 3;
export const FORMAT_EXTENSIBLE = 0xfffe;

/** Bytes 2 to 15 of the sub-format GUIDs whose first two bytes are a plain format tag. */
export const SUBFORMAT_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/** Format tag and stored width (bits) of every encoding. */
export const WAV_ENCODINGS: Readonly<Record<WavEncoding, { readonly tag: number; readonly bits: number }>> = {
  pcm8: { tag: FORMAT_PCM, bits: 8 },
  pcm16: { tag: FORMAT_PCM, bits: 16 },
  pcm24: { tag: FORMAT_PCM, bits: 24 },
  pcm32: { tag: FORMAT_PCM, bits: 32 },
  float32: { tag: FORMAT_FLOAT, bits: 32 },
  float64: { tag: FORMAT_FLOAT, bits: 64 },
};

/** Bytes of one frame: a sample of every channel. */
export function bytesPerFrame(encoding: WavEncoding, channels: number): number {
  return (WAV_ENCODINGS[encoding].bits / 8) * channels;
}
