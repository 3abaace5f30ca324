/** The decoders of the compressed formats behind one interface, with their peculiarities evened out. */
import type { AudioFormat } from "./sniff.js";

export type CompressedFormat = Exclude<AudioFormat, "wav">;

/** Sound that came out of a piece of a stream; no channels where none came out. */
export interface DecodedPart {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
  readonly bitDepth?: number;
  readonly errors?: readonly { readonly message: string }[];
}

/** Takes a stream in pieces of any size; `flush` gives what is left at the end. */
export interface StreamDecoder {
  decode(chunk: Uint8Array): DecodedPart;
  flush?(): DecodedPart;
}

/** Opens the decoder for the stream that `bytes` holds. */
export async function openDecoder(format: CompressedFormat, bytes: Uint8Array): Promise<StreamDecoder> {
  if (format === "vorbis") return (await import("@audio/decode-vorbis")).decoder();
  if (format === "opus") return (await import("@audio/decode-opus")).decoder();
  if (format === "flac") return evenOut(await (await import("@audio/decode-flac")).decoder(), toWavScale);
  const mp3 = await (await import("@audio/decode-mp3")).decoder();
  return isMonoMp3(bytes) ? evenOut(mp3, toMono) : mp3;
}

function evenOut(decoder: StreamDecoder, change: (part: DecodedPart) => DecodedPart): StreamDecoder {
  return {
    decode: (chunk) => change(decoder.decode(chunk)),
    flush: decoder.flush && (() => change(decoder.flush!())),
  };
}

/** Whether the MPEG audio frame at the start of `bytes` has one channel. */
function isMonoMp3(bytes: Uint8Array): boolean {
  return bytes[3]! >> 6 === 3;
}

/** The MP3 decoder gives mono as two equal channels. */
function toMono(part: DecodedPart): DecodedPart {
  return { ...part, channelData: part.channelData.slice(0, 1) };
}

/** The FLAC decoder divides integers by 2^(bits - 1) - 1; WAV divides by 2^(bits - 1), and so lossless stays lossless. */
function toWavScale(part: DecodedPart): DecodedPart {
  const scale = 2 ** ((part.bitDepth ?? 16) - 1);
  const rescale = (sample: number) => Math.round(sample * (scale - 1)) / scale;
  return { ...part, channelData: part.channelData.map((channel) => channel.map(rescale)) };
}
