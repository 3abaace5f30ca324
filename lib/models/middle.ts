/**
 * Encoders and decoders are cut into two parts where rows are few: on the side of the latent, windows need much context
 * but little work and memory; on the side of the samples it is the other way round.
 */

/** What passes between the parts: (B, frames * rowsPerFrame, channels). */
export interface Middle {
  readonly rowsPerFrame: number;
  readonly channels: number;
}

/** Rows per frame at the cut, at most. */
export const MOST_MIDDLE_ROWS = 16;
