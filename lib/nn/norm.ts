import type { Value } from "../graph/graph.js";
import { layerNorm } from "../graph/ops/index.js";
import type { Parameter, Scope } from "./parameter.js";

/** Layer normalisation over the last dimension, with a scale and a shift per channel. */
export class LayerNorm {
  private readonly weight: Parameter;
  private readonly bias: Parameter;

  constructor(scope: Scope, channels: number) {
    this.weight = scope.parameter("weight", [channels], { kind: "constant", value: 1 });
    this.bias = scope.parameter("bias", [channels], { kind: "constant", value: 0 });
  }

  forward(x: Value): Value {
    return layerNorm(x, this.weight.in(x.graph), this.bias.in(x.graph));
  }
}
