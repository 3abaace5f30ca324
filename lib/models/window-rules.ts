/** How the stages of a model cut sequences into windows: few large ones, or such that results come soon. */
import { type Context, leastCommonMultiple } from "../nn/index.js";
import type { Stage } from "./stages.js";
import type { WindowRule } from "./windows.js";

/** Windows are at least so many times longer than the overlap of neighbours. */
const LEAST_STEP_PER_OVERLAP = 4;

export function wholeRules(stages: readonly Stage[]): WindowRule[] {
  return stages.map(({ context, step }) => {
    const least = Math.max(step, LEAST_STEP_PER_OVERLAP * (context.before + context.after));
    return { context, step: Math.ceil(least / context.alignment) * context.alignment, prompt: false };
  });
}

/** In frames. */
export interface Prompt {
  /** What is given at a time; by default the least at which the windows of all stages are of one length. */
  readonly step?: number;
  /** What has to come before a frame is given; by default all that the model sees, for exact results. */
  readonly lookahead?: number;
}

export function promptRules(stages: readonly Stage[], prompt: Prompt): WindowRule[] {
  const { step = commonAlignment(stages), lookahead = Infinity } = prompt;
  let left = lookahead;
  return stages.map(({ context, lacksEnd }) => {
    const after = Math.max(lacksEnd ? Math.min(1, context.after) : 0, Math.min(left, context.after));
    left = Math.max(0, left - after);
    return { context: { ...context, after }, step, prompt: true };
  });
}

/** Frames that the model sees after a frame, stage by stage. */
export function lookaheadFrames(stages: readonly { readonly context: Context }[]): number {
  return stages.reduce((sum, { context }) => sum + context.after, 0);
}

function commonAlignment(stages: readonly Stage[]): number {
  return stages.map(({ context }) => context.alignment).reduce(leastCommonMultiple);
}
