/** Updates of many tensors at once. */
import { AN_ARRAY, AN_OBJECT, checkOptions, requireKind } from "../../arguments.js";
import type { Value } from "../graph.js";
import { record, requireValue } from "./record.js";

/** One tensor with its gradient and the running means of that and of its square, all of one shape. */
export interface AdamwTensor {
  readonly parameter: Value;
  readonly mean: Value;
  readonly square: Value;
  readonly gradient: Value;
}

export interface AdamwOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The largest global norm; larger gradients are scaled to it. 0 for no limit. */
  readonly maxNorm: number;
}

/** The root of the sum of all squares of all values, a scalar; NaN or infinite where an element is. */
export function globalNorm(values: readonly Value[]): Value {
  requireKind("the operands of global_norm", AN_ARRAY, values);
  return record("global_norm", values);
}

/**
 * One step of AdamW for all tensors: their new parameters, means and squares. `rate`, `step` (from 1) and `norm`, the
 * global norm of the gradients, are scalars. Where the norm is not finite, everything stays as it is.
 */
export function adamw(
  tensors: readonly AdamwTensor[],
  scalars: { readonly rate: Value; readonly step: Value; readonly norm: Value },
  options: AdamwOptions,
): Omit<AdamwTensor, "gradient">[] {
  requireKind("the tensors of adamw", AN_ARRAY, tensors);
  requireKind("the scalars of adamw", AN_OBJECT, scalars);
  checkOptions(options);
  for (const tensor of tensors) requireKind("a tensor of adamw", AN_OBJECT, tensor);
  const { rate, step, norm } = scalars;
  const inputs = tensors.flatMap(({ parameter, mean, square, gradient }) => [parameter, mean, square, gradient]);
  const results = requireValue("adamw", rate).graph.apply("adamw", [rate, step, norm, ...inputs], {
    beta1: options.beta1,
    beta2: options.beta2,
    epsilon: options.epsilon,
    weight_decay: options.weightDecay,
    max_norm: options.maxNorm,
  });
  return tensors.map((_, i) => {
    const [parameter, mean, square] = results.slice(3 * i, 3 * i + 3) as [Value, Value, Value];
    return { parameter, mean, square };
  });
}
