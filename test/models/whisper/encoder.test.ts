import assert from "node:assert/strict";
import { Graph } from "../../../lib/graph/graph.js";
import type { Whisper, WhisperWindow } from "../../../lib/models/whisper/index.js";
import { distillationLoss } from "../../../lib/train/losses/index.js";
import { assertClose, Golden, randomFloats } from "../../golden.js";
import { differenceQuotient, evaluate, onEveryVariant } from "../../ops/support.js";
import { goldenName, goldenWhisper } from "./golden-whisper.js";

/** Every 50th frame of features (B, frames, width). */
function everyFiftieth(data: ArrayLike<number>, [batch, frames, width]: readonly number[]): Float32Array {
  const kept: number[] = [];
  for (let item = 0; item < batch!; item++) {
    for (let frame = 0; frame < frames!; frame += 50) {
      for (let c = 0; c < width!; c++) kept.push(data[(item * frames! + frame) * width! + c]!);
    }
  }
  return Float32Array.from(kept);
}

describe("Whisper's encoder", function () {
  this.timeout(60_000);
  let golden: Golden;
  let whisper: Whisper;
  before(async () => {
    golden = await Golden.load("whisper_tiny");
    whisper = goldenWhisper(golden, "param", golden.metadata.get("config")!);
  });

  it("has the parameters of the reference, and no others", () => {
    const names = golden.names.filter((name) => name.startsWith("param.")).map((name) => name.slice(6));
    assert.deepEqual(whisper.parameters.map(({ name }) => goldenName(name)).sort(), names.sort());
  });

  onEveryVariant((device) => {
    it("features, distillation loss and its gradient at the predicted waveform are those of the reference", async () => {
      const graph = new Graph();
      const target = graph.input("target", golden.shape("target_wav"));
      const predicted = graph.input("predicted", golden.shape("pred_wav"));
      const features = whisper.encoder.features(target);
      const loss = distillationLoss(whisper.encoder.features(predicted), features);
      const [gradient] = graph.gradients([loss], [predicted]);
      const plan = await graph.compile(device(), { features, loss, gradient: gradient! });
      const result = await plan.run({ target: golden.floats("target_wav"), predicted: golden.floats("pred_wav") });
      assert.deepEqual(features.shape, [2, 1500, 32]);
      const kept = everyFiftieth(result.features, features.shape);
      assertClose(kept, golden.floats("target_features"), 1e-4, "features");
      assertClose(result.loss, golden.floats("distill_loss"), 1e-4, "loss");
      assertClose(result.gradient, golden.floats("grad_pred_wav"), 1e-3, "gradient");
    });
  });

  describe("of a segment", () => {
    it("makes the segment's features alone, with a gradient that is that of finite differences", async () => {
      const { Device } = await import("../../../lib/graph/device.js");
      await using device = Device.open("cpu");
      const inputs = { x: { data: randomFloats(1500, 1), shape: [1, 1500] } };
      const build = ({ x }: { x: Parameters<typeof whisper.encoder.features>[0] }) =>
        whisper.encoder.features(x, "segment");
      const gy = randomFloats(5 * 32, 2);
      const { shape, gradients } = await evaluate(device, inputs, build, gy);
      assert.deepEqual(shape, [1, 5, 32]);
      for (const index of [3, 700, 1402]) {
        const quotient = await differenceQuotient(device, inputs, build, gy, "x", index, 1e-2);
        const error = Math.abs(gradients.x[index]! - quotient);
        assert(error <= 0.03 * Math.max(0.5, Math.abs(quotient)), `${gradients.x[index]} ${quotient}`);
      }
    });

    it("of 30 s is the full window", async () => {
      const { Device } = await import("../../../lib/graph/device.js");
      await using device = Device.open("cpu");
      const inputs = { x: { data: randomFloats(480000, 3), shape: [1, 480000] } };
      const run = async (window: WhisperWindow) =>
        (await evaluate(device, inputs, ({ x }) => whisper.encoder.features(x, window))).y;
      assert.deepEqual(await run("segment"), await run("full"));
    });

    it("refuses a window that is neither", () => {
      const x = new Graph().input("x", [1, 320]);
      assert.throws(() => whisper.encoder.features(x, "half" as WhisperWindow), {
        code: "ERR_LMSPT_INVALID_ARGUMENT",
        message: /"full" or "segment" for window/,
      });
    });
  });

  it("distils by absolute differences too", async () => {
    const { Device } = await import("../../../lib/graph/device.js");
    await using device = Device.open("cpu");
    const inputs = {
      a: { data: Float32Array.of(1, 2, 3, 4), shape: [4] },
      b: { data: Float32Array.of(1, 1, 5, 0), shape: [4] },
    };
    const distance = (kind: "mse" | "l1") =>
      evaluate(device, inputs, ({ a, b }) => distillationLoss(a, b, kind), Float32Array.of(1));
    const [square, absolute] = [await distance("mse"), await distance("l1")];
    assert.deepEqual([square.y[0], absolute.y[0]], [21 / 4, 7 / 4]);
    assert.deepEqual([...absolute.gradients.a], [0, 0.25, -0.25, 0.25]);
    assert.deepEqual([...absolute.gradients.b], [0, 0, 0, 0], "nothing passes to the target");
  });
});
