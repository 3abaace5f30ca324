/** One or more small cases of every op that has a CUDA kernel, to compare it with the CPU's. */
import {
  type Attributes,
  awkward,
  type CaseInput,
  integers,
  type KernelCase,
  positive,
  type Shape,
} from "./cuda-case.js";
import { attentionCases } from "./cuda-cases-attention.js";
import { codebookCases } from "./cuda-cases-codebook.js";
import { lossCases } from "./cuda-cases-losses.js";
import { optimizerCases } from "./cuda-cases-optimizer.js";
import { productCases } from "./cuda-cases-products.js";
import { rowCases } from "./cuda-cases-rows.js";
import { spectrumCases } from "./cuda-cases-spectrum.js";

const beyondOneGrid = 4096 * 256 + 77;
const lengths: readonly Shape[] = [[0], [1], [3], [4], [1023], [3, 5, 7]];
const pairs: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[5], [5]],
  [[1024], [1024]],
  [[1], [9]],
  [[2, 3, 64], [64]],
  [[64], [2, 3, 64]],
  [
    [7, 5],
    [7, 1],
  ],
  [
    [4, 8],
    [4, 1],
  ],
  [
    [2, 3, 1],
    [2, 1, 5],
  ],
  [
    [2, 1, 8],
    [1, 3, 8],
  ],
  [[2, 0, 3], [3]],
  [
    [1, 2, 1, 2, 1, 4],
    [2, 1, 2, 1, 2, 1],
  ],
];

const rounded = 1e-6;

function unary(op: string, tolerance: number, attributes: Attributes = {}): KernelCase[] {
  return lengths.map((shape, i) => ({ op, inputs: [awkward(shape, i)], attributes, tolerance }));
}

function binary(op: string, tolerance: number, attributes: Attributes = {}): KernelCase[] {
  return pairs.map(([x, y], i) => ({ op, inputs: [awkward(x, i), awkward(y, i + 3)], attributes, tolerance }));
}

/** Gradients are multiplied by moderate numbers: larger ones would enlarge the rounding of the factor near its zero. */
function gradient(op: string): KernelCase[] {
  return pairs.map(([x, y], i) => ({
    op,
    inputs: [awkward(x, i), positive(y, i + 3)],
    attributes: {},
    tolerance: 2 * rounded,
  }));
}

const pointwise: readonly KernelCase[] = [
  ...["neg", "abs", "sign", "round", "square", "sqrt"].flatMap((op) => unary(op, 0)),
  ...["exp", "log", "tanh", "sigmoid", "silu", "gelu"].flatMap((op) => unary(op, rounded)),
  ...unary("leaky_relu", 0, { a: 0.1 }),
  ...unary("clamp", 0, { a: -2, b: 3 }),
  ...unary("affine", rounded, { a: 1.5, b: -0.25 }),
  ...["add", "sub", "mul", "div", "maximum", "minimum", "greater_equal"].flatMap((op) => binary(op, 0)),
  ...["gelu_grad", "silu_grad"].flatMap(gradient),
  ...binary("leaky_relu_grad", 0, { a: 0.1 }),
  ...binary("clamp_grad", 0, { a: -2, b: 3 }),
  { op: "abs", inputs: [awkward([4 * beyondOneGrid + 3], 1)], attributes: {}, tolerance: 0 },
  {
    op: "sub",
    inputs: [awkward([4 * beyondOneGrid], 1), awkward([4 * beyondOneGrid], 2)],
    attributes: {},
    tolerance: 0,
  },
  { op: "mul", inputs: [awkward([beyondOneGrid, 5], 1), awkward([5], 2)], attributes: {}, tolerance: 0 },
];

function layout(op: string, inputs: readonly CaseInput[], attributes: Attributes): KernelCase {
  return { op, inputs, attributes, tolerance: 0 };
}

const layouts: readonly KernelCase[] = [
  layout("to_integer", [awkward([1000], 1)], {}),
  layout("transpose", [awkward([2, 3, 5], 1)], { order: [2, 0, 1] }),
  layout("transpose", [awkward([2, 33, 65], 2)], { order: [0, 2, 1] }),
  layout("transpose", [integers([2, 3, 4, 5, 2, 2])], { order: [5, 3, 1, 4, 2, 0] }),
  layout("transpose", [awkward([3, 0], 3)], { order: [1, 0] }),
  layout("transpose", [integers([100, 8])], { order: [1, 0] }),
  layout("transpose", [integers([9, 3, 40, 2])], { order: [2, 1, 3, 0] }),
  layout("transpose", [awkward([2, 70, 3, 33], 4)], { order: [0, 3, 2, 1] }),
  layout("broadcast_to", [awkward([], 3)], { shape: [7, 3] }),
  layout("broadcast_to", [awkward([3, 1, 5], 4)], { shape: [2, 3, 4, 5] }),
  layout("slice", [awkward([9], 5)], { axis: 0, start: 4, length: 3 }),
  layout("slice", [integers([2, 9, 5])], { axis: 1, start: 2, length: 6 }),
  layout("slice", [integers([2, 9, 5])], { axis: 2, start: 5, length: 0 }),
  layout("concat", [awkward([2, 3, 5], 6), awkward([2, 0, 5], 7), awkward([2, 4, 5], 8)], { axis: 1 }),
  layout("concat", [integers([6])], { axis: 0 }),
  layout("slice", [integers([3, 9, 8])], { axis: 1, start: 1, length: 5 }),
  layout("slice", [integers([3, 9, 8])], { axis: 2, start: 4, length: 4 }),
  layout("slice", [integers([3, 36])], { axis: 1, start: 2, length: 32 }),
  layout("concat", [integers([3, 8]), integers([3, 4]), integers([3, 3])], { axis: 1 }),
  layout("concat", [integers([3, 60]), integers([3, 12])], { axis: 1 }),
  layout(
    "concat",
    Array.from({ length: 17 }, () => integers([5, 2])),
    { axis: 1 },
  ),
  layout("pad", [awkward([2, 6, 5], 9)], { axis: 1, before: 3, after: 2 }),
  layout("pad", [integers([3, 4])], { axis: 1, before: 3, after: 2, reflect: true }),
  layout("pad", [awkward([2, 1, 3], 10)], { axis: 1, before: 0, after: 0, reflect: true }),
  layout("pad", [awkward([3, 40, 1], 9)], { axis: 1, before: 0, after: 5 }),
  layout("pad", [awkward([2, 0], 10)], { axis: 1, before: 2, after: 1 }),
  layout("pad_reflect_grad", [positive([3, 9, 2], 11)], { axis: 1, before: 3, after: 2 }),
  layout("pad_reflect_grad", [positive([2, 10], 12)], { axis: 1, before: 3, after: 3 }),
];

const extents: readonly (readonly [Shape, first: number, last: number])[] = [
  [[1], 0, 0],
  [[1000], 0, 0],
  [[3, 7, 5], 1, 1],
  [[700, 2], 1, 1],
  [[40, 16], 1, 1],
  [[40, 17], 1, 1],
  [[3, 33], 1, 1],
  [[2, 3, 4], 0, 2],
  [[2, 40000], 1, 1],
  [[2, 600, 3], 1, 1],
  [[70000, 3], 0, 0],
  [[5, 0, 3], 1, 1],
  [[5, 0], 1, 1],
  [[0, 5], 1, 1],
];

const reductions: readonly KernelCase[] = extents.flatMap(([shape, first, last], i) => [
  { op: "sum", inputs: [positive(shape, i)], attributes: { first, last }, tolerance: rounded },
  { op: "mean", inputs: [positive(shape, i)], attributes: { first, last, keep: true }, tolerance: rounded },
  { op: "max", inputs: [positive(shape, i)], attributes: { first, last }, tolerance: 0 },
  { op: "max", inputs: [awkward(shape, i)], attributes: { first, last }, tolerance: 0 },
]);

export const kernelCases: readonly KernelCase[] = [
  ...pointwise,
  ...layouts,
  ...reductions,
  ...rowCases,
  ...spectrumCases,
  ...codebookCases,
  ...lossCases,
  ...attentionCases,
  ...optimizerCases,
  ...productCases,
];
