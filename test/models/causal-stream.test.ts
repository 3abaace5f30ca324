import assert from "node:assert/strict";
import fc from "fast-check";
import type { Device } from "../../lib/graph/device.js";
import { CausalPlans } from "../../lib/models/causal-plans.js";
import { CausalDecoder, CausalEncoder } from "../../lib/models/causal-stream.js";
import { samplesPerFrame } from "../../lib/models/config.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { randomFloats } from "../golden.js";
import { onEveryVariant } from "../ops/support.js";
import { causalModel, decodePieces, decodeWhole, encodePieces, encodeWhole, everything } from "./causal-support.js";
import { goldenModel } from "./golden-model.js";
import { SMALL_FIELDS } from "./small-models.js";

const FSQ = { semantic_quantizer: "fsq", semantic_quantizer_kwargs: { levels: [8, 5, 5] } };
const CONFIGURATIONS: Record<string, object> = {
  "the small model": {},
  "a shared encoder without subtraction": { use_shared_encoder: true, semantic_subtraction: false },
  "a semantic FSQ": FSQ,
  "sixteen codebooks, three semantic": { n_codebooks: 16, n_semantic_codebooks: 3 },
  "encoders of different widths": { semantic_encoder_dim: 2, acoustic_encoder_dim: 7, latent_dim: 10, decoder_dim: 24 },
  "odd and single strides": { encoder_rates: [3, 1, 5], decoder_rates: [5, 1, 3], aux_decoder: { rates: [15] } },
  "a single level": { encoder_rates: [6], decoder_rates: [6], aux_decoder: { rates: [6] } },
  "an output rate above the input's": { output_sample_rate: 24000, decoder_rates: [3, 3, 2] },
  "dilations far beyond a step": { dilation: [1, 9, 17], residual_kernel_size: 5 },
  "residual kernels of 1": { dilation: [1, 1], residual_kernel_size: 1 },
};

/** Any small model. */
const anyFields = fc
  .record({
    rates: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
    width: fc.integer({ min: 1, max: 5 }),
    latent: fc.integer({ min: 1, max: 20 }),
    dilation: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }),
    kernel: fc.constantFrom(1, 3, 5, 7, 9),
    shared: fc.boolean(),
    subtraction: fc.boolean(),
    fsq: fc.boolean(),
  })
  .map(({ rates, width, latent, dilation, kernel, shared, subtraction, fsq }) => ({
    encoder_rates: rates,
    decoder_rates: [...rates].reverse(),
    encoder_dim: width,
    latent_dim: latent,
    decoder_dim: width * 2 ** rates.length,
    dilation,
    residual_kernel_size: kernel,
    use_shared_encoder: shared,
    semantic_subtraction: subtraction,
    ...(fsq ? FSQ : {}),
    aux_decoder: { channels: 2 ** rates.length, rates, sample_rate: SMALL_FIELDS.sample_rate },
  }));

const frames = fc.integer({ min: 1, max: 5 });
const cuts = fc.array(frames, { minLength: 1, maxLength: 8 });

/** Streams of a model, cut in all ways, against the same in one piece. */
async function checkCuts(device: Device, model: LmSpt, numRuns: number): Promise<void> {
  const hop = samplesPerFrame(model.config);
  const { n_codebooks: count } = model.config;
  const plans = new CausalPlans(model, device);
  const samples = randomFloats(23 * hop, 5);
  const codes = await encodeWhole(device, model, samples);
  const speech = await decodeWhole(device, model, codes, everything(model));
  assert(new Set(codes).size > 2 && new Set(speech).size > 10, "the model says nothing");
  const encoder = new CausalEncoder(plans);
  const decoder = new CausalDecoder(plans, everything(model));
  await fc.assert(
    fc.asyncProperty(cuts, async (lengths) => {
      await Promise.all([encoder.reset(), decoder.reset()]);
      const inSamples = lengths.map((length) => length * hop);
      assert.deepEqual(await encodePieces(encoder, samples, inSamples), codes);
      assert.deepEqual(await decodePieces(decoder, codes, count, lengths), speech);
    }),
    { numRuns },
  );
  await plans.close();
}

describe("streams through a causal model", () => {
  onEveryVariant((device) => {
    it("give the reference model's codes and samples of the whole, bit for bit, however they are cut", async () => {
      const { golden, model } = await goldenModel("tiny_causal");
      await checkCuts(device(), model, 10);
      const { samples, codes } = { samples: golden.floats("x"), codes: golden.integers("codes") };
      const [count, batch, length] = golden.shape("codes") as [number, number, number];
      const stream = new CausalEncoder(new CausalPlans(model, device()));
      const encoded = await encodePieces(stream, samples.subarray(0, samples.length / batch), [1]);
      const first = Array.from({ length }, (_, i) =>
        Array.from({ length: count }, (_, k) => codes[k * batch * length + i]!),
      );
      assert.deepEqual(encoded, Int32Array.from(first.flat()));
    });

    it("equal the whole, bit for bit, whatever the configuration", async () => {
      const seeds = fc.integer({ min: 0, max: 1000 });
      await fc.assert(
        fc.asyncProperty(anyFields, seeds, async (fields, seed) => {
          await checkCuts(device(), await causalModel(fields, seed), 2);
        }),
        { numRuns: 10 },
      );
    });

    for (const [name, fields] of Object.entries(CONFIGURATIONS)) {
      it(`equal the whole, bit for bit, with ${name}`, async () => {
        await checkCuts(device(), await causalModel(fields), 5);
      });
    }
  });
});
