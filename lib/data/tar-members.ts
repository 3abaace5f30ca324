/**
 * Where the files in a tar archive lie (ustar, pax and GNU long names), so that they can be read without unpacking. Only
 * headers are read.
 */
import { FormatError } from "../errors.js";
import type { Parser } from "./parser.js";

export interface TarMember {
  readonly name: string;
  /** Of its first byte in the archive. */
  readonly offset: number;
  readonly bytes: number;
}

const BLOCK = 512;
/** Of the names and sizes that stand in front of a member. */
const MOST_EXTENSION_BYTES = 2 ** 20;

/** What an extension in front of a member says about it. */
interface Override {
  readonly name?: string;
  readonly bytes?: number;
}

interface Header extends TarMember {
  /** A character: 0 or NUL a file, 5 a folder, x and g pax, L a long name. */
  readonly kind: string;
}

/** The regular files of an archive of `size` bytes, in its order. @throws FormatError with the offset */
export function* parseTarMembers(size: number): Parser<TarMember[]> {
  const members: TarMember[] = [];
  let override: Override = {};
  for (let offset = 0; offset + BLOCK <= size; ) {
    const block = yield { offset, length: BLOCK };
    if (block.every((byte) => byte === 0)) return members;
    const header = parseHeader(block, offset);
    const bytes = "xgLK".includes(header.kind) ? header.bytes : (override.bytes ?? header.bytes);
    if (header.offset + bytes > size) {
      throw new FormatError(
        `The tar archive is cut off: ${header.name} takes ${bytes} bytes, ${size - header.offset} are left`,
        offset,
      );
    }
    if (header.kind === "x" || header.kind === "L") {
      if (bytes > MOST_EXTENSION_BYTES) throw new FormatError(`A name of ${bytes} bytes is no name`, offset);
      const text = yield { offset: header.offset, length: bytes };
      override = { ...override, ...(header.kind === "x" ? parsePax(text, header.offset) : { name: untilZero(text) }) };
    } else if (header.kind !== "g" && header.kind !== "K") {
      if (header.kind === "0" || header.kind === "\0" || header.kind === "7") {
        members.push({ name: override.name ?? header.name, offset: header.offset, bytes });
      }
      override = {};
    }
    offset = header.offset + BLOCK * Math.ceil(bytes / BLOCK);
  }
  return members;
}

function parseHeader(block: Uint8Array, offset: number): Header {
  const text = (start: number, length: number) => untilZero(block.subarray(start, start + length));
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (sum !== parseOctal(text(148, 8))) throw new FormatError("Expected the header of a file in a tar archive", offset);
  const prefix = text(257, 6) === "ustar" && block[263] === 0x30 ? text(345, 155) : "";
  const name = text(0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    offset: offset + BLOCK,
    bytes: parseSize(block.subarray(124, 136), offset),
    kind: String.fromCharCode(block[156]!),
  };
}

/** Octal digits or, with the highest bit set, a binary number. */
function parseSize(field: Uint8Array, offset: number): number {
  const isBinary = (field[0]! & 0x80) !== 0;
  const size = isBinary
    ? field.subarray(1).reduce((value, byte) => value * 256 + byte, field[0]! & 0x7f)
    : parseOctal(untilZero(field));
  if (Number.isSafeInteger(size)) return size;
  throw new FormatError("Expected the size of a file in a tar archive", offset);
}

function parseOctal(text: string): number {
  const digits = text.trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

/** Records `LENGTH KEY=VALUE` and a line end. */
function parsePax(bytes: Uint8Array, offset: number): Override {
  const override: { name?: string; bytes?: number } = {};
  for (let start = 0; start < bytes.length; ) {
    const space = bytes.indexOf(0x20, start);
    const length = Number(Buffer.from(bytes.subarray(start, space)).toString());
    if (space < start || !(length > space - start) || start + length > bytes.length) {
      throw new FormatError("Expected pax records in the tar archive", offset + start);
    }
    const record = Buffer.from(bytes.subarray(space + 1, start + length - 1)).toString();
    const value = record.slice(record.indexOf("=") + 1);
    if (record.startsWith("path=")) override.name = value;
    if (record.startsWith("size=")) override.bytes = Number(value);
    start += length;
  }
  return override;
}

function untilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}
