/** Products of the sizes at which an engine may go wrong, with operands that can be rounded beforehand. */
import type { Value } from "../../lib/graph/graph.js";
import { type Conv2dOptions, conv1d, conv2d, convTranspose1d, linear, matmul } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { randomTensor, type TensorData } from "../ops/support.js";
import { ROUNDING } from "./cuda-precision.js";

export type Tensors = Readonly<Record<string, TensorData>>;
export type Build = (values: Record<string, Value>) => Value;

export interface ProductCase {
  readonly name: string;
  readonly inputs: Tensors;
  readonly build: Build;
}

/** Products of x and w with a bias b. */
export const sequences: readonly ProductCase[] = [
  {
    name: "a linear layer of an odd number of rows and columns",
    inputs: { x: randomTensor([3, 43, 136], 1), w: randomTensor([77, 136], 2), b: randomTensor([77], 3) },
    build: ({ x, w, b }) => linear(x!, w!, b),
  },
  {
    name: "a linear layer of one row",
    inputs: { x: randomTensor([1, 264], 4), w: randomTensor([260, 264], 5), b: randomTensor([260], 6) },
    build: ({ x, w, b }) => linear(x!, w!, b),
  },
  {
    name: "a convolution with borders, of items that end within a tile",
    inputs: { x: randomTensor([2, 131, 136], 7), w: randomTensor([72, 136, 3], 8), b: randomTensor([72], 9) },
    build: ({ x, w, b }) => conv1d(x!, w!, b, { padLeft: 2, padRight: 1 }),
  },
  {
    name: "a convolution whose taps reach beyond both ends",
    inputs: { x: randomTensor([2, 11, 128], 10), w: randomTensor([130, 128, 7], 11), b: randomTensor([130], 12) },
    build: ({ x, w, b }) => conv1d(x!, w!, b, { dilation: 9, padLeft: 27, padRight: 27 }),
  },
  {
    name: "a convolution of one tap over a batch",
    inputs: { x: randomTensor([3, 50, 192], 13), w: randomTensor([64, 192, 1], 14), b: randomTensor([64], 15) },
    build: ({ x, w, b }) => conv1d(x!, w!, b),
  },
  {
    name: "a strided convolution of a length that is no multiple",
    inputs: { x: randomTensor([2, 149, 128], 16), w: randomTensor([136, 128, 8], 17), b: randomTensor([136], 18) },
    build: ({ x, w, b }) => conv1d(x!, w!, b, { stride: 4, padLeft: 2, padRight: 3 }),
  },
  {
    name: "a strided convolution with fewer rows than its stride, and taps that are no multiple",
    inputs: { x: randomTensor([2, 3, 128], 19), w: randomTensor([136, 128, 5], 20), b: randomTensor([136], 21) },
    build: ({ x, w, b }) => conv1d(x!, w!, b, { stride: 4, padLeft: 3, padRight: 3 }),
  },
  {
    name: "a convolution in groups",
    inputs: { x: randomTensor([1, 30, 272], 22), w: randomTensor([272, 136, 3], 23), b: randomTensor([272], 24) },
    build: ({ x, w, b }) => conv1d(x!, w!, b, { groups: 2, padLeft: 1, padRight: 1 }),
  },
  {
    name: "a transposed convolution",
    inputs: { x: randomTensor([2, 37, 136], 25), w: randomTensor([136, 34, 8], 26), b: randomTensor([34], 27) },
    build: ({ x, w, b }) => convTranspose1d(x!, w!, b, { stride: 4, padLeft: 2, padRight: 2 }),
  },
  {
    name: "a convolution of 48 channels, of which a block of K is not full, to 34",
    inputs: { x: randomTensor([2, 140, 48], 56), w: randomTensor([34, 48, 7], 57), b: randomTensor([34], 58) },
    build: ({ x, w, b }) => conv1d(x!, w!, b, { dilation: 3, padLeft: 9, padRight: 9 }),
  },
  {
    name: "a product with a matrix for each item",
    inputs: { x: randomTensor([2, 9, 136], 28), w: randomTensor([2, 136, 68], 29) },
    build: ({ x, w }) => matmul(x!, w!),
  },
  {
    name: "a product with a transposed left side",
    inputs: { x: randomTensor([2, 136, 70], 30), w: randomTensor([2, 136, 80], 31) },
    build: ({ x, w }) => matmul(x!, w!, { transposeA: true }),
  },
];

/** The gradient towards images of one size, from x in place of what the convolution gives. */
const towards =
  (height: number, width: number, { stride = [1, 1], dilation = [1, 1], pad = [0, 0] }: PairedOptions): Build =>
  ({ x, w }) =>
    x!.graph.apply("conv2d_input_grad", [x!, w!], {
      height,
      width,
      stride_h: stride[0],
      stride_w: stride[1],
      dilation_h: dilation[0],
      dilation_w: dilation[1],
      pad_h: pad[0],
      pad_w: pad[1],
    })[0]!;
type PairedOptions = { readonly [Name in keyof Conv2dOptions]: readonly [number, number] };

/** Images of which what every tap gives is summed afterwards: few outputs, or gradients towards few inputs. */
export const folded: readonly ProductCase[] = [
  {
    name: "a convolution to one column",
    inputs: { x: randomTensor([2, 9, 13, 40], 47), w: randomTensor([1, 40, 3, 3], 48), b: randomTensor([1], 49) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { pad: 1 }),
  },
  {
    name: "a convolution along h to one column, of one item and more channels than a block of K",
    inputs: { x: randomTensor([1, 10, 5, 136], 60), w: randomTensor([1, 136, 3, 1], 61) },
    build: ({ x, w }) => conv2d(x!, w!, undefined, { pad: [1, 0] }),
  },
  {
    name: "a convolution to three columns with strides and dilations",
    inputs: { x: randomTensor([2, 11, 13, 64], 62), w: randomTensor([3, 64, 3, 2], 63), b: randomTensor([3], 64) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [2, 3], dilation: [2, 1], pad: [1, 2] }),
  },
  {
    name: "a gradient towards two channels of a spectrum",
    inputs: { x: randomTensor([2, 10, 21, 64], 65), w: randomTensor([64, 2, 3, 9], 66) },
    build: towards(10, 21, { pad: [1, 4] }),
  },
  {
    name: "a gradient towards two channels of a spectrum of which every second column was taken",
    inputs: { x: randomTensor([3, 7, 11, 32], 67), w: randomTensor([32, 2, 3, 9], 68) },
    build: towards(7, 21, { stride: [1, 2], pad: [1, 4] }),
  },
  {
    name: "a gradient towards one channel over periods",
    inputs: { x: randomTensor([2, 14, 3, 32], 69), w: randomTensor([32, 1, 5, 1], 70) },
    build: towards(41, 3, { stride: [3, 1], pad: [2, 0] }),
  },
  {
    name: "a gradient with strides and dilations along both axes, which some inputs do not reach",
    inputs: { x: randomTensor([1, 5, 4, 40], 71), w: randomTensor([40, 3, 3, 2], 72) },
    build: towards(17, 14, { stride: [4, 3], dilation: [2, 5], pad: [2, 1] }),
  },
];

/** Images: x (B, H, W, I), whose tiles are boxes of positions. */
export const images: readonly ProductCase[] = [
  {
    name: "a convolution over periods",
    inputs: { x: randomTensor([2, 40, 3, 64], 32), w: randomTensor([72, 64, 5, 1], 33), b: randomTensor([72], 34) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [3, 1], pad: [2, 0] }),
  },
  {
    name: "a convolution over a spectrum",
    inputs: { x: randomTensor([2, 9, 21, 32], 35), w: randomTensor([68, 32, 3, 9], 36), b: randomTensor([68], 37) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [1, 2], pad: [1, 4] }),
  },
  {
    name: "a convolution with strides and dilations along both axes",
    inputs: { x: randomTensor([2, 12, 13, 40], 38), w: randomTensor([66, 40, 3, 3], 39), b: randomTensor([66], 40) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [2, 3], dilation: [3, 2], pad: [4, 1] }),
  },
  {
    name: "a convolution over rows that are wider than a tile",
    inputs: { x: randomTensor([1, 3, 150, 32], 41), w: randomTensor([72, 32, 3, 3], 42), b: randomTensor([72], 43) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { pad: 1 }),
  },
  {
    name: "a convolution over images so narrow that shifted taps would store few rows",
    inputs: { x: randomTensor([3, 90, 1, 64], 78), w: randomTensor([40, 64, 2, 2], 79), b: randomTensor([40], 80) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { pad: [0, 1] }),
  },
  {
    name: "a convolution over images of one row",
    inputs: { x: randomTensor([3, 1, 50, 32], 44), w: randomTensor([70, 32, 3, 2], 45), b: randomTensor([70], 46) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { pad: [1, 0] }),
  },
  {
    name: "a convolution of two channels, whose taps are laid side by side",
    inputs: { x: randomTensor([2, 9, 21, 2], 50), w: randomTensor([32, 2, 3, 9], 51), b: randomTensor([32], 52) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [1, 2], pad: [1, 4] }),
  },
  {
    name: "a convolution of one channel over periods",
    inputs: { x: randomTensor([2, 41, 3, 1], 53), w: randomTensor([34, 1, 5, 1], 54), b: randomTensor([34], 55) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [3, 1], pad: [2, 0] }),
  },
];

/** Convolutions over images of few columns, whose taps along w are shifts of one tile in bf16. */
export const shifted: readonly ProductCase[] = [
  {
    name: "a convolution over a spectrum of 64 channels",
    inputs: { x: randomTensor([2, 9, 33, 64], 60), w: randomTensor([64, 64, 3, 9], 61), b: randomTensor([64], 62) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [1, 2], pad: [1, 4] }),
  },
  {
    name: "a convolution with a bias over images in tiles of 512 rows",
    inputs: { x: randomTensor([4, 20, 20, 40], 63), w: randomTensor([64, 40, 3, 3], 64), b: randomTensor([64], 65) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { pad: 1 }),
  },
  {
    name: "a convolution over rows that are wider than a tile of few columns",
    inputs: { x: randomTensor([1, 3, 600, 32], 66), w: randomTensor([40, 32, 2, 4], 67), b: randomTensor([40], 68) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { pad: 1 }),
  },
  {
    name: "a convolution over images of one column",
    inputs: { x: randomTensor([3, 90, 1, 64], 69), w: randomTensor([32, 64, 2, 4], 70), b: randomTensor([32], 71) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [1, 2], pad: [0, 2] }),
  },
  {
    name: "a convolution of two blocks of channels with strides along h and dilation",
    inputs: { x: randomTensor([2, 40, 30, 72], 72), w: randomTensor([50, 72, 2, 5], 73), b: randomTensor([50], 74) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [3, 1], dilation: [2, 4], pad: [1, 7] }),
  },
  {
    name: "a convolution whose stride and dilation have a factor in common",
    inputs: { x: randomTensor([2, 7, 41, 32], 75), w: randomTensor([32, 32, 4, 7], 76), b: randomTensor([32], 77) },
    build: ({ x, w, b }) => conv2d(x!, w!, b, { stride: [1, 6], dilation: [1, 4], pad: [0, 9] }),
  },
];

/** The inputs as products of the precision take them. Biases stay as they are. */
export const rounded = (inputs: Tensors, precision: Precision): Tensors =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [
      name,
      name === "b" ? { data, shape } : { data: Float32Array.from(data, ROUNDING[precision]), shape },
    ]),
  );
