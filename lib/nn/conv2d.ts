/** The weight-normalised two-dimensional convolution. */
import type { Value } from "../graph/graph.js";
import { type Conv2dOptions, conv2d } from "../graph/ops/index.js";
import { type Gains, NormedWeight } from "./conv.js";
import type { Scope } from "./parameter.js";

/** (B, H, W, inputs) -> (B, H', W', outputs). */
export class Conv2d {
  private readonly weight: NormedWeight;

  constructor(
    scope: Scope,
    inputs: number,
    outputs: number,
    kernel: readonly [height: number, width: number],
    private readonly options: Conv2dOptions & Gains = {},
  ) {
    const fanIn = inputs * kernel[0] * kernel[1];
    this.weight = new NormedWeight(scope, [outputs, inputs, ...kernel], fanIn, outputs, options);
  }

  forward(x: Value): Value {
    const { weight, bias } = this.weight.in(x);
    return conv2d(x, weight, bias, this.options);
  }
}
