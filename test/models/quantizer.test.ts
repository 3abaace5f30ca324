import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, mul, sum } from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { fsqCodes, fsqRound } from "../../lib/models/fsq.js";
import type { TrainedQuantized } from "../../lib/models/quantized.js";
import { ResidualQuantizer } from "../../lib/models/residual-quantizer.js";
import { VectorQuantize } from "../../lib/models/vector-quantize.js";
import { type Parameter, Scope } from "../../lib/nn/index.js";
import { assertClose, Golden, swapLastTwo } from "../golden.js";
import { onEveryVariant } from "../ops/support.js";

describe("quantizers in training", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("quantizers");
  });

  /** The latent (B, D, T) of the reference as the engine's, with its gradient's seed. */
  function latent(name: string) {
    const [batch, channels, frames] = golden.shape(`${name}.x`) as [number, number, number];
    const swap = (key: string) => swapLastTwo(golden.floats(`${name}.${key}`), [batch, channels, frames]);
    return { batch, channels, frames, shape: [batch, frames, channels], x: swap("x"), gy: swap("gy") };
  }

  function assignParameters(scope: Scope, name: string): void {
    for (const parameter of scope.parameters) {
      const key = `${name}.param.${parameter.name}`;
      parameter.assign(Variable.from(golden.floats(key), golden.shape(key)));
    }
  }

  /** The reference's objective: (gy . y) + 3 commitment + 2 codebook. */
  function objective(graph: Graph, trained: TrainedQuantized, gy: Float32Array): Value {
    const along = sum(mul(trained.latent, graph.constant(gy, trained.latent.shape)));
    return add(along, add(mul(sum(trained.commitment), 3), mul(sum(trained.codebook), 2)));
  }

  function gradients(graph: Graph, target: Value, x: Value, parameters: readonly Parameter[]): Record<string, Value> {
    const values = graph.gradients([target], [x, ...parameters.map((parameter) => parameter.in(graph))]);
    const names = ["x", ...parameters.map((parameter) => parameter.name)];
    return Object.fromEntries(names.map((name, i) => [`gradient ${name}`, values[i]!]));
  }

  onEveryVariant((device) => {
    it("vector quantization agrees with the reference: output, codes, losses, gradients", async () => {
      const { shape, channels, frames, x: data, gy } = latent("vq");
      const scope = Scope.root();
      const quantizer = new VectorQuantize(scope, channels, 64, 8);
      assignParameters(scope, "vq");
      const graph = new Graph();
      const x = graph.input("x", shape);
      const trained = quantizer.train(x);
      const outputs = {
        ...trained,
        ...gradients(graph, objective(graph, trained, gy), x, scope.parameters),
      };
      const plan = await graph.compile<string>(device(), outputs);
      const result = await plan.run({ x: data });
      assert.deepEqual(result.codes, golden.integers("vq.codes"));
      const back = (values: Float32Array) => swapLastTwo(values, [shape[0]!, frames, channels]);
      assertClose(back(result.latent as Float32Array), golden.floats("vq.y"), 1e-5, "y");
      assertClose(result.commitment!, golden.floats("vq.commit"), 1e-4, "commitment");
      assertClose(result.codebook!, golden.floats("vq.codebook_loss"), 1e-4, "codebook loss");
      assertClose(back(result["gradient x"] as Float32Array), golden.floats("vq.gx"), 1e-3, "gx");
      for (const { name } of scope.parameters) {
        assertClose(result[`gradient ${name}`]!, golden.floats(`vq.grad.${name}`), 1e-3, name);
      }
    });

    it("residual quantization with dropout agrees with the reference: output, codes, losses, gradients", async () => {
      const { shape, batch, channels, frames, x: data, gy } = latent("rvq");
      const scope = Scope.root();
      const stages = [0, 1, 2, 3].map((i) => new VectorQuantize(scope.at("quantizers", i), channels, 48, 8));
      assignParameters(scope, "rvq");
      const graph = new Graph();
      const x = graph.input("x", shape);
      const used = graph.constant(Float32Array.from(golden.integers("rvq.n_quantizers")), [batch]);
      const trained = new ResidualQuantizer(stages).train(x, used);
      const outputs = {
        ...trained,
        ...gradients(graph, objective(graph, trained, gy), x, scope.parameters),
      };
      const plan = await graph.compile<string>(device(), outputs);
      const result = await plan.run({ x: data });
      const codes = swapLastTwo(golden.integers("rvq.codes"), [batch, 4, frames]);
      assert.deepEqual(result.codes, codes);
      const back = (values: Float32Array) => swapLastTwo(values, [batch, frames, channels]);
      assertClose(back(result.latent as Float32Array), golden.floats("rvq.y"), 1e-5, "y");
      assertClose(result.commitment!, golden.floats("rvq.commit"), 1e-4, "commitment");
      assertClose(result.codebook!, golden.floats("rvq.codebook_loss"), 1e-4, "codebook loss");
      assertClose(back(result["gradient x"] as Float32Array), golden.floats("rvq.gx"), 1e-3, "gx");
      for (const { name } of scope.parameters) {
        assertClose(result[`gradient ${name}`]!, golden.floats(`rvq.grad.${name}`), 1e-3, name);
      }
    });

    it("finite scalar quantization agrees with the reference", async () => {
      const levels = Array.from(golden.integers("fsq.levels"));
      const [batch, dimensions, frames] = golden.shape("fsq.z") as [number, number, number];
      const graph = new Graph();
      const points = fsqRound(graph.input("z", [batch, frames, dimensions]), levels);
      const plan = await graph.compile(device(), { points, codes: fsqCodes(points, levels) });
      const result = await plan.run({ z: swapLastTwo(golden.floats("fsq.z"), [batch, dimensions, frames]) });
      const quantized = swapLastTwo(result.points as Float32Array, [batch, frames, dimensions]);
      assertClose(quantized, golden.floats("fsq.quantized"), 1e-6, "quantized");
      assert.deepEqual(result.codes, golden.integers("fsq.codes"));
    });
  });
});
