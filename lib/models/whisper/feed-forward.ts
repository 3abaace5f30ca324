import type { Value } from "../../graph/graph.js";
import { add, gelu } from "../../graph/ops/index.js";
import { LayerNorm, Linear, type Scope } from "../../nn/index.js";

/** The second half of a layer: x + fc2(gelu(fc1(norm(x)))). */
export class FeedForward {
  private readonly norm: LayerNorm;
  private readonly wide: Linear;
  private readonly narrow: Linear;

  constructor(scope: Scope, width: number, inner: number) {
    this.norm = new LayerNorm(scope.at("final_layer_norm"), width);
    this.wide = new Linear(scope.at("fc1"), width, inner);
    this.narrow = new Linear(scope.at("fc2"), inner, width);
  }

  forward(x: Value): Value {
    return add(x, this.narrow.forward(gelu(this.wide.forward(this.norm.forward(x)))));
  }
}
