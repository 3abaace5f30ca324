import { DamagedStream } from "./damaged-stream.js";
import { type SyncBytes, withHead } from "./sync-bytes.js";

/** The parts of a plain FLAC stream. */
export interface FlacLayout {
  /** Number of frames (samples of one channel) that the stream says it has, 0 where it does not say. */
  readonly frames: number;
  /** The stream with all metadata but its first block, STREAMINFO, left out. */
  readonly stream: SyncBytes;
}

const STREAMINFO_END = 42;
const LAST_BLOCK = 0x80;
const SEARCHED_BYTES = 4096;
const LONGEST_HEADER_BYTES = 16;
const HEADER_CRC = Uint8Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? (crc << 1) ^ 0x07 : crc << 1;
  return crc;
});

/** Walks over the metadata blocks of a plain FLAC stream. Throws DamagedStream. */
export function parseFlac(bytes: SyncBytes): FlacLayout {
  const head = bytes.read(0, STREAMINFO_END).slice();
  if (head.length < STREAMINFO_END || (head[4]! & 0x7f) !== 0 || blockLength(head, 4) !== 34) {
    throw new DamagedStream("the FLAC stream does not begin with a STREAMINFO block", 4);
  }
  let offset = 4;
  for (let last = false; !last; ) {
    const block = bytes.read(offset, 4);
    const end = block.length === 4 ? offset + 4 + blockLength(block, 0) : Infinity;
    if (end > bytes.size) throw new DamagedStream("the FLAC metadata is cut off", offset);
    last = block[0]! >= LAST_BLOCK;
    offset = end;
  }
  head[4] = LAST_BLOCK;
  const frames = (head[21]! & 0x0f) * 2 ** 32 + new DataView(head.buffer, head.byteOffset).getUint32(22);
  return { frames, stream: withHead(head, bytes, offset) };
}

/** Cuts FLAC frames into pieces of about `length` bytes that begin with a frame, as far as frames can be found. */
export function* cutFlac(stream: SyncBytes, length: number): Generator<Uint8Array, void, void> {
  for (let start = 0; start < stream.size; ) {
    const end = findFrame(stream, start + length);
    yield stream.read(start, end - start);
    start = end;
  }
}

/** Where the first frame at `offset` or later begins, or the end of the stream. */
function findFrame(stream: SyncBytes, offset: number): number {
  for (let start = offset; start < stream.size; start += SEARCHED_BYTES) {
    const bytes = stream.read(start, SEARCHED_BYTES + LONGEST_HEADER_BYTES);
    for (let at = 0; at < Math.min(SEARCHED_BYTES, bytes.length); at++) if (isFrameHeader(bytes, at)) return start + at;
  }
  return stream.size;
}

/** Whether a frame header with a right checksum stands at `offset`. */
function isFrameHeader(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset] !== 0xff || (bytes[offset + 1]! & 0xfe) !== 0xf8) return false;
  const blockSize = bytes[offset + 2]! >> 4;
  const sampleRate = bytes[offset + 2]! & 0x0f;
  // The number of the frame is coded like a UTF-8 character: its first byte tells the length.
  const numberBytes = Math.max(1, Math.clz32(~(bytes[offset + 4]! << 24)));
  const sizeBytes = blockSize === 6 ? 1 : blockSize === 7 ? 2 : 0;
  const rateBytes = sampleRate === 12 ? 1 : sampleRate === 13 || sampleRate === 14 ? 2 : 0;
  const checksum = offset + 4 + numberBytes + sizeBytes + rateBytes;
  if (checksum >= bytes.length) return false;
  let crc = 0;
  for (let at = offset; at < checksum; at++) crc = HEADER_CRC[crc ^ bytes[at]!]!;
  return crc === bytes[checksum];
}

function blockLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]! * 65536 + bytes[offset + 2]! * 256 + bytes[offset + 3]!;
}
