/** Tags (title, artist, cover) that programs put before and after audio streams that know nothing of them. */
import { firstBytes, type SyncBytes } from "./sync-bytes.js";

const ID3V1_BYTES = 128;
const APE_FOOTER_BYTES = 32;

/** Length of an ID3v2 tag with its header, 0 where there is none. */
export function id3Length(head: Uint8Array): number {
  if (head.length < 10 || !hasText(head, 0, "ID3")) return 0;
  const footer = head[5]! & 0x10 ? 10 : 0;
  return 10 + head.subarray(6, 10).reduce((length, byte) => length * 128 + (byte & 0x7f), 0) + footer;
}

/** The stream without the ID3v1 and APE tags at its end, which a decoder would take for damage. */
export function withoutEndTags(bytes: SyncBytes): SyncBytes {
  const end = bytes.size - id3v1Bytes(bytes);
  return firstBytes(bytes, end - apeTagBytes(bytes, end));
}

function id3v1Bytes(bytes: SyncBytes): number {
  const start = bytes.size - ID3V1_BYTES;
  return start >= 0 && hasText(bytes.read(start, 3), 0, "TAG") ? ID3V1_BYTES : 0;
}

/** Length of the APE tag (version 1 or 2) that ends at `end`, 0 where there is none. */
function apeTagBytes(bytes: SyncBytes, end: number): number {
  if (end < APE_FOOTER_BYTES) return 0;
  const footer = bytes.read(end - APE_FOOTER_BYTES, APE_FOOTER_BYTES);
  if (!hasText(footer, 0, "APETAGEX")) return 0;
  const view = new DataView(footer.buffer, footer.byteOffset, footer.byteLength);
  const headerBytes = view.getUint32(20, true) & 0x80000000 ? 32 : 0;
  const length = view.getUint32(12, true) + headerBytes;
  return length <= end ? length : 0;
}

/** Whether the characters of `text` stand at `offset`. */
export function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  return [...text].every((character, index) => bytes[offset + index] === character.charCodeAt(0));
}
