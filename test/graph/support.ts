/** Graphs that several tests of the engine use. */
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, conv1d, snake, weightNorm } from "../../lib/graph/ops/index.js";
import type { Plan } from "../../lib/graph/plan.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats } from "../golden.js";

/** The parameters of a residual unit with weight-normalised convolutions. */
export class ResidualUnit {
  private readonly parameters: Record<"alpha1" | "v1" | "g1" | "b1" | "alpha2" | "v2" | "g2" | "b2", Variable>;

  constructor(
    readonly channels: number,
    readonly frozen = true,
    readonly winograd = false,
  ) {
    const make = (seed: number, shape: readonly number[]) =>
      Variable.from(
        randomFloats(
          shape.reduce((a, b) => a * b, 1),
          seed,
        ),
        shape,
        { frozen },
      );
    const c = channels;
    this.parameters = {
      alpha1: make(1, [c]),
      v1: make(2, [c, c, 7]),
      g1: make(3, [c, 1, 1]),
      b1: make(4, [c]),
      alpha2: make(5, [c]),
      v2: make(6, [c, c, 1]),
      g2: make(7, [c, 1, 1]),
      b2: make(8, [c]),
    };
  }

  get variables(): readonly Variable[] {
    return Object.values(this.parameters);
  }

  /** x (B, T, channels) -> the same shape. */
  apply(x: Value): Value {
    const { alpha1, v1, g1, b1, alpha2, v2, g2, b2 } = this.parameters;
    const value = (variable: Variable) => x.graph.variable(variable);
    const padding = { dilation: 3, padLeft: 9, padRight: 9, winograd: this.winograd };
    const wide = conv1d(snake(x, value(alpha1)), weightNorm(value(v1), value(g1)), value(b1), padding);
    return add(x, conv1d(snake(wide, value(alpha2)), weightNorm(value(v2), value(g2)), value(b2)));
  }

  compile(device: Device, length: number): Promise<Plan<"y">> {
    const graph = new Graph();
    return graph.compile(device, { y: this.apply(graph.input("x", [1, length, this.channels])) });
  }
}

/** A plan that keeps all threads of a device busy for a few milliseconds per unit. */
export async function busyPlan(device: Device, units: number): Promise<{ run: () => Promise<Float32Array> }> {
  const [channels, length] = [128, 2048];
  const unit = new ResidualUnit(channels);
  const graph = new Graph();
  let y = graph.input("x", [1, length, channels]);
  for (let i = 0; i < units; i++) y = unit.apply(y);
  const plan = await graph.compile(device, { y });
  const x = randomFloats(length * channels, 1);
  return { run: async () => (await plan.run({ x })).y as Float32Array };
}
