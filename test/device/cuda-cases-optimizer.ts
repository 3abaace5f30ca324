/** The optimizer: tensors around a block's length, more of them than one launch takes, and what leaves all as it is. */
import { awkward, type CaseInput, given, type KernelCase, moderate, positive, type Shape } from "./cuda-case.js";

const shapes: readonly Shape[] = [[0], [], [3, 5], [4096], [4097], [2, 4100], [1]];

const scalar = (value: number): CaseInput => given([], [value]);

function step(tensors: readonly Shape[], norm: number, attributes: KernelCase["attributes"], count = 3): KernelCase {
  return {
    op: "adamw",
    inputs: [
      scalar(0.01),
      scalar(count),
      scalar(norm),
      ...tensors.flatMap((shape, i) => [
        moderate(shape, i),
        moderate(shape, i + 1, 0.1),
        positive(shape, i + 2),
        moderate(shape, i + 3),
      ]),
    ],
    attributes,
    tolerance: 1e-6,
  };
}

const many = Array.from({ length: 700 }, (_, i): Shape => [i % 4]);

const norm = (inputs: readonly CaseInput[]): KernelCase => ({
  op: "global_norm",
  inputs,
  attributes: {},
  tolerance: 1e-6,
});

export const optimizerCases: readonly KernelCase[] = [
  norm([moderate([0], 1)]),
  norm(shapes.map((shape, i) => moderate(shape, i))),
  norm([...many, ...many].map((shape, i) => moderate(shape, i))),
  norm([moderate([5], 1), given([2], [1, Infinity])]),
  norm([moderate([5], 1), awkward([9], 0)]),
  step(shapes, 2, {}),
  step(shapes, 5, { beta1: 0.8, beta2: 0.99, weight_decay: 0.1, max_norm: 0.5, epsilon: 1e-6 }, 1),
  step(shapes, 0.25, { max_norm: 0.5 }, 100000),
  step([[5], [4099]], Number.NaN, { max_norm: 1 }),
  step([[5]], Infinity, {}),
  step(many, 1, { weight_decay: 0.01 }),
];
