/** Cutting a sequence of frames into overlapping windows whose inner parts come out as if it were one piece. */
import type { Context } from "../nn/index.js";

export interface Window {
  /** The window's first frame, and its number of frames. */
  readonly start: number;
  readonly length: number;
  /** The frames [from, to) of the sequence that this window gives. */
  readonly from: number;
  readonly to: number;
}

/** How a sequence is cut, whose length need not be known. */
export interface WindowRule {
  readonly context: Context;
  /** Frames that a window gives, about; windows are equal where it is a multiple of the alignment. */
  readonly step: number;
  /**
   * Give frames as soon as their context is there. Otherwise windows are as few as possible: all have the length
   * `windowFrames` but the last, which is shorter or as long.
   */
  readonly prompt: boolean;
}

/** Of a sequence: frames up to `available` are there, which are all of them when it has `ended`. */
export interface Arrived {
  readonly available: number;
  readonly ended: boolean;
}

/** Frames of a full window, where the step is a multiple of the alignment. */
export function windowFrames({ context: { before, after }, step }: WindowRule): number {
  return before + step + after;
}

/** The first frame of the window that gives the frames from `from` on: aligned, with the context before it. */
export function windowStart(from: number, { context: { before, alignment } }: WindowRule): number {
  return Math.floor(Math.max(0, from - before) / alignment) * alignment;
}

/** The window that gives the frames from `from` on, or undefined where more must arrive first, or none are left. */
export function nextWindow(from: number, { available, ended }: Arrived, rule: WindowRule): Window | undefined {
  const { context, step, prompt } = rule;
  const { before, after, alignment } = context;
  const start = windowStart(from, rule);
  // Frames are given up to where, less the context before, the next window may begin.
  const first = prompt ? Math.min(step, before % alignment || step) : before + step;
  const to = from === 0 ? first : from + step;
  const end = to + after;
  if (available > end || (available === end && prompt && !ended)) return { start, length: end - start, from, to };
  return ended && from < available ? { start, length: available - start, from, to: available } : undefined;
}
