/** What the training of a recogniser tells while it goes on. */
import type { BrokenFileEvent, CheckpointEvent } from "../run/events.js";
import type { Fault } from "../step/index.js";
import type { RecogniserLosses } from "./step.js";

export interface RecogniserStepEvent {
  readonly kind: "step";
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  /** From 0. */
  readonly epoch: number;
  /** `text`: mean cross-entropy of the tokens, in nats; `alignment`: the encoder's alone; `total`: their weighted sum. */
  readonly losses: RecogniserLosses;
  /** Of the gradients, before clipping. */
  readonly norm: number;
  /** Learning rate. */
  readonly rate: number;
  readonly seconds: number;
  /** Hours of audio, silence behind it left out, per hour of time, of this step. */
  readonly speed: number;
  /** How often the step had to wait for data so far. */
  readonly waits: number;
  /** Seconds of this step that it waited for data. */
  readonly dataWait: number;
}

/** The gradient was not finite: the update was left out. */
export interface RecogniserSkippedEvent {
  readonly kind: "skipped";
  readonly step: number;
  readonly fault: Fault | undefined;
}

export interface RecogniserValidationEvent {
  readonly kind: "validation";
  readonly step: number;
  readonly losses: RecogniserLosses;
  /** Of what greedy search finds, over all items. */
  readonly wordErrorRate: number;
  readonly characterErrorRate: number;
  readonly texts: readonly { readonly reference: string; readonly hypothesis: string }[];
  readonly isBest: boolean;
}

export type RecogniserEvent =
  | RecogniserStepEvent
  | RecogniserSkippedEvent
  | RecogniserValidationEvent
  | CheckpointEvent
  | BrokenFileEvent;
