import { DamagedStream } from "./damaged-stream.js";
import type { SyncBytes } from "./sync-bytes.js";

const OGG_HEADER_BYTES = 27;
const OGG_CRC = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** Checks the pages of an Ogg file, which the decoders do not. */
export class OggPages {
  private offset = 0;

  constructor(private readonly bytes: SyncBytes) {}

  /**
   * Checks the pages that begin before byte `end`.
   *
   * @throws DamagedStream at the first Ogg page that is cut off, misplaced, or differs from its checksum
   */
  checkTo(end: number): void {
    while (this.offset < Math.min(end, this.bytes.size)) this.offset += this.pageBytes(this.offset);
  }

  private pageBytes(offset: number): number {
    const header = this.bytes.read(offset, OGG_HEADER_BYTES);
    if (header.length < OGG_HEADER_BYTES) throw new DamagedStream("the last Ogg page is cut off", offset);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (view.getUint32(0) !== 0x4f676753) throw new DamagedStream('no Ogg page ("OggS") where one is due', offset);
    const segments = this.bytes.read(offset + OGG_HEADER_BYTES, header[26]!);
    const length = segments.reduce((sum, bytes) => sum + bytes, OGG_HEADER_BYTES + header[26]!);
    const page = this.bytes.read(offset, length);
    if (page.length < length) throw new DamagedStream("the last Ogg page is cut off", offset);
    if (oggChecksum(page) !== view.getUint32(22, true)) {
      throw new DamagedStream("the checksum of an Ogg page is wrong", offset);
    }
    return length;
  }
}

/** CRC-32 of a page with its own checksum field taken as zero. */
function oggChecksum(page: Uint8Array): number {
  let crc = 0;
  for (let offset = 0; offset < page.length; offset++) {
    const inChecksum = offset >= 22 && offset < 26;
    crc = (crc << 8) ^ OGG_CRC[(crc >>> 24) ^ (inChecksum ? 0 : page[offset]!)]!;
  }
  return crc >>> 0;
}
