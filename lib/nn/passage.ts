/** How a value goes through layers, if not as a batch of whole items of one length. */
import type { Ragged } from "./ragged.js";
import type { StreamStep } from "./stream-step.js";

export type Passage = StreamStep | Ragged;
