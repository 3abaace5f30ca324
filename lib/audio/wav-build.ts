import { invalidArgument, LmsptError } from "../errors.js";
import type { WavWriteEncoding } from "./wav-format.js";
import { bytesPerFrame, FORMAT_EXTENSIBLE, FORMAT_FLOAT, SUBFORMAT_TAIL, WAV_ENCODINGS } from "./wav-format.js";

/** The shape of a WAV file to be written. */
export interface WavWriteFormat {
  readonly sampleRate: number;
  readonly channels: number;
  readonly encoding: WavWriteEncoding;
}

/** Checks the parts of a format and returns them. */
export function checkWriteFormat(sampleRate: number, channels: number, encoding: WavWriteEncoding): WavWriteFormat {
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate > 0xffffffff) {
    throw invalidArgument("sampleRate", "an integer from 1 to 2^32 - 1", sampleRate);
  }
  if (encoding !== "pcm16" && encoding !== "pcm24" && encoding !== "float32") {
    throw invalidArgument("encoding", '"pcm16", "pcm24" or "float32"', encoding);
  }
  const most = Math.floor(65535 / bytesPerFrame(encoding, 1));
  if (!Number.isInteger(channels) || channels < 1 || channels > most) {
    throw invalidArgument("channels", `an integer from 1 to ${most} with ${encoding}`, channels);
  }
  return { sampleRate, channels, encoding };
}

/**
 * Everything of a WAV file before its samples. The length depends on the format alone, so that a header can be put over
 * an earlier one. More than two channels or 16 integer bits make the header extensible, as the format asks for.
 *
 * @throws LmsptError `ERR_LMSPT_UNSUPPORTED` when the file would outgrow the 4 GiB of the format.
 */
export function buildWavHeader(format: WavWriteFormat, frames: number): Uint8Array {
  const { sampleRate, channels, encoding } = format;
  const { tag, bits } = WAV_ENCODINGS[encoding];
  const frameBytes = bytesPerFrame(encoding, channels);
  const extensible = channels > 2 || encoding === "pcm24";
  const formatBytes = extensible ? 40 : tag === FORMAT_FLOAT ? 18 : 16;
  const factBytes = tag === FORMAT_FLOAT ? 12 : 0;
  const header = new Uint8Array(28 + formatBytes + factBytes);
  const dataBytes = frames * frameBytes;
  const riffBytes = header.length - 8 + dataBytes + dataPadding(format, frames);
  if (riffBytes > 0xffffffff) {
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      `A WAV file holds less than 4 GiB but this one would take ${riffBytes + 8} bytes; split it into several files`,
    );
  }

  const view = new DataView(header.buffer);
  const fact = 20 + formatBytes;
  const data = fact + factBytes;
  setText(header, 0, "RIFF");
  view.setUint32(4, riffBytes, true);
  setText(header, 8, "WAVEfmt ");
  view.setUint32(16, formatBytes, true);
  view.setUint16(20, extensible ? FORMAT_EXTENSIBLE : tag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, bits, true);
  if (extensible) {
    view.setUint16(36, 22, true);
    view.setUint16(38, bits, true);
    view.setUint16(44, tag, true);
    header.set(SUBFORMAT_TAIL, 46);
  }
  if (factBytes > 0) {
    setText(header, fact, "fact");
    view.setUint32(fact + 4, 4, true);
    view.setUint32(fact + 8, frames, true);
  }
  setText(header, data, "data");
  view.setUint32(data + 4, dataBytes, true);
  return header;
}

/** Bytes (0 or 1) after the samples that bring their chunk to an even length. */
export function dataPadding(format: WavWriteFormat, frames: number): number {
  return (frames * bytesPerFrame(format.encoding, format.channels)) % 2;
}

function setText(bytes: Uint8Array, offset: number, text: string): void {
  for (let index = 0; index < text.length; index++) bytes[offset + index] = text.charCodeAt(index);
}
