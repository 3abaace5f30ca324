/** Snake, weight norm, the norms and softmax: lengths around those of a warp, and where a block takes a row. */
import {
  type Attributes,
  awkward,
  type CaseInput,
  filled,
  given,
  type KernelCase,
  masked,
  moderate,
  positive,
  type Shape,
} from "./cuda-case.js";

const rounded = 1e-6;

const rows: readonly Shape[] = [
  [0, 5],
  [1, 1],
  [3, 2],
  [2, 5, 31],
  [9, 32],
  [7, 33],
  [2, 1024],
  [3, 1025],
  [1, 2500],
];

/** Around the lengths of which a warp holds a row in its registers. */
const heldRows: readonly Shape[] = [
  [40, 64],
  [5, 1280],
  [3, 1538],
  [3, 1540],
  [9, 2048],
  [2, 2052],
];

const last = (shape: Shape): Shape => shape.slice(-1);

function agree(op: string, inputs: readonly CaseInput[], tolerance: number, attributes: Attributes = {}): KernelCase {
  return { op, inputs, attributes, tolerance };
}

const snakes: Shape[] = [[0, 4], [3, 0], [1], [7, 3], [2, 5, 36], [300, 5], [513, 64], [3, 1028]];

const snake: readonly KernelCase[] = [
  ...snakes.map((shape, i) => agree("snake", [moderate(shape, i, 8), positive(last(shape), i)], rounded)),
  ...snakes.map((shape, i) =>
    agree("snake_grad", [moderate(shape, i, 2), positive(last(shape), i), moderate(shape, i + 9)], 1e-5),
  ),
  agree("snake", [awkward([5, 8], 1), given([8], [0, -0.5, 1, 2, 30, 1e-9, 0.1, 3])], 2e-6),
  agree("snake", [given([2, 3], [NaN, 1, Infinity, -Infinity, 1000, -0]), positive([3], 2)], 2e-6),
  agree("snake_grad", [given([1, 2], [NaN, 1]), positive([2], 2), moderate([1, 2], 3)], 2e-6),
];

const weights: readonly (readonly [v: Shape, g: Shape])[] = [
  [[0, 3], [0]],
  [[1, 1], [1]],
  [
    [5, 7],
    [5, 1],
  ],
  [
    [3, 33, 2],
    [3, 1, 1],
  ],
  [[9, 1024], [9]],
  [[2, 5, 205], [2]],
];

const weightNorm: readonly KernelCase[] = [
  ...weights.map(([v, g], i) => agree("weight_norm", [moderate(v, i), moderate(g, i + 1)], rounded)),
  ...weights.map(([v, g], i) =>
    agree("weight_norm_grad", [moderate(v, i), moderate(g, i + 1), moderate(v, i + 2)], rounded),
  ),
  agree("weight_norm", [given([3, 2], [0, 0, 1e-30, -2e-30, 1e30, 3e30]), positive([3], 1)], rounded),
  agree("weight_norm_grad", [given([2, 2], [0, 0, NaN, 1]), positive([2], 1), moderate([2, 2], 1)], rounded),
];

const norms: readonly KernelCase[] = [
  ...[...rows, ...heldRows].flatMap((shape, i) => {
    const [x, w, bias, gy] = [
      moderate(shape, i, 3),
      moderate(last(shape), 7),
      moderate(last(shape), 8),
      moderate(shape, 9),
    ];
    return [
      agree("layer_norm", [x, w, bias], 3e-6),
      agree("layer_norm_grad", [x, w, gy], 1e-5, { epsilon: 1e-3 }),
      agree("rms_norm", [x, w], 3e-6, { epsilon: 1e-2 }),
      agree("rms_norm_grad", [x, w, gy], 1e-5),
      agree("fused_add_layer_norm", [x, gy, w, bias], 3e-6),
      agree("fused_add_rms_norm", [x, gy, w], 3e-6),
    ];
  }),
  ...rows.flatMap((shape, i) => [
    agree("softmax", [moderate(shape, i, 3)], rounded),
    agree("softmax", [masked(shape, i)], rounded),
    agree("softmax_grad", [moderate(shape, i), moderate(shape, 9)], 2e-6),
  ]),
  ...["layer_norm_grad", "rms_norm_grad"].flatMap((op) => {
    const inputs = [moderate([700, 35], 1, 2), moderate([35], 2), moderate([700, 35], 3)];
    const summed = [...inputs, moderate([700, 35], 4)];
    return [
      agree(op, inputs, 1e-5),
      agree(op, summed, 1e-5),
      agree(op, summed, 1e-5, { parameters: false }),
      ...[1100, 1101, 2048].map((size) =>
        agree(op, [moderate([3, size], 1), moderate([size], 2), moderate([3, size], 3), moderate([3, size], 4)], 1e-5),
      ),
    ];
  }),
  ...[
    [6, 40],
    [2, 1100],
    [2, 1101],
  ].flatMap((shape) => [
    agree("layer_norm", [awkward(shape, 1), moderate(last(shape), 2), moderate(last(shape), 3)], rounded),
    agree("rms_norm", [awkward(shape, 1), moderate(last(shape), 2)], rounded),
    agree("softmax", [awkward(shape, 1)], rounded),
    agree("softmax", [filled(shape, -Infinity)], rounded),
    agree("softmax", [filled(shape, 3e38)], rounded),
  ]),
  agree("layer_norm", [filled([2, 50], 7), moderate([50], 2), moderate([50], 3)], rounded, { epsilon: 0 }),
  agree("softmax", [given([3, 4], [1000, -1000, 0, 999, NaN, 1, 2, 3, Infinity, 0, 0, 0])], rounded),
];

export const rowCases: readonly KernelCase[] = [...snake, ...weightNorm, ...norms];
