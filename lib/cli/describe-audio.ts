import { openFileSource } from "../audio/byte-source.js";
import { decodeAudio } from "../audio/decode.js";
import { type AudioFormat, sniffAudio } from "../audio/sniff.js";
import { WavReader } from "../audio/wav-reader.js";
import type { Description } from "./description.js";
import { formatBytes, formatDuration } from "./units.js";

interface AudioFacts {
  readonly format: AudioFormat;
  /** How samples are stored: a WAV encoding, else the format's name. */
  readonly encoding: string;
  readonly bytes: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly frames: number;
}

/** Describes an audio file. Compressed files are decoded, so that their length is true. @throws FormatError, LmsptError */
export async function describeAudio(path: string, signal: AbortSignal): Promise<Description> {
  const { format, encoding, bytes, sampleRate, channels, frames } = await readFacts(path, signal);
  const seconds = frames / sampleRate;
  return {
    json: { kind: "audio", path, format, encoding, bytes, seconds, sampleRate, channels, frames },
    rows: [
      ["file", `${path}, audio as ${format}, ${formatBytes(bytes)}`],
      ["duration", `${formatDuration(seconds)}, ${frames} samples at ${sampleRate} Hz`],
      ["channels", String(channels)],
      ["encoding", encoding],
    ],
    intact: true,
  };
}

async function readFacts(path: string, signal: AbortSignal): Promise<AudioFacts> {
  const source = await openFileSource(path);
  try {
    const { format } = await sniffAudio(source);
    const bytes = source.size;
    if (format === "wav") return { format, bytes, ...(await WavReader.from(source)).format };
    const { channels, sampleRate } = await decodeAudio(path, { signal });
    return { format, encoding: format, bytes, sampleRate, channels: channels.length, frames: channels[0]!.length };
  } finally {
    await source.close();
  }
}
