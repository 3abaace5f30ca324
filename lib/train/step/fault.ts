import type { TraceStep } from "../../graph/native.js";

/** An operation of a plan, counted from the plan's start. */
export interface Fault {
  readonly op: string;
  readonly shape: string;
  readonly index: number;
}

/** The first operation that made a number which is not finite. */
export function firstFault(steps: readonly TraceStep[]): Fault | undefined {
  const index = steps.findIndex(({ finite }) => !finite);
  return index < 0 ? undefined : { op: steps[index]!.op, shape: steps[index]!.shape, index };
}
