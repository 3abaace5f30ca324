import { FormatError } from "../errors.js";
import type { ByteSource } from "./byte-source.js";
import { hasText, id3Length } from "./tags.js";

/** The formats that can be read, named by their content. `flac` stands for plain and for Ogg FLAC. */
export type AudioFormat = "wav" | "flac" | "mp3" | "vorbis" | "opus";

/** What a file holds: its format, and the byte at which that begins (ID3 tags stand before it). */
export interface Sniffed {
  readonly format: AudioFormat;
  readonly start: number;
}

const HEAD_BYTES = 4096;

/**
 * Recognises the format by its content; names play no part.
 *
 * @throws FormatError that names the accepted formats and the first bytes.
 */
export async function sniffAudio(source: ByteSource): Promise<Sniffed> {
  const first = await readHead(source, 0);
  const start = id3Length(first);
  const head = start === 0 ? first : await readHead(source, start);
  const format = containerFormat(head) ?? (isMp3Frame(head, 0) ? "mp3" : undefined);
  if (format) return { format, start };
  // Taggers leave zeros between an ID3 tag and the first frame.
  const padding = start === 0 ? -1 : head.findIndex((byte) => byte !== 0);
  if (padding > 0 && isMp3Frame(head, padding)) return { format: "mp3", start: start + padding };
  throw new FormatError(`Expected audio as WAV, FLAC, MP3, Ogg Vorbis or Ogg Opus but ${describeHead(head)}`, start);
}

async function readHead(source: ByteSource, offset: number): Promise<Uint8Array> {
  const start = Math.min(offset, source.size);
  return source.read(start, Math.min(HEAD_BYTES, source.size - start));
}

function containerFormat(head: Uint8Array): AudioFormat | undefined {
  if ((hasText(head, 0, "RIFF") || hasText(head, 0, "RF64") || hasText(head, 0, "BW64")) && hasText(head, 8, "WAVE")) {
    return "wav";
  }
  if (hasText(head, 0, "fLaC")) return "flac";
  if (!hasText(head, 0, "OggS")) return undefined;
  const packet = 27 + (head[26] ?? 0);
  if (hasText(head, packet, "\x01vorbis")) return "vorbis";
  if (hasText(head, packet, "OpusHead")) return "opus";
  return hasText(head, packet, "\x7fFLAC") ? "flac" : undefined;
}

/** Whether an MPEG audio frame header stands at `offset`: 11 sync bits, then no reserved value in any field. */
function isMp3Frame(head: Uint8Array, offset: number): boolean {
  if (head.length < offset + 4 || head[offset] !== 0xff || head[offset + 1]! < 0xe0) return false;
  const version = (head[offset + 1]! >> 3) & 3;
  const layer = (head[offset + 1]! >> 1) & 3;
  const bitrate = head[offset + 2]! >> 4;
  const sampleRate = (head[offset + 2]! >> 2) & 3;
  return version !== 1 && layer !== 0 && bitrate !== 15 && sampleRate !== 3;
}

function describeHead(head: Uint8Array): string {
  if (head.length === 0) return "there are no bytes";
  const shown = [...head.subarray(0, 12)];
  const hex = shown.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = shown.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
  return `the first bytes are ${hex} ("${text}"); convert the file to one of these`;
}
