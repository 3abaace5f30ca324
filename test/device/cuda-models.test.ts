/** Whole models on CUDA: codes, speech and training steps are the CPU's. */
import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import type { Precision } from "../../lib/graph/precision.js";
import { Batcher } from "../../lib/models/batcher.js";
import { parseConfig } from "../../lib/models/config.js";
import { Discriminators, PUBLIC_DISCRIMINATORS } from "../../lib/models/discriminators/index.js";
import { ModelEngine } from "../../lib/models/engine.js";
import { fillRandomly } from "../../lib/models/initial.js";
import { LmSpt } from "../../lib/models/lmspt.js";
import { loadModel } from "../../lib/models/load.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { WHISPER_SIZES, Whisper } from "../../lib/models/whisper/index.js";
import { PUBLIC_MEL_SCALES } from "../../lib/train/losses/index.js";
import { makeOptimizers, makeRecipe, type StepResult, TrainingStep } from "../../lib/train/step/index.js";
import { assertClose, randomFloats } from "../golden.js";
import { randomModel, SMALL_FIELDS } from "../models/small-models.js";
import { emulation, isEmulated, openCuda, testedLibrary, withEnvironment } from "./cuda-device.js";

describe("models on CUDA", function () {
  this.timeout(300_000);

  const onCuda = <Result>(work: () => Promise<Result>) => withEnvironment({ LMSPT_CUDA_LIBRARY: testedLibrary }, work);

  const load = (device: "cpu" | "cuda", precision: Precision) =>
    onCuda(() => Tokenizer.load("random:1:tiny", { device, precision }));

  it("a tokenizer gives the CPU's codes and speech", async () => {
    const audio = randomFloats(9000, 1).map((value, i) => 0.1 * value + 0.3 * Math.sin(i / 20));
    await using cpu = await load("cpu", "fp32");
    const codes = await cpu.encode(audio);
    const { samples } = await cpu.decode(codes);
    for (const [precision, tolerance] of [
      ["fp32", 1e-5],
      ["bf16x3", 1e-4],
      ["tf32", 1e-2],
      ["bf16", 1e-1],
    ] as const) {
      await using cuda = await load("cuda", precision);
      if (tolerance <= 1e-4) assert.deepEqual(await cuda.encode(audio), codes, precision);
      assertClose((await cuda.decode(codes)).samples, samples, tolerance, precision);
    }
  });

  it("one plan for what is short gives the bits of one for each stage", async () => {
    const { model } = await loadModel("random:1:tiny");
    const audio = randomFloats(4000, 1).map((value, i) => 0.1 * value + 0.3 * Math.sin(i / 20));
    const selection = { decoder: "main", semantic: 1, acoustic: model.config.n_codebooks - 1 } as const;
    await using device = openCuda();
    for (const precision of ["fp32", "bf16"] as const) {
      const engine = new ModelEngine(model, device, precision);
      const whole = await engine.encode(audio, {});
      const encoder = engine.encoder();
      const pieces = [await encoder.push(audio), await encoder.finish()];
      for (const [k, codes] of whole.entries()) {
        assert.deepEqual(
          [...codes],
          pieces.flatMap((piece) => [...piece[k]!]),
          `${precision}, codebook ${k}`,
        );
      }
      const length = engine.outputSamplesPerFrame(selection) * whole[0]!.length;
      const speech = await engine.decode(whole, length, selection, {});
      const decoder = engine.decoder(selection);
      const parts = [...(await decoder.push(whole)), ...(await decoder.finish())];
      assert(parts.length > 0.9 * length);
      assert.deepEqual([...speech.subarray(0, parts.length)], parts, precision);
      engine.close();
    }
  });

  it("clips of different lengths go through one plan, with the codes and the speech of each alone", async () => {
    const clips = [1500, 7000, 1, 3840, 2500].map((length, i) => randomFloats(length, i));
    const modes = ["full", "aux"] as const;
    for (const precision of ["fp32", "bf16"] as const) {
      await using apart = await withEnvironment({ LMSPT_RAGGED: "0" }, () => load("cuda", precision));
      await using mixed = await load("cuda", precision);
      assert.equal(apart.mixedFrames, 0);
      const batches: number[] = [];
      const batcher = new Batcher(mixed, {
        onBatch: (items) => batches.push(items),
        waitMs: 60_000,
        maxBatch: clips.length,
      });
      const tokens = await Promise.all(clips.map((clip) => batcher.encode(clip)));
      assert.deepEqual(batches, [clips.length]);
      for (const [i, clip] of clips.entries()) {
        assert.deepEqual(tokens[i], await apart.encode(clip), `${precision}: codes of clip ${i}`);
        assert.deepEqual(await mixed.encode(clip), tokens[i], `${precision}: codes of clip ${i} in a plan for one`);
      }
      for (const mode of modes) {
        const speech = await mixed.decode(tokens, { mode });
        for (const [i, own] of tokens.entries()) {
          assert.deepEqual(speech[i], await apart.decode(own, { mode }), `${precision}, ${mode}: speech of clip ${i}`);
        }
      }
    }
  });

  it("clips for which there is not enough memory together go through plans in smaller parts", async function () {
    if (!isEmulated) this.skip(); // only the emulation can be given little memory
    const model = await randomModel(SMALL_FIELDS);
    const frames = [100, 90, 120, 80];
    const clips = frames.map((count, i) => randomFloats(count * 12, i));
    const bytes = () => emulation().counts().bytesOfDevices[1]!;
    await using device = openCuda(1);
    const plenty = new ModelEngine(model, device);
    await plenty.encodeTogether(clips.slice(2, 3));
    const forOne = bytes();
    const codes = await plenty.encodeTogether(clips);
    const forAll = bytes() - forOne;
    plenty.close();
    try {
      emulation().setMemory(1, forOne + Math.floor(forAll / 2));
      const scarce = new ModelEngine(model, device);
      assert.deepEqual(await scarce.encodeTogether(clips), codes);
      assert(bytes() <= forOne + forAll / 2);
      scarce.close();
    } finally {
      emulation().setMemory(1, 2 ** 32);
    }
  });

  it("two training steps, with a teacher, are those of the CPU", async () => {
    const samples = 1920;
    const fields = { ...SMALL_FIELDS, aux_decoder: { channels: 8, rates: [2, 3, 2], sample_rate: 16000 } };
    const rate = 2e-4;
    const audio = randomFloats(2 * samples, 3).map((value, i) => 0.2 * value + 0.3 * Math.sin(i / 10));
    const train = async (device: Device) => {
      const model = new LmSpt(parseConfig(fields));
      await fillRandomly(model.parameters, 1, { trainable: true });
      const discriminators = new Discriminators({
        ...PUBLIC_DISCRIMINATORS,
        periods: [3],
        fft_sizes: [128],
        period_channels: [4, 8, 17, 20, 20],
        resolution_channels: 4,
      });
      await fillRandomly(discriminators.parameters, 2, { trainable: true });
      const whisper = new Whisper(WHISPER_SIZES.mini!, "encoder");
      await fillRandomly(whisper.parameters, 3);
      const teacher = { encoder: whisper.encoder, window: "segment", distance: "mse" } as const;
      const recipe = makeRecipe({ model, discriminators, teacher, melScales: PUBLIC_MEL_SCALES.slice(0, 2) });
      const step = await TrainingStep.compile(device, recipe, makeOptimizers(recipe), { batch: 2, samples });
      const results: StepResult[] = [];
      for (const made of [1, 2]) {
        const pace = { generator: rate, discriminator: rate, generatorStep: made, discriminatorStep: made };
        results.push(await step.run([{ audio, teacherAudio: audio, codebooks: new Float32Array(2).fill(7) }], pace));
      }
      const variables = model.parameters.map(({ variable }) => variable);
      return { results, values: await device.read(variables) };
    };
    await using cpu = Device.open("cpu");
    await using cuda = openCuda();
    const [expected, actual] = [await train(cpu), await train(cuda)];
    for (const [i, { losses, norms }] of actual.results.entries()) {
      const wanted = expected.results[i]!;
      for (const [name, value] of Object.entries(losses)) {
        if (value !== undefined) assertClose([value], [wanted.losses[name as "mel"]!], 1e-4, `step ${i + 1}: ${name}`);
      }
      // Logarithms of faint bands enlarge rounding.
      assertClose([norms.generator], [wanted.norms.generator], 2e-3, `step ${i + 1}: norm of the gradient`);
    }
    const differences = actual.values.flatMap((values, i) =>
      Array.from(values, (value, k) => Math.abs(value - expected.values[i]![k]!)),
    );
    // Where a gradient is all rounding, so is the sign of the two steps.
    assert(Math.max(...differences) <= 4 * rate);
    assert(differences.reduce((sum, value) => sum + value, 0) / differences.length <= 0.02 * rate);
  });
});
