/**
 * Reading the header of a WAV file. The parser does no input itself: it yields the byte ranges that it wants and is
 * sent their bytes, so files and buffers share it. Ranges always lie inside the file.
 */
import { FormatError, LmsptError } from "../errors.js";
import type { WavEncoding, WavFormat } from "./wav-format.js";
import { bytesPerFrame, FORMAT_EXTENSIBLE, SUBFORMAT_TAIL, WAV_ENCODINGS } from "./wav-format.js";

/** A wish for `length` bytes from `offset` on. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A WAV file's format and the byte at which its first frame begins. */
export interface WavLayout extends WavFormat {
  readonly dataOffset: number;
}

type Parser<Result> = Generator<ByteRange, Result, Uint8Array>;
type SampleFormat = Omit<WavFormat, "frames">;

const MAX_CHUNKS = 4096;
const UNKNOWN_SIZE = 0xffffffff;

/**
 * Parses the header of a WAV or RF64 file of `size` bytes.
 *
 * @throws FormatError with the offset where the file is corrupt; LmsptError `ERR_LMSPT_UNSUPPORTED` for encodings other
 * than linear PCM and IEEE float.
 */
export function* parseWavHeader(size: number): Parser<WavLayout> {
  const riff = yield* take(0, 12, size, "the RIFF header");
  const id = chunkId(riff, 0);
  if ((id !== "RIFF" && id !== "RF64" && id !== "BW64") || chunkId(riff, 8) !== "WAVE") {
    throw new FormatError(`Expected a WAV file ("RIFF....WAVE") but found "${id}....${chunkId(riff, 8)}"`, 0);
  }
  let riffSize = riff.getUint32(4, true);
  let longDataSize: number | undefined;
  let format: SampleFormat | undefined;
  let offset = 12;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const head = yield* take(offset, 8, size, format ? 'the search for the "data" chunk' : 'the search for "fmt "');
    const name = chunkId(head, 0);
    const length = head.getUint32(4, true);
    const body = offset + 8;
    if (name === "data") {
      if (!format) throw new FormatError('The "data" chunk comes before the "fmt " chunk', offset);
      const declared = length === UNKNOWN_SIZE && longDataSize !== undefined ? longDataSize : length;
      const bytes = dataLength(declared, body, size, riffSize);
      const frames = Math.floor(bytes / bytesPerFrame(format.encoding, format.channels));
      return { ...format, frames, dataOffset: body };
    }
    if (body + length > size) {
      throw new FormatError(`Chunk "${name}" claims ${length} bytes but ${size - body} are left in the file`, offset);
    }
    if (name === "fmt ") format = yield* parseFormat(body, length, size);
    if (name === "ds64" && id !== "RIFF") ({ riffSize, dataSize: longDataSize } = yield* parseDs64(body, length, size));
    offset = body + length + (length % 2);
  }
  throw new FormatError(`No "data" chunk among the first ${MAX_CHUNKS} chunks`, offset);
}

/** Asks for bytes of the file, refusing ranges beyond its end. */
function* take(offset: number, length: number, size: number, what: string): Parser<DataView> {
  if (offset + length > size) throw new FormatError(`The WAV file ends inside ${what}`, size);
  const bytes = yield { offset, length };
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

function* parseFormat(offset: number, length: number, size: number): Parser<SampleFormat> {
  if (length < 16) throw new FormatError(`Expected at least 16 bytes in chunk "fmt " but it has ${length}`, offset);
  const view = yield* take(offset, Math.min(length, 40), size, 'chunk "fmt "');
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const frameBytes = view.getUint16(12, true);
  const bitsPerSample = view.getUint16(14, true);
  const encoding = findEncoding(formatTag(view, offset), bitsPerSample);
  if (channels === 0) throw new FormatError("The WAV header says 0 channels", offset + 2);
  if (sampleRate === 0) throw new FormatError("The WAV header says a sample rate of 0", offset + 4);
  // The field has 16 bits, so it can hold the true value modulo 65536 only.
  if (frameBytes !== bytesPerFrame(encoding, channels) % 65536) {
    throw new FormatError(
      `${channels} channels of ${bitsPerSample} bits take ${bytesPerFrame(encoding, channels)} bytes but the WAV header says ${frameBytes}`,
      offset + 12,
    );
  }
  return { sampleRate, channels, bitsPerSample, encoding };
}

function formatTag(view: DataView, offset: number): number {
  const tag = view.getUint16(0, true);
  if (tag !== FORMAT_EXTENSIBLE) return tag;
  if (view.byteLength < 40) {
    throw new FormatError(`Expected 40 bytes in an extensible chunk "fmt " but it has ${view.byteLength}`, offset);
  }
  if (SUBFORMAT_TAIL.some((byte, index) => view.getUint8(26 + index) !== byte)) {
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", `Unknown WAV sub-format GUID (at byte ${offset + 24})`);
  }
  return view.getUint16(24, true);
}

function findEncoding(tag: number, bits: number): WavEncoding {
  for (const [encoding, stored] of Object.entries(WAV_ENCODINGS)) {
    if (stored.tag === tag && stored.bits === bits) return encoding as WavEncoding;
  }
  throw new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    `Expected WAV samples as PCM of 8, 16, 24 or 32 bits or float of 32 or 64 bits but the file has format tag ` +
      `0x${tag.toString(16).padStart(4, "0")} with ${bits} bits; convert it to 16-bit PCM`,
  );
}

function* parseDs64(offset: number, length: number, size: number): Parser<{ riffSize: number; dataSize: number }> {
  if (length < 24) throw new FormatError(`Expected at least 24 bytes in chunk "ds64" but it has ${length}`, offset);
  const view = yield* take(offset, 24, size, 'chunk "ds64"');
  return { riffSize: Number(view.getBigUint64(0, true)), dataSize: Number(view.getBigUint64(8, true)) };
}

/** Length of the samples in bytes. Streamed files, whose sizes were never filled in, reach to the end of the file. */
function dataLength(declared: number, offset: number, size: number, riffSize: number): number {
  const available = size - offset;
  const neverFilledIn = declared === 0 && (riffSize === UNKNOWN_SIZE || 8 + riffSize <= offset);
  if (neverFilledIn || (declared > available && isStreamPlaceholder(declared))) return available;
  if (declared > available) {
    throw new FormatError(
      `The WAV file is cut off: its samples take ${declared} bytes but ${available} are there`,
      offset,
    );
  }
  return declared;
}

/** Sizes that programs write when they send WAV into a pipe: the largest 32-bit numbers, signed or not. */
function isStreamPlaceholder(length: number): boolean {
  return (length >= 0x7ffff000 && length <= 0x80000000) || (length >= 0xfffff000 && length <= UNKNOWN_SIZE);
}

/** Four characters of a chunk name, with `?` for what is not printable ASCII. */
function chunkId(view: DataView, offset: number): string {
  const codes = [0, 1, 2, 3].map((index) => view.getUint8(offset + index));
  return codes.map((code) => (code >= 32 && code < 127 ? String.fromCharCode(code) : "?")).join("");
}
