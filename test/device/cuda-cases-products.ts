/** Matrix products and convolutions: sizes around those of tiles, blocks and panels, odd ones, and every attribute. */
import {
  type Attributes,
  type CaseInput,
  given,
  givenIntegers,
  type KernelCase,
  moderate,
  positive,
  type Shape,
} from "./cuda-case.js";

/** Both devices sum by fused multiply-adds, but in another order. */
const summed = (products: number) => 4e-7 * Math.sqrt(products) + 1e-6;

// ---- linear and matmul ----

const sizes: readonly (readonly [rows: number, features: number, outputs: number])[] = [
  [0, 3, 4],
  [1, 1, 1],
  [3, 2, 17],
  [5, 0, 6],
  [17, 33, 15],
  [63, 16, 31],
  [64, 20, 64],
  [65, 36, 66],
  [130, 17, 65],
  [1, 300, 130],
];

const linears: readonly KernelCase[] = sizes.flatMap(([rows, features, outputs], i) => {
  const [x, w, bias] = [moderate([rows, features], i), moderate([outputs, features], 1), moderate([outputs], 2)];
  const tolerance = summed(features);
  return [
    { op: "linear", inputs: [x, w], attributes: {}, tolerance },
    { op: "linear", inputs: [x, w, bias], attributes: {}, tolerance },
  ];
});

/** GELU and its gradient are computed by other formulas. */
const finished: readonly KernelCase[] = sizes.flatMap(([rows, features, outputs]) => {
  const [x, bias] = [moderate([rows, features], 1), moderate([outputs], 2)];
  const [more, residual] = [moderate([rows, outputs], 3, 3), moderate([rows, outputs], 4)];
  const [w, transposed] = [moderate([outputs, features], 5), moderate([features, outputs], 6)];
  const tolerance = summed(features) + 1e-6;
  return [
    { op: "fused_linear", inputs: [x, w, bias], attributes: { gelu: 1 }, tolerance },
    { op: "fused_linear", inputs: [x, transposed, bias], attributes: { gelu: 2, transposed: true }, tolerance },
    { op: "fused_linear", inputs: [x, transposed, undefined, more], attributes: { transposed: true }, tolerance },
    { op: "fused_linear", inputs: [x, w, bias, undefined, residual], attributes: {}, tolerance },
    { op: "fused_linear", inputs: [x, w, undefined, more, residual], attributes: { gelu: 2 }, tolerance },
  ];
});

function matmuls(batch: Shape, shared: boolean, [m, k, n]: (typeof sizes)[number]): KernelCase[] {
  return [0, 1, 2, 3].map((which) => {
    const [transposeA, transposeB] = [which % 2 === 1, which >= 2];
    const a = moderate([...batch, ...(transposeA ? [k, m] : [m, k])], 1);
    const b = moderate([...(shared ? [] : batch), ...(transposeB ? [n, k] : [k, n])], 2);
    const attributes = { transpose_a: transposeA, transpose_b: transposeB };
    return { op: "matmul", inputs: [a, b], attributes, tolerance: summed(k) };
  });
}

const products: readonly KernelCase[] = [
  ...sizes.flatMap((size) => matmuls([], true, size)),
  ...matmuls([2, 3], false, [17, 12, 33]),
  ...matmuls([2], false, [66, 20, 68]),
  ...matmuls([3], true, [18, 5, 7]),
  ...[
    [5, 3],
    [2, 16, 16],
    [3, 2, 17, 33],
  ].flatMap((shape, i) =>
    [false, true].map((transposed) => ({
      op: "pack_matrix",
      inputs: [moderate(shape, i)],
      attributes: { transposed },
      tolerance: 0,
    })),
  ),
];

// ---- one dimension ----

interface Convolution {
  readonly batch?: number;
  readonly length: number;
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly attributes?: Attributes;
}

const convolutions: readonly Convolution[] = [
  { length: 1, channels: 1, outputs: 1, kernel: 1 },
  { length: 40, channels: 1, outputs: 20, kernel: 7, attributes: { pad_left: 3, pad_right: 3 } },
  { length: 70, channels: 2, outputs: 17, kernel: 3, attributes: { pad_left: 2 } },
  { length: 33, channels: 3, outputs: 64, kernel: 5, attributes: { dilation: 2, pad_right: 8 } },
  {
    batch: 2,
    length: 67,
    channels: 16,
    outputs: 32,
    kernel: 7,
    attributes: { dilation: 3, pad_left: 9, pad_right: 9 },
  },
  { length: 150, channels: 16, outputs: 48, kernel: 7, attributes: { dilation: 9, pad_left: 54 } },
  { length: 90, channels: 16, outputs: 18, kernel: 3, attributes: { dilation: 40, pad_left: 40, pad_right: 40 } },
  { batch: 3, length: 5, channels: 20, outputs: 33, kernel: 3, attributes: { pad_left: 1, pad_right: 1 } },
  { batch: 2, length: 61, channels: 32, outputs: 66, kernel: 10, attributes: { stride: 5, pad_left: 3, pad_right: 3 } },
  { length: 64, channels: 8, outputs: 64, kernel: 4, attributes: { stride: 2, pad_left: 1, pad_right: 1 } },
  { length: 50, channels: 16, outputs: 5, kernel: 5, attributes: { stride: 2, pad_left: 2 } },
  { length: 50, channels: 12, outputs: 20, kernel: 1, attributes: { stride: 3 } },
  { length: 47, channels: 4, outputs: 40, kernel: 3, attributes: { stride: 2, dilation: 2, pad_left: 4 } },
  { batch: 2, length: 37, channels: 12, outputs: 8, kernel: 4, attributes: { groups: 4, pad_left: 3 } },
  { length: 70, channels: 32, outputs: 40, kernel: 3, attributes: { groups: 2, pad_left: 1, pad_right: 1 } },
  { length: 30, channels: 9, outputs: 6, kernel: 5, attributes: { groups: 3, stride: 2, pad_left: 4 } },
  { batch: 2, length: 31, channels: 5, outputs: 5, kernel: 7, attributes: { groups: 5, pad_left: 3, pad_right: 3 } },
  { batch: 2, length: 45, channels: 40, outputs: 1, kernel: 7, attributes: { pad_left: 3, pad_right: 3 } },
  { length: 130, channels: 70, outputs: 1, kernel: 16, attributes: { dilation: 4, pad_left: 60, pad_right: 9 } },
  { length: 150, channels: 5, outputs: 1, kernel: 3, attributes: { dilation: 40, pad_left: 40 } },
  { length: 20, channels: 7, outputs: 5, kernel: 3, attributes: { dilation: 4, pad_left: 8 } },
  { length: 6, channels: 16, outputs: 20, kernel: 3, attributes: { length: 21, pad_left: 5 } },
  { batch: 0, length: 6, channels: 16, outputs: 20, kernel: 3 },
  { batch: 2, length: 2, channels: 8, outputs: 24, kernel: 3, attributes: { length: 0 } },
];

const winograd = { length: 70, channels: 16, outputs: 24, kernel: 7, attributes: { winograd: true, pad_left: 6 } };

const only = (attributes: Attributes = {}, ...names: string[]): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes(name)));

function outputLength({ length, kernel, attributes = {} }: Convolution): number {
  const of = (name: string, fallback: number) => Number(attributes[name] ?? fallback);
  const padded = length + of("pad_left", 0) + of("pad_right", 0);
  return of("length", Math.floor((padded - of("dilation", 1) * (kernel - 1) - 1) / of("stride", 1)) + 1);
}

function convolved(c: Convolution, i: number, tolerance?: number): KernelCase[] {
  const { batch = 1, length, channels, outputs, kernel, attributes = {} } = c;
  const inputs = channels / Number(attributes.groups ?? 1);
  const [x, w] = [moderate([batch, length, channels], i), moderate([outputs, inputs, kernel], 1)];
  const [bias, alpha] = [moderate([outputs], 2), moderate([channels], 3, 4)];
  const residual = moderate([batch, outputLength(c), outputs], 4);
  const allowed = tolerance ?? summed(inputs * kernel);
  const of = (...given: (CaseInput | undefined)[]) => ({
    op: "conv1d",
    inputs: [x, w, ...given],
    attributes,
    tolerance: allowed,
  });
  return [of(bias), of(undefined, alpha), of(bias, undefined, residual), of(bias, alpha, residual)];
}

function weightGradient(c: Convolution, i: number): KernelCase {
  const { batch = 1, length, channels, outputs, kernel, attributes } = c;
  const rows = outputLength(c);
  return {
    op: "conv1d_weight_grad",
    inputs: [moderate([batch, length, channels], i), moderate([batch, rows, outputs], i + 1)],
    attributes: { ...only(attributes, "stride", "dilation", "groups", "pad_left"), kernel },
    tolerance: summed(batch * rows),
  };
}

/** Many positions, so that they are summed in pieces. */
const long: readonly Convolution[] = [
  { batch: 2, length: 1500, channels: 4, outputs: 8, kernel: 3, attributes: { pad_left: 2 } },
  { length: 1700, channels: 3, outputs: 5, kernel: 2, attributes: { stride: 1, dilation: 7 } },
  { length: 40, channels: 40, outputs: 72, kernel: 2 },
];

const packed: readonly KernelCase[] = [
  { op: "pack_conv1d", inputs: [moderate([17, 3, 5], 1)], attributes: {}, tolerance: 0 },
  { op: "pack_conv1d", inputs: [moderate([3, 17, 5], 1)], attributes: { transposed: true }, tolerance: 0 },
  { op: "pack_conv1d", inputs: [moderate([20, 4, 2], 1)], attributes: { groups: 5 }, tolerance: 0 },
];

const unit: readonly KernelCase[] = [16, 20].map((channels) => {
  const weights = (kernel: number, seed: number) => moderate([channels, channels, kernel], seed, 0.3);
  const vector = (seed: number) => moderate([channels], seed);
  return {
    op: "fused_residual_unit",
    inputs: [moderate([2, 70, channels], 1), weights(7, 2), vector(3), vector(4), weights(1, 5), vector(6), vector(7)],
    attributes: { dilation: 3, pad_left: 9, pad_right: 9 },
    tolerance: 2e-5,
  };
});

// ---- one dimension, transposed ----

const transposed: readonly Convolution[] = [
  { length: 1, channels: 1, outputs: 1, kernel: 1 },
  { batch: 2, length: 20, channels: 40, outputs: 24, kernel: 10, attributes: { stride: 5, pad_left: 3, pad_right: 3 } },
  { length: 66, channels: 16, outputs: 16, kernel: 4, attributes: { stride: 2, pad_left: 1, pad_right: 1 } },
  { length: 9, channels: 17, outputs: 10, kernel: 2, attributes: { stride: 1 } },
  { length: 30, channels: 16, outputs: 3, kernel: 5, attributes: { stride: 3, pad_left: 4 } },
  { length: 30, channels: 16, outputs: 20, kernel: 3, attributes: { dilation: 9, pad_left: 9, pad_right: 9 } },
  { length: 13, channels: 6, outputs: 4, kernel: 4, attributes: { groups: 2, stride: 2, pad_left: 1 } },
  { batch: 2, length: 11, channels: 16, outputs: 8, kernel: 3, attributes: { groups: 4, pad_left: 2 } },
  { length: 12, channels: 16, outputs: 20, kernel: 4, attributes: { stride: 4, pad_left: 9, length: 77 } },
  { length: 0, channels: 16, outputs: 20, kernel: 4, attributes: { stride: 2, length: 5 } },
  { batch: 2, length: 6, channels: 4, outputs: 8, kernel: 2, attributes: { stride: 4, length: 21 } },
];

function transposedCases({ batch = 1, length, channels, outputs, kernel, attributes = {} }: Convolution, i: number) {
  const groups = Number(attributes.groups ?? 1);
  const inputs = [moderate([batch, length, channels], i), moderate([channels, outputs / groups, kernel], 1)];
  const tolerance = summed(channels * kernel);
  const pack = { op: "pack_conv_transpose1d", inputs: [inputs[1]!], tolerance: 0 };
  return [
    { op: "conv_transpose1d", inputs, attributes, tolerance },
    { op: "conv_transpose1d", inputs: [...inputs, moderate([outputs], 2)], attributes, tolerance },
    { ...pack, attributes: only(attributes, "stride", "groups") },
  ];
}

/** The case with Snake of what is to read the result: instead of it, and besides. */
function activated({ op, inputs, attributes, tolerance }: KernelCase, channels: number): KernelCase[] {
  const index = { conv1d: 6, conv_transpose1d: 4, fused_residual_unit: 8 }[op]!;
  const given = [...Array.from({ length: index }, (_, i) => inputs[i]), positive([channels], 9)];
  return [1, 2].map((activated) => ({
    op,
    inputs: given,
    attributes: { ...attributes, activated },
    tolerance: 3 * tolerance,
  }));
}

/** Items of different lengths; what lies behind them is zeros on both devices. */
const itemsOfLengths: readonly KernelCase[] = [
  { outputs: 24, op: "conv1d", kernel: 7, attributes: { frame_rows: 10, pad_left: 3, pad_right: 3 } },
  {
    outputs: 20,
    op: "conv_transpose1d",
    kernel: 4,
    attributes: { frame_rows: 4, stride: 2, pad_left: 1, pad_right: 1 },
  },
].flatMap(({ outputs, op, kernel, attributes }) => {
  const [x, bias, ends] = [
    moderate([1, 7 * attributes.frame_rows, 16], 1),
    moderate([outputs], 2),
    givenIntegers([2], [2, 5]),
  ];
  const w = moderate(op === "conv1d" ? [outputs, 16, kernel] : [16, outputs, kernel], 3);
  const between = op === "conv1d" ? [undefined, undefined] : [];
  const one = { op, inputs: [x, w, bias, ...between, ends], attributes, tolerance: summed(16 * kernel) };
  return [one, ...activated(one, outputs)];
});
const unitOfLengths = unit.flatMap(({ inputs: [x, ...weights], ...one }) => {
  const rows = moderate([1, 7 * 10, x!.shape[2]!], 1);
  const attributes = { ...one.attributes, frame_rows: 10 };
  const ragged = { ...one, inputs: [rows, ...weights, givenIntegers([2], [2, 5])], attributes };
  return [ragged, ...activated(ragged, x!.shape[2]!)];
});

const snaked: readonly KernelCase[] = [
  ...convolutions.flatMap((c, i) => activated(convolved(c, i)[i % 4]!, c.outputs)),
  ...transposed.flatMap((c, i) => activated(transposedCases(c, i)[i % 2]!, c.outputs)),
  ...unit.flatMap((one) => activated(one, one.inputs[0]!.shape[2]!)),
];

// ---- two dimensions ----

interface Image {
  readonly x: Shape;
  readonly w: Shape;
  readonly attributes?: Attributes;
}

const images: readonly Image[] = [
  { x: [1, 1, 1, 1], w: [1, 1, 1, 1] },
  { x: [2, 20, 3, 1], w: [32, 1, 5, 1], attributes: { stride_h: 3, pad_h: 2 } },
  { x: [1, 33, 2, 16], w: [40, 16, 5, 1], attributes: { stride_h: 3, pad_h: 2 } },
  { x: [2, 9, 12, 2], w: [16, 2, 3, 9], attributes: { pad_h: 1, pad_w: 4 } },
  { x: [1, 8, 21, 12], w: [20, 12, 3, 9], attributes: { stride_w: 2, pad_h: 1, pad_w: 4 } },
  { x: [1, 12, 13, 3], w: [5, 3, 3, 3], attributes: { dilation_h: 2, dilation_w: 3, pad_h: 2, pad_w: 3, stride_h: 2 } },
  { x: [3, 10, 7, 4], w: [68, 4, 2, 2], attributes: { stride_h: 2, stride_w: 3 } },
  { x: [1, 4, 5, 8], w: [1, 8, 3, 3], attributes: { pad_h: 1, pad_w: 1 } },
  { x: [0, 4, 5, 8], w: [4, 8, 3, 3], attributes: { pad_h: 1, pad_w: 1 } },
  { x: [1, 9, 9, 4], w: [8, 4, 2, 2], attributes: { stride_h: 4, stride_w: 3 } },
  { x: [2, 7, 11, 2], w: [32, 2, 3, 9], attributes: { pad_h: 1, pad_w: 4 } },
  { x: [2, 6, 5, 40], w: [1, 40, 3, 3], attributes: { pad_h: 1, pad_w: 1 } },
  { x: [1, 7, 8, 32], w: [2, 32, 2, 3], attributes: { stride_h: 3, dilation_w: 2, pad_h: 1, pad_w: 2 } },
  { x: [0, 4, 5, 32], w: [1, 32, 3, 3], attributes: { pad_h: 1, pad_w: 1 } },
  { x: [2, 0, 5, 32], w: [1, 32, 2, 1], attributes: { pad_h: 1 } },
];

function imageCases({ x, w, attributes = {} }: Image, i: number): KernelCase[] {
  const axis = (at: 1 | 2, name: string) => {
    const of = (what: string, fallback: number) => Number(attributes[`${what}_${name}`] ?? fallback);
    return Math.floor((x[at]! + 2 * of("pad", 0) - of("dilation", 1) * (w[at + 1]! - 1) - 1) / of("stride", 1)) + 1;
  };
  const y = [x[0]!, axis(1, "h"), axis(2, "w"), w[0]!];
  const [values, weights, gy] = [moderate(x, i), moderate(w, 1), moderate(y, 2)];
  const tolerance = summed(w[1]! * w[2]! * w[3]!);
  const steps = only(attributes, "stride_h", "stride_w", "dilation_h", "dilation_w");
  return [
    { op: "conv2d", inputs: [values, weights], attributes, tolerance },
    { op: "conv2d", inputs: [values, weights, moderate([w[0]!], 3)], attributes, tolerance },
    {
      op: "conv2d",
      inputs: [values, weights, moderate([w[0]!], 3)],
      attributes: { ...attributes, slope: 0.1 },
      tolerance,
    },
    {
      op: "conv2d_input_grad",
      inputs: [gy, weights],
      attributes: { ...attributes, height: x[1]!, width: x[2]! },
      tolerance: summed(w[0]! * w[2]! * w[3]!),
    },
    ...[
      [undefined, moderate(x, 4)],
      [moderate(x, 3), undefined],
      [moderate(x, 3), moderate(x, 4)],
    ].map((more) => ({
      op: "conv2d_input_grad",
      inputs: [gy, weights, ...more],
      attributes: { ...attributes, height: x[1]!, width: x[2]!, slope: 0.1 },
      tolerance: summed(w[0]! * w[2]! * w[3]!),
    })),
    {
      op: "conv2d_weight_grad",
      inputs: [values, gy],
      attributes: { ...attributes, kernel_h: w[2]!, kernel_w: w[3]! },
      tolerance: summed(y[0]! * y[1]! * y[2]!),
    },
    { op: "pack_conv2d", inputs: [weights], attributes: {}, tolerance: 0 },
    { op: "pack_conv2d_input_grad", inputs: [weights], attributes: steps, tolerance: 0 },
  ];
}

// ---- numbers that are not finite stay in their rows ----

const spoiled: readonly KernelCase[] = [4, 16].map((channels) => {
  const x = moderate([1, 40, channels], 1);
  x.data[20 * channels] = Infinity;
  x.data[30 * channels + 1] = NaN;
  return {
    op: "conv1d",
    inputs: [
      x,
      given(
        [20, channels, 2],
        Array.from({ length: 40 * channels }, (_, i) => 1 + (i % 7)),
      ),
    ],
    attributes: {},
    tolerance: 2e-6,
  };
});

export const productCases: readonly KernelCase[] = [
  ...linears,
  ...finished,
  ...products,
  ...convolutions.flatMap((c, i) => convolved(c, i)),
  ...convolved(winograd, 1, 2e-5),
  ...[...convolutions, ...long].map(weightGradient),
  ...packed,
  ...unit,
  ...transposed.flatMap(transposedCases),
  ...snaked,
  ...itemsOfLengths,
  ...unitOfLengths,
  ...images.flatMap(imageCases),
  ...spoiled,
];
