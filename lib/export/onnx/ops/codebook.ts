/** Code search and look-up, and the reductions. */
import type { Constant } from "../constants.js";
import type { OnnxGraphBuilder } from "../graph-builder.js";
import type { Translator } from "../translation.js";

const SMALLEST_NORM = 1e-12;

function normalized(onnx: OnnxGraphBuilder, x: string): string {
  const norm = onnx.node("ReduceL2", [x], { axes: [-1], keepdims: 1 });
  const smallest = onnx.tensor("smallest_norm", Float32Array.of(SMALLEST_NORM), []);
  return onnx.node("Div", [x, onnx.node("Max", [norm, smallest])]);
}

const l2Normalize: Translator = (node, translation) => {
  const x = translation.get(node.inputs[0]!, "recorded");
  translation.set(node.outputs[0]!, "recorded", normalized(translation.onnx, x));
};

/** The largest product of normalised rows; ArgMax takes the first of equals, which is the lowest index. */
const search: Translator = (node, translation) => {
  const [z, codebook] = node.inputs as [number, number];
  const { onnx } = translation;
  const constant = translation.constant(codebook) ?? node.refuse("its codebook must be a weight");
  const [codes, size] = constant.shape as [number, number];
  const directions = onnx.tensor(`${constant.name}.directions`, unitColumns(constant, codes, size), [size, codes]);
  const products = onnx.node("MatMul", [normalized(onnx, translation.get(z, "recorded")), directions]);
  translation.set(node.outputs[0]!, "recorded", onnx.node("ArgMax", [products], { axis: -1, keepdims: 0 }));
};

/** The rows of a codebook (codes, size) divided by their norms, transposed. */
function unitColumns({ data }: Constant, codes: number, size: number): Float32Array {
  const columns = new Float32Array(data.length);
  for (let code = 0; code < codes; code++) {
    let square = 0;
    for (let i = 0; i < size; i++) square += data[code * size + i]! ** 2;
    const scale = 1 / Math.max(Math.sqrt(square), SMALLEST_NORM);
    for (let i = 0; i < size; i++) columns[i * codes + code] = data[code * size + i]! * scale;
  }
  return columns;
}

const lookup: Translator = (node, translation) => {
  const [codes, codebook] = node.inputs.map((id) => translation.get(id!, "recorded"));
  translation.set(node.outputs[0]!, "recorded", translation.onnx.node("Gather", [codebook, codes], { axis: 0 }));
};

const reduction =
  (opType: "ReduceSum" | "ReduceMean" | "ReduceMax"): Translator =>
  (node, translation) => {
    const { onnx } = translation;
    const [first, last] = [node.number("first"), node.number("last")];
    const axes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const x = translation.get(node.inputs[0]!, "recorded");
    const keepdims = node.number("keep");
    // Of the three, ReduceSum alone takes the axes as an input in this operator set.
    const result =
      opType === "ReduceSum"
        ? onnx.node(opType, [x, onnx.integers(...axes)], { keepdims })
        : onnx.node(opType, [x], { keepdims, axes });
    translation.set(node.outputs[0]!, "recorded", result);
  };

export const CODEBOOK: Readonly<Record<string, Translator>> = {
  codebook_search: search,
  codebook_lookup: lookup,
  l2_normalize: l2Normalize,
};

export const REDUCTION: Readonly<Record<string, Translator>> = {
  sum: reduction("ReduceSum"),
  mean: reduction("ReduceMean"),
  max: reduction("ReduceMax"),
};
