/** AdamW over a set of parameters, recorded into the plan that computes their gradients. */
import { LmsptError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import { type AdamwOptions, adamw, add, affine, globalNorm } from "../graph/ops/index.js";
import { Variable } from "../graph/variable.js";
import type { Parameter } from "../nn/index.js";

export const PUBLIC_ADAMW: AdamwOptions = {
  beta1: 0.8,
  beta2: 0.9,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxNorm: 1,
};

/** The running means of a parameter's gradient and of its square. */
export interface Moments {
  readonly parameter: Parameter;
  readonly mean: Variable;
  readonly square: Variable;
}

/**
 * Which part of a batch a gradient is of, where the gradients of several parts are added up for one update: they are kept in
 * variables, which the first part overwrites.
 */
export interface Part {
  readonly parts: number;
  /** From 0; the last one makes the update. */
  readonly index: number;
}

const WHOLE: Part = { parts: 1, index: 0 };

/** What a step does to the parameters. */
export interface RecordedUpdate {
  /** Norm of all gradients (up to this part) before clipping, a scalar; where it is not finite, nothing is updated. */
  readonly norm: Value;
  readonly updates: (readonly [variable: Variable, value: Value])[];
}

export class Optimizer {
  readonly moments: readonly Moments[];
  private sums: readonly Variable[] | undefined;

  /** Buffers among the parameters are left out. */
  constructor(
    parameters: readonly Parameter[],
    private readonly options: AdamwOptions = PUBLIC_ADAMW,
  ) {
    this.moments = parameters
      .filter(({ isBuffer }) => !isBuffer)
      .map((parameter) => ({ parameter, mean: zeros(parameter.shape), square: zeros(parameter.shape) }));
    if (this.moments.length === 0) throw new LmsptError("ERR_LMSPT_MODEL", "Expected parameters to train, got none");
  }

  /** Records one step down the loss's gradients, or one part of it. `rate` and `step` (from 1) are scalars. */
  record(loss: Value, rate: Value, step: Value, part = WHOLE): RecordedUpdate {
    const { graph } = loss;
    const parameters = this.moments.map(({ parameter }) => parameter.in(graph));
    const gradients = this.addUp(graph.gradients([loss], parameters), part);
    const norm = globalNorm(gradients);
    if (part.index + 1 < part.parts) {
      const sums = this.sumVariables();
      return { norm, updates: gradients.map((gradient, i) => [sums[i]!, gradient] as const) };
    }
    const tensors = this.moments.map(({ mean, square }, i) => ({
      parameter: parameters[i]!,
      mean: graph.variable(mean),
      square: graph.variable(square),
      gradient: gradients[i]!,
    }));
    const results = adamw(tensors, { rate, step, norm }, this.options);
    const updates = this.moments.flatMap(({ parameter, mean, square }, i) => {
      const result = results[i]!;
      return [
        [parameter.variable, result.parameter] as const,
        [mean, result.mean] as const,
        [square, result.square] as const,
      ];
    });
    return { norm, updates };
  }

  private addUp(gradients: readonly Value[], { parts, index }: Part): readonly Value[] {
    if (parts === 1) return gradients;
    const shares = gradients.map((gradient) => affine(gradient, 1 / parts));
    return index === 0 ? shares : shares.map((share, i) => add(share.graph.variable(this.sumVariables()[i]!), share));
  }

  private sumVariables(): readonly Variable[] {
    this.sums ??= this.moments.map(({ parameter }) => zeros(parameter.shape));
    return this.sums;
  }
}

function zeros(shape: readonly number[]): Variable {
  return Variable.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, { frozen: false });
}
