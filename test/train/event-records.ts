import assert from "node:assert/strict";
import { decodeEvent, type Event } from "../../lib/train/run/event-schema.js";

/** Reads records as TensorBoard does, with a CRC-32C of its own, bit by bit. */
export function readRecords(bytes: Buffer): Buffer[] {
  const crc = (data: Uint8Array) => {
    let sum = 0xffffffff;
    for (const byte of data) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
    }
    const value = ~sum >>> 0;
    return (((value >>> 15) | (value << 17)) + 0xa282ead8) >>> 0;
  };
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    assert.equal(bytes.readUInt32LE(at + 8), crc(bytes.subarray(at, at + 8)));
    const record = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(bytes.readUInt32LE(at + 12 + length), crc(record));
    records.push(record);
    at += 16 + length;
  }
  return records;
}

export const readEvents = (bytes: Buffer): Event[] => readRecords(bytes).map(decodeEvent);
