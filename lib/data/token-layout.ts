/** Finds the chunks of a token file: from its index, or by scanning a file that is damaged or was never finished. */
import { FormatError } from "../errors.js";
import type { Parser } from "./parser.js";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_MARK,
  type ChunkPlace,
  chunkBytes,
  decodeChunk,
  decodeChunkHeader,
  decodeHeader,
  decodeIndex,
  decodeIndexTail,
  HEADER_READ_BYTES,
  INDEX_TAIL_BYTES,
  type TokenFileHeader,
} from "./token-format.js";
import { samplesPerFrame } from "./tokens.js";

/** Frames `startFrame` up to, not including, `endFrame`. */
export interface FrameRange {
  readonly startFrame: number;
  readonly endFrame: number;
}

/** What a token file holds and where. */
export interface TokenFileLayout {
  readonly header: TokenFileHeader;
  /** Readable chunks in ascending order. */
  readonly chunks: readonly ChunkPlace[];
  /** Frames of the stream, damaged ones included. */
  readonly frames: number;
  /** True length of the audio; whole frames if the file was never finished. */
  readonly samples: number;
  /** Frames that cannot be read, in ascending order. Empty unless the layout was recovered. */
  readonly damaged: readonly FrameRange[];
  /** Whether the file was finished and nothing of it is damaged. */
  readonly complete: boolean;
}

const SMALLEST_SCAN_BYTES = 256;
const LARGEST_SCAN_BYTES = 65536;

/** The layout of an undamaged, finished file, from its header and index. @throws FormatError */
export function* parseLayout(fileSize: number): Parser<TokenFileLayout> {
  const { header, headerBytes } = decodeHeader(yield { offset: 0, length: HEADER_READ_BYTES });
  if (header.samples === undefined) {
    throw new FormatError(
      "The token file was never finished: its header has no length. Its intact chunks can be read with recover: true",
      fileSize,
    );
  }
  const tail = yield { offset: fileSize - INDEX_TAIL_BYTES, length: INDEX_TAIL_BYTES };
  const indexOffset = fileSize - decodeIndexTail(tail, fileSize);
  if (indexOffset < headerBytes) throw new FormatError("The token file's index is damaged", fileSize);
  const index = yield { offset: indexOffset, length: fileSize - indexOffset };
  if (index.length < fileSize - indexOffset) throw new FormatError("The token file became shorter", indexOffset);
  const chunks = decodeIndex(index, indexOffset, headerBytes, header);
  const frames = endOf(chunks.at(-1));
  if (frames !== framesOf(header, header.samples)) {
    throw new FormatError(`The token file holds ${frames} frames, which is not what its length needs`, indexOffset);
  }
  return { header, chunks, frames, samples: header.samples, damaged: [], complete: true };
}

/**
 * The layout of whatever can still be read, found by scanning and checking every chunk. Needs an intact header.
 * @throws FormatError
 */
export function* recoverLayout(fileSize: number): Parser<TokenFileLayout> {
  const { header, headerBytes } = decodeHeader(yield { offset: 0, length: HEADER_READ_BYTES });
  const promised = header.samples === undefined ? undefined : framesOf(header, header.samples);
  const mostFrames = promised ?? framesOf(header, Number.MAX_SAFE_INTEGER) - 1;
  const chunks: ChunkPlace[] = [];
  const damaged: FrameRange[] = [];
  let frames = 0;
  let seenFrames = 0;
  let offset = headerBytes;
  for (;;) {
    const place = yield* findChunk(offset, header);
    if (place === undefined) break;
    const end = place.offset + chunkBytes(place.frames, header.spec);
    const fits = place.startFrame >= frames && endOf(place) <= mostFrames;
    offset = end <= fileSize ? end : place.offset + CHUNK_HEADER_BYTES;
    if (!fits) continue;
    seenFrames = Math.max(seenFrames, endOf(place));
    if (end > fileSize || !(yield* isIntact(parseChunk(place, header)))) continue;
    if (place.startFrame > frames) damaged.push({ startFrame: frames, endFrame: place.startFrame });
    chunks.push(place);
    frames = endOf(place);
  }
  const total = promised ?? seenFrames;
  if (total > frames) damaged.push({ startFrame: frames, endFrame: total });
  const samples = header.samples ?? total * samplesPerFrame(header.spec);
  const complete = damaged.length === 0 && (yield* isIntact(parseLayout(fileSize)));
  return { header, chunks, frames: total, samples, damaged, complete };
}

/** The codes of one chunk. @throws FormatError if it is damaged */
export function* parseChunk(place: ChunkPlace, header: TokenFileHeader): Parser<Int32Array[]> {
  const bytes = yield { offset: place.offset, length: chunkBytes(place.frames, header.spec) };
  return decodeChunk(bytes, place, header);
}

/** The first chunk header that stands at byte `offset` or later. */
function* findChunk(offset: number, header: TokenFileHeader): Parser<ChunkPlace | undefined> {
  const expected = yield { offset, length: CHUNK_HEADER_BYTES };
  const place = decodeChunkHeader(expected, offset, header.chunkFrames);
  if (place !== undefined) return place;
  let start = offset;
  for (let length = SMALLEST_SCAN_BYTES; ; length = Math.min(2 * length, LARGEST_SCAN_BYTES)) {
    const block = yield { offset: start, length: length + CHUNK_HEADER_BYTES };
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    for (let at = bytes.indexOf(CHUNK_MARK); at >= 0; at = bytes.indexOf(CHUNK_MARK, at + 1)) {
      const found = decodeChunkHeader(bytes.subarray(at), start + at, header.chunkFrames);
      if (found !== undefined) return found;
    }
    if (block.length < length + CHUNK_HEADER_BYTES) return undefined;
    start += length;
  }
}

/** Whether a parser finds what it looks for intact. */
function* isIntact(parser: Parser<unknown>): Parser<boolean> {
  try {
    yield* parser;
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

function endOf(place: ChunkPlace | undefined): number {
  return place === undefined ? 0 : place.startFrame + place.frames;
}

function framesOf(header: TokenFileHeader, samples: number): number {
  return Math.ceil(samples / samplesPerFrame(header.spec));
}
