import { DamagedStream } from "./damaged-stream.js";

const OGG_HEADER_BYTES = 27;
const OGG_CRC = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/**
 * Checks the pages of an Ogg file, which the decoders do not.
 *
 * @throws DamagedStream at the first Ogg page that is cut off, misplaced, or differs from its checksum
 */
export function checkOgg(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.length; ) {
    if (offset + OGG_HEADER_BYTES > bytes.length) throw new DamagedStream("the last Ogg page is cut off", offset);
    if (view.getUint32(offset) !== 0x4f676753) throw new DamagedStream('no Ogg page ("OggS") where one is due', offset);
    const segments = bytes[offset + 26]!;
    const body = offset + OGG_HEADER_BYTES + segments;
    const end = bytes.subarray(offset + OGG_HEADER_BYTES, body).reduce((position, length) => position + length, body);
    if (end > bytes.length) throw new DamagedStream("the last Ogg page is cut off", offset);
    if (oggChecksum(bytes, offset, end) !== view.getUint32(offset + 22, true)) {
      throw new DamagedStream("the checksum of an Ogg page is wrong", offset);
    }
    offset = end;
  }
}

/** CRC-32 of a page with its own checksum field taken as zero. */
function oggChecksum(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let offset = start; offset < end; offset++) {
    const inChecksum = offset >= start + 22 && offset < start + 26;
    crc = (crc << 8) ^ OGG_CRC[(crc >>> 24) ^ (inChecksum ? 0 : bytes[offset]!)]!;
  }
  return crc >>> 0;
}
