/**
 * Parsers that do not know where their bytes come from: a parser is a generator that yields the range of bytes it wants
 * and gets them back, so that the same code reads a buffer and a file.
 */

/** `length` bytes at `offset` are wanted. The answer is shorter only where the file ends. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export type Parser<T> = Generator<ByteRange, T, Uint8Array>;

/** Runs a parser over bytes in memory. */
export function parseBytes<T>(bytes: Uint8Array, parser: Parser<T>): T {
  let step = parser.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parser.next(bytes.subarray(offset, offset + length));
  }
  return step.value;
}

/** Runs a parser over a source that reads asynchronously. @throws signal.reason between two reads */
export async function parseAsync<T>(
  source: { read(offset: number, length: number): Promise<Uint8Array> },
  parser: Parser<T>,
  signal?: AbortSignal,
): Promise<T> {
  let step = parser.next();
  while (!step.done) {
    signal?.throwIfAborted();
    step = parser.next(await source.read(step.value.offset, step.value.length));
  }
  return step.value;
}
