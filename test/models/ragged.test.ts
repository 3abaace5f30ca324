/** Items of different lengths in one plan: codes and samples of each are those of it alone. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Device } from "../../lib/graph/device.js";
import { ModelStages } from "../../lib/models/model-stages.js";
import { RaggedBatch } from "../../lib/models/ragged-batch.js";
import { randomFloats } from "../golden.js";
import { NARROW_FIELDS, randomModel, SMALL_FIELDS } from "./small-models.js";

const MODELS: Readonly<Record<string, object>> = {
  "two encoders and odd rates": SMALL_FIELDS,
  "odd rates one after the other": {
    ...SMALL_FIELDS,
    encoder_rates: [2, 5, 3],
    decoder_rates: [3, 5, 2],
    aux_decoder: { channels: 8, rates: [5, 3], sample_rate: 8000 },
  },
  "the public rates": NARROW_FIELDS,
  "causal layers": { ...SMALL_FIELDS, is_causal: true },
};

describe("a batch of items of different lengths", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 32 });

  it("gives every item its place, and room in few sizes", () => {
    const rooms = new Set<number>();
    fc.assert(
      fc.property(lengths, (lengths) => {
        const batch = new RaggedBatch(lengths);
        const total = lengths.reduce((sum, length) => sum + length);
        assert(batch.frames >= total && batch.frames <= Math.max(8 * Math.ceil(total / 8), 1.25 * total));
        const items = lengths.map((length, i) => randomFloats(3 * length, i));
        const joined = batch.join(items, 3, Float32Array);
        assert.equal(joined.length, 3 * batch.frames);
        assert.deepEqual(batch.split(joined), items);
        rooms.add(batch.frames);
      }),
    );
    assert(rooms.size <= 32);
  });

  let device: Device;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device.close());

  for (const [name, fields] of Object.entries(MODELS)) {
    it(`has the codes and samples of each alone with ${name}`, async () => {
      const model = await randomModel(fields);
      const stages = new ModelStages(model, device, "fp32");
      const { n_codebooks } = model.config;
      const frames = [5, 1, 12, 2];
      const batch = new RaggedBatch(frames);
      const perFrame = model.config.encoder_rates.reduce((product, rate) => product * rate);
      const audio = frames.map((count, i) => randomFloats(count * perFrame, i));
      const codes = batch.split(
        await stages.encodingRagged()(batch.join(audio, perFrame, Float32Array), batch.frames, batch.ends),
      ) as Int32Array[];
      for (const [i, own] of codes.entries()) {
        assert.deepEqual(own, await stages.encodingAtOnce()(audio[i]!, frames[i]!, 1), `codes of item ${i}`);
      }
      for (const decoder of ["main", "aux"] as const) {
        const selection = { decoder, semantic: 1, acoustic: decoder === "aux" ? 0 : n_codebooks - 1 };
        const joined = batch.join(codes, n_codebooks, Int32Array);
        const speech = batch.split(await stages.decodingRagged(selection)(joined, batch.frames, batch.ends));
        const { missingSamples } = decoder === "aux" ? model.auxDecoder : model.decoder;
        for (const [i, own] of speech.entries()) {
          const alone = await stages.decodingAtOnce(selection)(codes[i]!, frames[i]!, 1);
          assert.equal(alone.length, own.length - missingSamples);
          assert.deepEqual(own.subarray(0, alone.length), alone, `${decoder} samples of item ${i}`);
        }
      }
      stages.close();
    });
  }
});
