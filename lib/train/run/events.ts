/** What a run tells while it goes on. */

import type { Usage } from "../../eval/code-usage.js";
import type { Fault, StepResult } from "../step/index.js";

/** Numbers of one step. */
export interface StepEvent {
  readonly kind: "step";
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  /** From 0. */
  readonly epoch: number;
  readonly losses: StepResult["losses"];
  readonly norms: StepResult["norms"];
  /** Learning rates. */
  readonly rates: { readonly generator: number; readonly discriminator: number };
  readonly seconds: number;
  /** Hours of audio per hour of time, of this step. */
  readonly speed: number;
  /** How often the step had to wait for data so far. */
  readonly waits: number;
  /** Seconds of this step that it waited for data. */
  readonly dataWait: number;
}

/** A gradient was not finite: that side's update was left out. */
export interface SkippedEvent {
  readonly kind: "skipped";
  readonly step: number;
  readonly side: "generator" | "discriminator";
  /** The first operation that made a number which is not finite, where one was found. */
  readonly fault: Fault | undefined;
}

export interface ValidationEvent {
  readonly kind: "validation";
  readonly step: number;
  readonly losses: StepResult["losses"];
  readonly usage: { readonly semantic: Usage; readonly acoustic: Usage };
  readonly isBest: boolean;
}

export interface CheckpointEvent {
  readonly kind: "checkpoint";
  readonly step: number;
  readonly path: string;
}

/** A file that could not be read, told once. */
export interface BrokenFileEvent {
  readonly kind: "broken-file";
  readonly path: string;
  readonly problem: string;
}

export type TrainEvent = StepEvent | SkippedEvent | ValidationEvent | CheckpointEvent | BrokenFileEvent;
