/** Convolutions and the activation between them, channels-first. */
import type { SymbolicNode } from "../../symbolic-graph.js";
import type { Translator } from "../translation.js";

const convolution =
  (opType: "Conv" | "ConvTranspose"): Translator =>
  (node, translation) => {
    const [x, weight, bias, ...fused] = node.inputs;
    if (fused.some((id) => id !== undefined)) node.refuse("a fused form is for plans only");
    const inputs = [
      translation.get(x!, "channels-first"),
      translation.get(weight!, "recorded"),
      translation.find(bias, "recorded"),
    ];
    translation.set(node.outputs[0]!, "channels-first", translation.onnx.node(opType, inputs, geometry(node)));
  };

function geometry(node: SymbolicNode) {
  const pads = [node.number("pad_left"), node.number("pad_right")];
  if (Math.min(...pads) < 0) node.refuse("ONNX has no negative padding");
  if (node.attributes("length").some((length) => length !== undefined)) node.refuse("its length is fixed");
  return {
    pads,
    strides: [node.number("stride", 1)],
    dilations: [node.number("dilation", 1)],
    group: node.number("groups", 1),
  };
}

/** x + sin(alpha x)^2 times the reciprocal of alpha, which is known beforehand. */
const snake: Translator = (node, translation) => {
  const [x, alpha] = node.inputs as [number, number];
  const { onnx } = translation;
  const constant = translation.constant(alpha) ?? node.refuse("its alpha must be a weight");
  const isSignal = translation.graph.rank(x) === 3;
  const layout = isSignal ? "channels-first" : "recorded";
  const shape = isSignal ? [constant.data.length, 1] : [constant.data.length];
  const reciprocal = Float32Array.from(constant.data, (value) => 1 / (value + 1e-9));
  const input = translation.get(x, layout);
  const sine = onnx.node("Sin", [onnx.node("Mul", [input, onnx.tensor(constant.name, constant.data, shape)])]);
  const square = onnx.node("Mul", [sine, sine]);
  const scaled = onnx.node("Mul", [square, onnx.tensor(`${constant.name}.reciprocal`, reciprocal, shape)]);
  translation.set(node.outputs[0]!, layout, onnx.node("Add", [input, scaled]));
};

export const CONVOLUTION: Readonly<Record<string, Translator>> = {
  conv1d: convolution("Conv"),
  conv_transpose1d: convolution("ConvTranspose"),
  snake,
};
