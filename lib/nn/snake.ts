import type { Value } from "../graph/graph.js";
import { reshape, snake } from "../graph/ops/index.js";
import type { Parameter, Scope } from "./parameter.js";

/** x + sin^2(alpha x) / (alpha + 1e-9), one alpha per channel. */
export class Snake {
  private readonly alpha: Parameter;

  constructor(
    scope: Scope,
    private readonly channels: number,
  ) {
    this.alpha = scope.parameter("alpha", [1, channels, 1], { kind: "constant", value: 1 });
  }

  forward(x: Value): Value {
    return snake(x, reshape(this.alpha.in(x.graph), [this.channels]));
  }
}
