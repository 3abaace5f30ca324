/** Where a run stands: with the variables, all that it takes to go on as if it had never stopped. */
export interface Progress {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  /** The draw that the next batch begins with. */
  readonly draw: number;
  /** Steps in a row that were skipped. */
  readonly skippedInARow: number;
  /** The checkpoint with the lowest validation loss so far. */
  readonly best: { readonly name: string; readonly loss: number } | undefined;
}

export const BEGINNING: Progress = { step: 0, epoch: 0, draw: 0, skippedInARow: 0, best: undefined };

/** Of a tokenizer's training. */
export interface RunState extends Progress {
  /** Updates that each side has made; skipped ones do not count. */
  readonly generatorStep: number;
  readonly discriminatorStep: number;
}

export const START: RunState = { ...BEGINNING, generatorStep: 0, discriminatorStep: 0 };
