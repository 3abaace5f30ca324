import { BEGINNING, type Progress } from "../run/state.js";

export interface RecogniserState extends Progress {
  /** Updates that were made; skipped ones do not count. */
  readonly updates: number;
}

export const BEGUN: RecogniserState = { ...BEGINNING, updates: 0 };
