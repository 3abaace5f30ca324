import type { Value } from "../graph/graph.js";
import { linear } from "../graph/ops/index.js";
import type { Parameter, Scope } from "./parameter.js";

/** x w^T + bias: (..., inputs) -> (..., outputs). */
export class Linear {
  private readonly weight: Parameter;
  private readonly bias: Parameter | undefined;

  constructor(scope: Scope, inputs: number, outputs: number, options: { readonly bias?: boolean } = {}) {
    this.weight = scope.parameter("weight", [outputs, inputs], {
      kind: "normal",
      deviation: 1 / Math.sqrt(3 * inputs),
    });
    this.bias = options.bias === false ? undefined : scope.parameter("bias", [outputs], { kind: "constant", value: 0 });
  }

  forward(x: Value): Value {
    return linear(x, this.weight.in(x.graph), this.bias?.in(x.graph));
  }
}
