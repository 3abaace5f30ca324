/**
 * Logs that are only ever appended to: lines of JSON objects, each closed by the CRC-32C of the bytes before, as its last
 * member: `{"name":"a","check":"0f3c9a21"}`. A last line without its line end was never finished and does not count.
 */
import { isUtf8 } from "node:buffer";
import { crc32c } from "./crc32c.js";

const LINE_END = 0x0a;
const CHECK_BYTES = ',"check":"00000000"}'.length;

/** A line of a log; `value` is undefined where it is damaged. */
export interface SealedLine {
  /** Counted from 1, as editors do. */
  readonly number: number;
  /** Of its first byte, and of the byte after its line end. */
  readonly offset: number;
  readonly end: number;
  readonly value: Readonly<Record<string, unknown>> | undefined;
}

/** The line of an object that has at least one member, with its line end. */
export function sealLine(value: object): string {
  const open = JSON.stringify(value).slice(0, -1);
  return `${open},"check":"${checkOf(Buffer.from(open))}"}\n`;
}

/** The finished lines in order. */
export function* readSealedLines(bytes: Uint8Array): Generator<SealedLine, void, void> {
  let offset = 0;
  for (let number = 1; ; number++) {
    const lineEnd = bytes.indexOf(LINE_END, offset);
    if (lineEnd < 0) return;
    yield { number, offset, end: lineEnd + 1, value: parseLine(bytes.subarray(offset, lineEnd)) };
    offset = lineEnd + 1;
  }
}

function parseLine(line: Uint8Array): Record<string, unknown> | undefined {
  const open = line.subarray(0, Math.max(0, line.length - CHECK_BYTES));
  const seal = Buffer.from(line.subarray(open.length)).toString("latin1");
  if (seal !== `,"check":"${checkOf(open)}"}` || !isUtf8(open)) return undefined;
  try {
    const value: unknown = JSON.parse(`${Buffer.from(open).toString()}}`);
    return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function checkOf(bytes: Uint8Array): string {
  return crc32c(bytes).toString(16).padStart(8, "0");
}
