/**
 * The parts of a token file as bytes, as docs/token-file.md specifies them: header, chunk, index. All integers are
 * little-endian. Nothing here reads files.
 */
import { FormatError, LmsptError } from "../errors.js";
import { bitsFor, packCodes, packedBytes, unpackCodes } from "./bit-packing.js";
import { crc32c } from "./crc32c.js";
import {
  codebookSizes,
  findOutOfRange,
  requireInteger,
  samplesPerFrame,
  type TokenSpec,
  validateTokenSpec,
} from "./tokens.js";

/** What the header of a token file says. */
export interface TokenFileHeader {
  readonly spec: TokenSpec;
  /** True length of the audio, or undefined while the file is being written. */
  readonly samples: number | undefined;
  /** The most frames that one chunk holds, 1 to 65536. */
  readonly chunkFrames: number;
}

/** Where a chunk lies: `frames` frames from `startFrame` on, stored at byte `offset`. */
export interface ChunkPlace {
  readonly offset: number;
  readonly startFrame: number;
  readonly frames: number;
}

export const DEFAULT_CHUNK_FRAMES = 256;
export const MAX_CHUNK_FRAMES = 65536;
export const CHUNK_MARK = Buffer.from("LSPC");
export const CHUNK_HEADER_BYTES = 20;
export const INDEX_TAIL_BYTES = 12;

const MAGIC = Buffer.from("\x89LMSPT\r\n", "latin1");
const VERSION = 1;
const INDEX_MARK = Buffer.from("LSPX");
const END_MARK = Buffer.from("LSPE");
const HEADER_FIXED_BYTES = 44;
const INDEX_FIXED_BYTES = 8;
const CRC_BYTES = 4;
const UNKNOWN_SAMPLES = 2n ** 64n - 1n;

/** More bytes than any header has. */
export const HEADER_READ_BYTES = 512;

/** Header bytes; their number depends on the model's fingerprint alone. */
export function encodeHeader(header: TokenFileHeader): Uint8Array {
  const { spec, samples, chunkFrames } = header;
  const bytes = Buffer.alloc(HEADER_FIXED_BYTES + spec.model.length + CRC_BYTES);
  bytes.set(MAGIC);
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt16LE(spec.model.length, 10);
  bytes.writeUInt32LE(spec.sampleRate, 12);
  bytes.writeUInt32LE(samplesPerFrame(spec), 16);
  bytes.writeUInt16LE(spec.semanticCodebooks, 20);
  bytes.writeUInt16LE(spec.acousticCodebooks, 22);
  bytes.writeUInt32LE(spec.semanticCodebookSize, 24);
  bytes.writeUInt32LE(spec.acousticCodebookSize, 28);
  bytes.writeBigUInt64LE(samples === undefined ? UNKNOWN_SAMPLES : BigInt(samples), 32);
  bytes.writeUInt32LE(chunkFrames, 40);
  bytes.write(spec.model, HEADER_FIXED_BYTES, "latin1");
  return sealed(bytes, bytes.length - CRC_BYTES);
}

/** Reads the header from the first HEADER_READ_BYTES (or all) bytes of a file. */
export function decodeHeader(start: Uint8Array): { header: TokenFileHeader; headerBytes: number } {
  const bytes = asBuffer(start);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    const found = bytes.subarray(0, MAGIC.length).toString("hex") || "an empty file";
    throw new FormatError(`Not a token file: expected it to begin with ${MAGIC.toString("hex")} but found ${found}`, 0);
  }
  if (bytes.length < HEADER_FIXED_BYTES) throw new FormatError("The header of the token file is cut off", bytes.length);
  const version = bytes.readUInt16LE(8);
  if (version !== VERSION) {
    const message = `The token file has format version ${version}, this program reads version ${VERSION}; update lmspt`;
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", message);
  }
  const headerBytes = HEADER_FIXED_BYTES + bytes.readUInt16LE(10) + CRC_BYTES;
  if (bytes.length < headerBytes) throw new FormatError("The header of the token file is cut off", bytes.length);
  if (!isSealed(bytes, headerBytes - CRC_BYTES)) throw new FormatError("The token file's header is damaged", 0);
  const sampleRate = bytes.readUInt32LE(12);
  const samples = bytes.readBigUInt64LE(32);
  const spec = {
    semanticCodebooks: bytes.readUInt16LE(20),
    acousticCodebooks: bytes.readUInt16LE(22),
    semanticCodebookSize: bytes.readUInt32LE(24),
    acousticCodebookSize: bytes.readUInt32LE(28),
    sampleRate,
    frameRate: sampleRate / bytes.readUInt32LE(16),
    model: bytes.toString("latin1", HEADER_FIXED_BYTES, headerBytes - CRC_BYTES),
  };
  const header = {
    spec,
    samples: samples === UNKNOWN_SAMPLES ? undefined : Number(samples),
    chunkFrames: bytes.readUInt32LE(40),
  };
  try {
    validateTokenSpec(spec, "header");
    requireInteger(header.chunkFrames, 1, MAX_CHUNK_FRAMES, "header.chunkFrames");
    if (header.samples !== undefined) requireInteger(header.samples, 0, Number.MAX_SAFE_INTEGER, "header.samples");
  } catch (error) {
    throw new FormatError(`The token file's header is not valid: ${(error as Error).message}`, 0, { cause: error });
  }
  return { header, headerBytes };
}

/** Size of a chunk of `frames` frames, all included. */
export function chunkBytes(frames: number, spec: TokenSpec): number {
  return CHUNK_HEADER_BYTES + packedBytes(frames, widthsOf(spec)) + CRC_BYTES;
}

/** A chunk of the first `frames` codes of every codebook. */
export function encodeChunk(
  codes: readonly Int32Array[],
  startFrame: number,
  frames: number,
  spec: TokenSpec,
): Uint8Array {
  const bytes = Buffer.alloc(chunkBytes(frames, spec));
  bytes.set(CHUNK_MARK);
  bytes.writeUInt32LE(frames, 4);
  bytes.writeBigUInt64LE(BigInt(startFrame), 8);
  sealed(bytes, CHUNK_HEADER_BYTES - CRC_BYTES);
  bytes.set(packCodes(codes, frames, widthsOf(spec)), CHUNK_HEADER_BYTES);
  return sealed(bytes, bytes.length - CRC_BYTES);
}

/** Reads a chunk's header from the start of `start`, which lies at byte `offset`; undefined if none stands there. */
export function decodeChunkHeader(start: Uint8Array, offset: number, chunkFrames: number): ChunkPlace | undefined {
  const bytes = asBuffer(start).subarray(0, CHUNK_HEADER_BYTES);
  if (bytes.length < CHUNK_HEADER_BYTES || !bytes.subarray(0, CHUNK_MARK.length).equals(CHUNK_MARK)) return undefined;
  if (!isSealed(bytes, CHUNK_HEADER_BYTES - CRC_BYTES)) return undefined;
  const frames = bytes.readUInt32LE(4);
  const startFrame = Number(bytes.readBigUInt64LE(8));
  if (frames < 1 || frames > chunkFrames || !Number.isSafeInteger(startFrame + frames)) return undefined;
  return { offset, startFrame, frames };
}

/** Unpacks the chunk that should stand at `place`; `chunk` are its chunkBytes, or fewer where the file ends. */
export function decodeChunk(chunk: Uint8Array, place: ChunkPlace, header: TokenFileHeader): Int32Array[] {
  const { offset, startFrame, frames } = place;
  const name = `The chunk of frames ${startFrame} to ${startFrame + frames}`;
  if (chunk.length < chunkBytes(frames, header.spec))
    throw new FormatError(`${name} is cut off`, offset + chunk.length);
  const found = decodeChunkHeader(chunk, offset, header.chunkFrames);
  if (found?.startFrame !== startFrame || found.frames !== frames) throw new FormatError(`${name} is damaged`, offset);
  if (!isSealed(asBuffer(chunk), chunk.length - CRC_BYTES)) {
    throw new FormatError(`${name} is damaged: its checksum does not match`, offset);
  }
  const codes = unpackCodes(chunk.subarray(CHUNK_HEADER_BYTES), frames, widthsOf(header.spec));
  codebookSizes(header.spec).forEach((size, k) => {
    const bad = findOutOfRange(codes[k]!, size);
    if (bad < 0) return;
    const where = `codebook ${k}, frame ${startFrame + bad}`;
    throw new FormatError(`Expected a code from 0 to ${size - 1} for ${where} but found ${codes[k]![bad]}`, offset);
  });
  return codes;
}

/** The index of a file whose chunks have these frame counts, in order. */
export function encodeIndex(frameCounts: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(INDEX_FIXED_BYTES + 4 * frameCounts.length + INDEX_TAIL_BYTES);
  bytes.set(INDEX_MARK);
  bytes.writeUInt32LE(frameCounts.length, 4);
  frameCounts.forEach((frames, i) => {
    bytes.writeUInt32LE(frames, INDEX_FIXED_BYTES + 4 * i);
  });
  const tail = bytes.length - INDEX_TAIL_BYTES;
  bytes.writeUInt32LE(bytes.length, tail);
  sealed(bytes, tail + 4);
  bytes.set(END_MARK, tail + 8);
  return bytes;
}

/** Size of the index from the last INDEX_TAIL_BYTES of a file of `fileSize` bytes. */
export function decodeIndexTail(tail: Uint8Array, fileSize: number): number {
  const bytes = asBuffer(tail);
  if (bytes.length < INDEX_TAIL_BYTES || !bytes.subarray(8).equals(END_MARK)) {
    throw new FormatError("The token file is cut off: it has no index at its end", fileSize);
  }
  const indexBytes = bytes.readUInt32LE(0);
  if (indexBytes < INDEX_FIXED_BYTES + INDEX_TAIL_BYTES || indexBytes > fileSize) {
    throw new FormatError("The token file's index is damaged", fileSize - INDEX_TAIL_BYTES);
  }
  return indexBytes;
}

/** The places of all chunks from the index at byte `offset`; chunks fill the bytes from `headerBytes` to `offset`. */
export function decodeIndex(
  index: Uint8Array,
  offset: number,
  headerBytes: number,
  header: TokenFileHeader,
): ChunkPlace[] {
  const bytes = asBuffer(index);
  const count = (bytes.length - INDEX_FIXED_BYTES - INDEX_TAIL_BYTES) / 4;
  const marked = bytes.subarray(0, INDEX_MARK.length).equals(INDEX_MARK);
  if (!marked || bytes.readUInt32LE(4) !== count || !isSealed(bytes, bytes.length - INDEX_TAIL_BYTES + 4)) {
    throw new FormatError("The token file's index is damaged", offset);
  }
  const places: ChunkPlace[] = [];
  let startFrame = 0;
  let chunkOffset = headerBytes;
  for (let i = 0; i < count && chunkOffset < offset; i++) {
    const frames = bytes.readUInt32LE(INDEX_FIXED_BYTES + 4 * i);
    if (frames < 1 || frames > header.chunkFrames) break;
    places.push({ offset: chunkOffset, startFrame, frames });
    startFrame += frames;
    chunkOffset += chunkBytes(frames, header.spec);
  }
  if (places.length !== count || chunkOffset !== offset) {
    throw new FormatError("The token file's index does not fit its chunks", offset);
  }
  return places;
}

/** Bits of one code in a file: those of bitsFor, but at least 1, so that a file's size bounds what it unpacks to. */
function widthsOf(spec: TokenSpec): number[] {
  return codebookSizes(spec).map((size) => Math.max(1, bitsFor(size)));
}

/** Writes the checksum of the first `length` bytes behind them. */
function sealed(bytes: Buffer, length: number): Buffer {
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, length)), length);
  return bytes;
}

function isSealed(bytes: Buffer, length: number): boolean {
  return bytes.readUInt32LE(length) === crc32c(bytes.subarray(0, length));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
