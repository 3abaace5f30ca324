/** Layouts of reference vectors: they are channels-first, the engine is channels-last. */
import { swapLastTwo, swapShape } from "../golden.js";
import type { Layout, TensorData } from "./support.js";

function swapped(tensor: TensorData): TensorData {
  return { data: swapLastTwo(tensor.data, tensor.shape), shape: swapShape(tensor.shape) };
}

/** (B, C, T) in the reference, (B, T, C) in the engine. */
export const channelsFirst: Layout = { toEngine: swapped, fromEngine: swapped };

/** Any permutation: dimension i in the engine is dimension order[i] of the reference. */
export function permuted(order: readonly number[]): Layout {
  const inverse = order.map((_, i) => order.indexOf(i));
  return { toEngine: (tensor) => permute(tensor, order), fromEngine: (tensor) => permute(tensor, inverse) };
}

/** Only the shape differs, not the order of elements. */
export function reshaped(engine: readonly number[]): Layout {
  return {
    toEngine: ({ data }) => ({ data, shape: engine }),
    fromEngine: (tensor) => tensor,
  };
}

function permute({ data, shape }: TensorData, order: readonly number[]): TensorData {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const target = order.map((axis) => shape[axis]!);
  const result = data.slice();
  for (let i = 0; i < data.length; i++) {
    let rest = i;
    let source = 0;
    for (let d = target.length - 1; d >= 0; d--) {
      source += (rest % target[d]!) * strides[order[d]!]!;
      rest = Math.floor(rest / target[d]!);
    }
    result[i] = data[source]!;
  }
  return { data: result, shape: target };
}
