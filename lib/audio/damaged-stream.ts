/** A compressed stream that is not as it should be, with the byte where that is seen, if known. */
export class DamagedStream extends Error {
  readonly offset: number | undefined;

  constructor(message: string, offset?: number, options?: { cause?: unknown }) {
    super(message, options);
    this.offset = offset;
  }
}
