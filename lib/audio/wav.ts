import { A_UINT8_ARRAY, AN_OBJECT, checkOptions, requireKind } from "../arguments.js";
import type { Audio, MultiChannelAudio } from "./audio.js";
import { frameCount } from "./audio.js";
import { buildWavHeader, checkWriteFormat, dataPadding } from "./wav-build.js";
import type { WavFormat, WavWriteEncoding } from "./wav-format.js";
import { bytesPerFrame } from "./wav-format.js";
import { parseWavHeader } from "./wav-header.js";
import { allocateChannels, deinterleave, interleave } from "./wav-samples.js";

/**
 * Decodes a whole WAV file in memory, at once. `WavReader` reads the same files in parts.
 *
 * @returns the samples as [channels][frames], and the header's format
 * @throws FormatError with the offset where the file is corrupt; LmsptError `ERR_LMSPT_UNSUPPORTED` for encodings other
 * than linear PCM and IEEE float
 */
export function decodeWav(bytes: Uint8Array): MultiChannelAudio & { readonly format: WavFormat } {
  requireKind("bytes", A_UINT8_ARRAY, bytes);
  const parser = parseWavHeader(bytes.length);
  let step = parser.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parser.next(bytes.subarray(offset, offset + length));
  }
  const { dataOffset, ...format } = step.value;
  const end = dataOffset + format.frames * bytesPerFrame(format.encoding, format.channels);
  const channels = allocateChannels(format.channels, format.frames);
  deinterleave(bytes.subarray(dataOffset, end), format.encoding, channels, 0);
  return { channels, sampleRate: format.sampleRate, format };
}

/**
 * Encodes sound as a whole WAV file in memory.
 *
 * @param options.encoding default "pcm16"; integers are rounded to the nearest value and saturate
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` (NaN, sample rate, channels), `ERR_LMSPT_UNSUPPORTED` above 4 GiB
 */
export function encodeWav(audio: Audio | MultiChannelAudio, options: { encoding?: WavWriteEncoding } = {}): Uint8Array {
  requireKind("audio", AN_OBJECT, audio);
  const { encoding = "pcm16" } = checkOptions(options);
  const channels = "channels" in audio ? audio.channels : [audio.samples];
  const frames = frameCount(channels);
  const format = checkWriteFormat(audio.sampleRate, channels.length, encoding);
  const header = buildWavHeader(format, frames);
  const samples = interleave(channels, format.encoding);
  const file = new Uint8Array(header.length + samples.length + dataPadding(format, frames));
  file.set(header);
  file.set(samples, header.length);
  return file;
}
