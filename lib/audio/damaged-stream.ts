/** A compressed stream that is not as it should be, with the byte where that is seen, if known. */
export class DamagedStream extends Error {
  readonly offset: number | undefined;

  constructor(message: string, offset?: number, options?: { cause?: unknown }) {
    super(message, options);
    this.offset = offset;
  }
}

/** What was thrown while a stream was decoded, in words, and the byte of the stream where it was seen. */
export function explainDamage(cause: unknown): { message: string; offset?: number } {
  if (cause instanceof DamagedStream) return { message: cause.message, offset: cause.offset };
  return { message: `the decoder failed (${cause instanceof Error ? cause.message : String(cause)})` };
}
