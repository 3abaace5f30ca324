/** Tags (title, artist, cover) that programs put before and after audio streams that know nothing of them. */

/** Length of an ID3v2 tag with its header, 0 where there is none. */
export function id3Length(head: Uint8Array): number {
  if (head.length < 10 || !hasText(head, 0, "ID3")) return 0;
  const footer = head[5]! & 0x10 ? 10 : 0;
  return 10 + head.subarray(6, 10).reduce((length, byte) => length * 128 + (byte & 0x7f), 0) + footer;
}

/** The stream without the ID3v1 and APE tags at its end, which a decoder would take for damage. */
export function withoutEndTags(bytes: Uint8Array): Uint8Array {
  const end = hasText(bytes, bytes.length - 128, "TAG") ? bytes.length - 128 : bytes.length;
  return bytes.subarray(0, end - apeTagBytes(bytes, end));
}

/** Length of the APE tag (version 1 or 2) that ends at `end`, 0 where there is none. */
function apeTagBytes(bytes: Uint8Array, end: number): number {
  const footer = end - 32;
  if (!hasText(bytes, footer, "APETAGEX")) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(footer + 20, true) & 0x80000000 ? 32 : 0;
  const length = view.getUint32(footer + 12, true) + headerBytes;
  return length <= end ? length : 0;
}

/** Whether the characters of `text` stand at `offset`. */
export function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  return [...text].every((character, index) => bytes[offset + index] === character.charCodeAt(0));
}
