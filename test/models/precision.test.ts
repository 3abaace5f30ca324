import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import type { Data } from "../../lib/graph/native.js";
import { slice } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { onEveryUnit } from "../gemm/support.js";
import { assertClose, type Golden, randomFloats, relativeError, swapLastTwo } from "../golden.js";
import { goldenModel } from "./golden-model.js";

/** Of float32 against the reference, relative to the largest value of a whole model's result. */
const MODEL_TOLERANCE = 1e-4;

for (const name of ["tiny", "tiny_causal", "tiny_shared_nosub"]) {
  describe(`the reference model ${name} in reduced precision`, () => {
    let golden: Golden;
    let model: LmSpt;
    let portable: Device;
    before(async () => {
      ({ golden, model } = await goldenModel(name));
      portable = Device.open("cpu", { variant: "portable" });
    });
    after(() => portable.close());

    async function compute(
      device: Device,
      data: Data,
      shape: readonly number[],
      p: Precision,
      build: (x: Value) => Value,
    ) {
      const graph = new Graph();
      const x = graph.input("x", shape, data instanceof Int32Array ? "i32" : "f32");
      const plan = await graph.compile(device, { y: build(x) }, [], { precision: p });
      return (await plan.run({ x: data })).y;
    }
    const onAudio = (device: Device, precision: Precision, build: (x: Value) => Value) => {
      const [batch, , length] = golden.shape("x") as [number, number, number];
      return compute(device, golden.floats("x"), [batch, length, 1], precision, build);
    };
    /** The semantic encoder's latent, channels first. */
    const latentOf = async (device: Device, precision: Precision) => {
      const [batch, channels, frames] = golden.shape("z_semantic") as [number, number, number];
      const latent = await onAudio(device, precision, (x) => model.semanticEncoder.forward(x));
      return swapLastTwo(latent as Float32Array, [batch, frames, channels]);
    };
    const codesOf = (device: Device, precision: Precision) => onAudio(device, precision, (x) => model.encode(x));
    const speechOf = (device: Device, precision: Precision) => {
      const [count, batch, frames] = golden.shape("codes") as [number, number, number];
      const data = Int32Array.from({ length: batch * frames * count }, (_, i) => (i * 7) % 32);
      return compute(device, data, [batch, frames, count], precision, (x) =>
        model.decode(slice(x, 2, 0, 1), slice(x, 2, 1, count - 1)),
      );
    };

    onEveryUnit((device) => {
      it("bf16x3 gives the reference's codes, and latents and speech as near to it as float32 has to be", async () => {
        const codes = await codesOf(device(), "bf16x3");
        assert.deepEqual(codes, await codesOf(device(), "fp32"));
        assertClose(await latentOf(device(), "bf16x3"), golden.floats("z_semantic"), MODEL_TOLERANCE, "latent");
        assertClose(await speechOf(device(), "bf16x3"), await speechOf(device(), "fp32"), MODEL_TOLERANCE, "speech");
      });

      it("bf16 is not further from the reference than twice the plain implementation of the portable variant", async () => {
        const reference = golden.floats("z_semantic");
        const plain = relativeError(await latentOf(portable, "bf16"), reference);
        const error = relativeError(await latentOf(device(), "bf16"), reference);
        assert(plain > 1e-4 && error <= 2 * plain, `${error} against ${plain}`);
      });

      it("bf16 keeps most codes", async () => {
        const [expected, actual] = [await codesOf(device(), "fp32"), await codesOf(device(), "bf16")];
        const equal = actual.filter((code, i) => code === expected[i]).length / actual.length;
        assert(equal >= 0.8, `${equal}`);
      });
    });
  });
}

describe("a tokenizer's precision", () => {
  const audio = randomFloats(40 * 1920, 5);

  it("is told, with how it is computed", async () => {
    await using tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
    assert.equal(tokenizer.info.precision, "fp32");
    assert.equal(tokenizer.info.arithmetic, "float32");
    await using reduced = await Tokenizer.load("random:1:tiny", { device: "cpu", precision: "bf16" });
    assert.equal(reduced.info.precision, "bf16");
    assert.match(reduced.info.arithmetic, /^bf16 products /);
    await using split = await Tokenizer.load("random:1:tiny", { device: "cpu", precision: "bf16x3" });
    assert.match(split.info.arithmetic, /^(three bf16 products .* for each|float32 \(on this CPU faster)/);
  });

  it("changes neither tokens nor speech with the number of threads or a piece's length", async () => {
    await using one = await Tokenizer.load("random:1:tiny", { device: "cpu", precision: "bf16", threads: 1 });
    await using three = await Tokenizer.load("random:1:tiny", { device: "cpu", precision: "bf16", threads: 3 });
    const tokens = await one.encode(audio);
    assert.deepEqual(await three.encode(audio), tokens);
    assert.deepEqual(await three.decode(tokens), await one.decode(tokens));
    const [first] = await three.encode([audio, audio.subarray(0, 1920)]);
    assert.deepEqual(first, tokens);
  });
});
