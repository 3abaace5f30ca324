import assert from "node:assert/strict";
import { Device } from "../../../lib/graph/device.js";
import { Graph } from "../../../lib/graph/graph.js";
import { mean, square } from "../../../lib/graph/ops/index.js";
import type { LmSpt } from "../../../lib/models/lmspt.js";
import { makeOptimizers, type StepResult, TrainingStep } from "../../../lib/train/step/index.js";
import { Golden, randomFloats } from "../../golden.js";
import { randomModel, SMALL_FIELDS } from "../../models/small-models.js";
import { goldenData, goldenRecipe } from "./golden-recipe.js";

describe("options of a training step", () => {
  let device: Device;
  let golden: Golden;
  before(async () => {
    device = Device.open("cpu");
    golden = await Golden.load("train_steps");
  });
  after(() => device.close());

  const size = { batch: 2, samples: 6000 };

  /** Three steps; their results, and all parameters in the end. */
  async function train(options: object) {
    const recipe = goldenRecipe(golden);
    const step = await TrainingStep.compile(device, recipe, makeOptimizers(recipe), { ...size, ...options });
    const results: StepResult[] = [];
    for (const made of [1, 2, 3]) {
      const pace = { generator: 2e-4, discriminator: 2e-4, generatorStep: made, discriminatorStep: made };
      results.push(await step.run([goldenData(golden, recipe)], pace));
    }
    return { results, parameters: await device.read(recipe.model.parameters.map(({ variable }) => variable)) };
  }

  async function gradientsOf(model: LmSpt, audio: Float32Array, recompute: boolean) {
    const graph = new Graph({ recompute });
    const { speech } = model.train(graph.input("audio", [2, audio.length / 2, 1]));
    const parameters = model.parameters.filter(({ isBuffer }) => !isBuffer).map((parameter) => parameter.in(graph));
    const gradients = graph.gradients([mean(square(speech))], parameters);
    const plan = await graph.compile(device, Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])));
    return { memory: plan.memory, gradients: await plan.run({ audio }) };
  }

  it("with recomputed activations the gradients are the same bits, from less memory", async () => {
    const model = await randomModel(SMALL_FIELDS);
    const audio = randomFloats(2 * 24000, 1);
    const kept = await gradientsOf(model, audio, false);
    const recomputed = await gradientsOf(model, audio, true);
    assert.deepEqual(recomputed.gradients, kept.gradients);
    assert(recomputed.memory < 0.7 * kept.memory, `${recomputed.memory} of ${kept.memory} bytes`);
  });

  it("with recomputed activations three steps are the same bits", async () => {
    assert.deepEqual(await train({ recompute: true }), await train({}));
  });

  it("in bf16 the losses of three steps are those of float32 to a few per cent, and not the same", async () => {
    const [exact, rounded] = [await train({}), await train({ precision: "bf16" })];
    for (const [i, { losses }] of rounded.results.entries()) {
      for (const [name, expected] of Object.entries(exact.results[i]!.losses)) {
        const loss = losses[name as "mel"]!;
        assert(Math.abs(loss - expected) <= 0.05 * Math.abs(expected), `step ${i + 1}, ${name}: ${loss}, ${expected}`);
      }
    }
    assert.notEqual(rounded.results[0]!.losses.mel, exact.results[0]!.losses.mel);
  });
});
