import { isUtf8 } from "node:buffer";
import { FormatError } from "../errors.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Reads JSON from UTF-8 bytes piece by piece: the caller asks for what has to come next, and anything else is a
 * FormatError with the offset of the byte. Stricter than JSON.parse: a name must not occur twice in an object.
 */
export class JsonReader {
  /** Reads `bytes` from `position` on; offsets in errors count from the first of the bytes. */
  constructor(
    private readonly bytes: Uint8Array,
    private position = 0,
  ) {}

  /** Offset of the next byte that is not white space. */
  get offset(): number {
    while (SPACES.has(this.bytes[this.position]!)) this.position++;
    return this.position;
  }

  /** An object; `readMember` has to read the value of the member of the given name. */
  object(readMember: (name: string, offset: number) => void): void {
    const names = new Set<string>();
    this.list("{", "}", () => {
      const offset = this.offset;
      const name = this.string();
      if (names.has(name)) throw new FormatError(`The name ${quoted(name)} occurs twice`, offset);
      names.add(name);
      this.expect(":");
      readMember(name, offset);
    });
  }

  /** An array; `readItem` has to read one item. */
  array(readItem: () => void): void {
    this.list("[", "]", readItem);
  }

  string(): string {
    const begin = this.offset;
    if (this.bytes[begin] !== QUOTE) throw this.unexpected("a string");
    let end = begin + 1;
    while (end < this.bytes.length && this.bytes[end] !== QUOTE) end += this.bytes[end] === BACKSLASH ? 2 : 1;
    if (end >= this.bytes.length) throw new FormatError("The JSON ends within a string", begin);
    const literal = this.bytes.subarray(begin, end + 1);
    if (!isUtf8(literal)) throw new FormatError("The JSON string is not UTF-8", begin);
    this.position = end + 1;
    try {
      return JSON.parse(Buffer.from(literal).toString("utf8"));
    } catch (error) {
      throw new FormatError(`The JSON string is not valid: ${(error as Error).message}`, begin, { cause: error });
    }
  }

  /** A whole number from 0 to 2^53 - 1, written in digits alone. */
  natural(): number {
    const begin = this.offset;
    let value = 0;
    let digit = this.digitAt(begin);
    while (digit >= 0 && Number.isSafeInteger(value)) {
      value = value * 10 + digit;
      digit = this.digitAt(++this.position);
    }
    const leadingZero = this.bytes[begin] === 0x30 && this.position > begin + 1;
    if (this.position === begin || leadingZero || !Number.isSafeInteger(value)) {
      this.position = begin;
      throw this.unexpected("a whole number from 0 to 2^53 - 1");
    }
    return value;
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.offset < this.bytes.length) throw this.unexpected("the end");
  }

  private list(open: string, close: string, readItem: () => void): void {
    this.expect(open);
    if (this.accept(close)) return;
    do readItem();
    while (this.accept(","));
    this.expect(close);
  }

  private accept(character: string): boolean {
    if (this.bytes[this.offset] !== character.charCodeAt(0)) return false;
    this.position++;
    return true;
  }

  private expect(character: string): void {
    if (!this.accept(character)) throw this.unexpected(`"${character}"`);
  }

  private digitAt(position: number): number {
    const digit = (this.bytes[position] ?? 0) - 0x30;
    return digit >= 0 && digit <= 9 ? digit : -1;
  }

  private unexpected(expected: string): FormatError {
    const byte = this.bytes[this.offset];
    const found = byte === undefined ? "the end" : `the byte 0x${byte.toString(16).padStart(2, "0")}`;
    return new FormatError(`Expected ${expected} in the JSON but found ${found}`, this.position);
  }
}

/** `text` in quotes for a message, cut where it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
