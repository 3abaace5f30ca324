import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, mul, reshape } from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { Discriminators, PUBLIC_DISCRIMINATORS } from "../../lib/models/discriminators/index.js";
import { decimate } from "../../lib/models/discriminators/multi-scale.js";
import { adversarialLoss, discriminatorLoss, featureLoss } from "../../lib/train/losses/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { evaluate, onEveryVariant } from "../ops/support.js";
import { goldenDiscriminators } from "./golden-discriminators.js";

/** (B, H, W, C) -> (B, C, H, W) */
function channelsFirst(data: Float32Array, [batch, height, width, channels]: readonly number[]): Float32Array {
  const result = new Float32Array(data.length);
  const pixels = height! * width!;
  for (let item = 0; item < batch!; item++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = 0; c < channels!; c++) {
        result[(item * channels! + c) * pixels + pixel] = data[(item * pixels + pixel) * channels! + c]!;
      }
    }
  }
  return result;
}

describe("discriminators", () => {
  let golden: Golden;
  let discriminators: Discriminators;
  before(async () => {
    golden = await Golden.load("losses");
    discriminators = new Discriminators(goldenDiscriminators(golden.metadata.get("config")!));
    for (const parameter of discriminators.parameters) {
      const key = `disc.param.${parameter.name}`;
      assert.deepEqual(parameter.shape, golden.shape(key), parameter.name);
      parameter.assign(Variable.from(golden.floats(key), golden.shape(key), { frozen: false }));
    }
  });

  const audio = (graph: Graph, name: string): Value => {
    const [batch, , samples] = golden.shape(`disc.${name}`);
    return graph.input(name, [batch!, samples!]);
  };

  it("have the parameters of the reference, and no others", () => {
    const names = golden.names.filter((name) => name.startsWith("disc.param.")).map((name) => name.slice(11));
    assert.deepEqual(discriminators.parameters.map(({ name }) => name).sort(), names.sort());
  });

  it("of the public configuration have 46.7 million parameters", () => {
    const { parameters } = new Discriminators(PUBLIC_DISCRIMINATORS);
    const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assert.equal((count / 1e6).toFixed(1), "46.7");
  });

  onEveryVariant((device) => {
    it("make the feature maps of the reference", async () => {
      const graph = new Graph();
      const maps = discriminators.forward(audio(graph, "fake"));
      const named = Object.fromEntries(maps.flatMap((list, i) => list.map((map, j) => [`${i}.${j}`, map])));
      assert.equal(Object.keys(named).length, golden.names.filter((name) => name.startsWith("disc.fmap.")).length);
      const plan = await graph.compile(device(), named);
      const result = await plan.run({ fake: golden.floats("disc.fake") });
      for (const [name, map] of Object.entries(named)) {
        const actual = channelsFirst(result[name] as Float32Array, map.shape);
        assertClose(actual, golden.floats(`disc.fmap.${name}`), 1e-4, `feature map ${name}`);
      }
    });

    it("their losses and gradients are those of the reference", async () => {
      const graph = new Graph();
      const [fake, real] = [audio(graph, "fake"), audio(graph, "real")];
      const [ofFake, ofReal] = [discriminators.forward(fake), discriminators.forward(real)];
      const own = discriminatorLoss(ofFake, ofReal);
      const adversarial = adversarialLoss(ofFake);
      const feature = featureLoss(ofFake, ofReal);
      const { parameters } = discriminators;
      const gradients = graph.gradients(
        [own],
        parameters.map((parameter) => parameter.in(graph)),
      );
      const [gx] = graph.gradients([add(adversarial, mul(feature, 2))], [fake]);
      const named = Object.fromEntries(gradients.map((gradient, i) => [parameters[i]!.name, gradient]));
      const plan = await graph.compile<string>(device(), { own, adversarial, feature, gx: gx!, ...named });
      const result = await plan.run({ fake: golden.floats("disc.fake"), real: golden.floats("disc.real") });
      assertClose(result.own!, golden.floats("disc.loss_d"), 1e-4, "discriminator loss");
      assertClose(result.adversarial!, golden.floats("disc.loss_adv"), 1e-4, "adversarial loss");
      assertClose(result.feature!, golden.floats("disc.loss_fm"), 1e-4, "feature loss");
      assertClose(result.gx!, golden.floats("disc.gx_of_adv_plus_2fm"), 1e-3, "gradient of the generated audio");
      for (const { name } of parameters) assertClose(result[name]!, golden.floats(`disc.grad.${name}`), 1e-3, name);
    });

    it("multi-scale ones hear a slower waveform: a slow sine stays, a fast one goes", async () => {
      const sine = (cycles: number) =>
        Float32Array.from({ length: 4000 }, (_, i) => Math.sin(2 * Math.PI * cycles * i));
      const hear = async (data: Float32Array, rate: number) =>
        (await evaluate(device(), { x: { data, shape: [1, 4000] } }, ({ x }) => decimate(x, rate))).y as Float32Array;
      for (const rate of [2, 4]) {
        const [slow, fast] = [await hear(sine(0.05), rate), await hear(sine(0.4), rate)];
        assert.equal(slow.length, 4000 / rate);
        const expected = sine(0.05).filter((_, i) => i % rate === 0);
        assertClose(slow.slice(100, -100), expected.slice(100, -100), 2e-3, "a slow sine");
        assert(Math.max(...fast.slice(100, -100).map(Math.abs)) < 2e-3, "a fast sine is gone");
      }
    });
  });

  it("multi-scale ones sit between the others and pass a gradient", async () => {
    const { Device } = await import("../../lib/graph/device.js");
    await using device = Device.open("cpu");
    const config = { ...goldenDiscriminators(golden.metadata.get("config")!), rates: [2] };
    const scaled = new Discriminators(config);
    const first = scaled.parameters.find(({ name }) => name === "d.3.convs.1.c.weight_v")!;
    assert.deepEqual(first.shape, [64, 4, 41]);
    assert(scaled.parameters.some(({ name }) => name === "d.4.stacks.0.0.c.weight_v"));
    for (const [i, parameter] of scaled.parameters.entries()) {
      const count = parameter.shape.reduce((a, b) => a * b, 1);
      const scale = parameter.name.endsWith("weight_g") ? 1 : 0.1;
      parameter.assign(
        Variable.from(
          randomFloats(count, i).map((value) => value * scale),
          parameter.shape,
        ),
      );
    }
    const graph = new Graph();
    const x = graph.input("x", [1, 2000]);
    const maps = scaled.forward(x);
    assert.deepEqual(
      maps[3]!.map((map) => map.shape),
      [
        [1, 1000, 16],
        [1, 250, 64],
        [1, 63, 256],
        [1, 16, 1024],
        [1, 4, 1024],
        [1, 4, 1024],
        [1, 4, 1],
      ],
    );
    const [gx] = graph.gradients([reshape(adversarialLoss([maps[3]!]), [])], [x]);
    const plan = await graph.compile(device, { gx: gx! });
    const { gx: gradient } = await plan.run({ x: randomFloats(2000, 9) });
    assert(gradient.every(Number.isFinite) && gradient.some((value) => value !== 0));
  });
});
