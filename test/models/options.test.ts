import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { randomFloats } from "../golden.js";
import { randomModel, SMALL_FIELDS, saveModel, useFolder } from "./small-models.js";

const FSQ = { semantic_quantizer: "fsq", semantic_quantizer_kwargs: { levels: [8, 5, 5] } };

const OPTIONS: Record<string, object> = {
  "the small model as it is": {},
  "a shared encoder": { use_shared_encoder: true },
  "no subtraction": { semantic_subtraction: false },
  "a shared encoder without subtraction": { use_shared_encoder: true, semantic_subtraction: false },
  causal: { is_causal: true },
  "causal with a shared encoder": { is_causal: true, use_shared_encoder: true },
  "a semantic FSQ": FSQ,
  "a semantic FSQ, causal, without subtraction": { ...FSQ, is_causal: true, semantic_subtraction: false },
  "two semantic codebooks": { n_semantic_codebooks: 2 },
  "two codebooks": { n_codebooks: 2 },
  "sixteen codebooks, three semantic": { n_codebooks: 16, n_semantic_codebooks: 3 },
  "odd codebook sizes and dimensions": {
    semantic_codebook_size: 77,
    acoustic_codebook_size: 3,
    semantic_codebook_dim: 5,
    acoustic_codebook_dim: 1,
  },
  "other widths": { encoder_dim: 3, latent_dim: 10, decoder_dim: 24, aux_decoder: { rates: [12], channels: 6 } },
  "encoders of different widths": { semantic_encoder_dim: 2, acoustic_encoder_dim: 6 },
  "a wide aux decoder at the input's rate": { aux_decoder: { rates: [4, 3], channels: 32 } },
  "other strides": { encoder_rates: [5, 7], decoder_rates: [7, 5], aux_decoder: { rates: [35], sample_rate: 16000 } },
  "a single level": { encoder_rates: [6], decoder_rates: [6], aux_decoder: { rates: [3], sample_rate: 8000 } },
  "an output rate above the input's": { output_sample_rate: 24000, decoder_rates: [3, 3, 2] },
  "an output rate below the input's": { output_sample_rate: 8000, decoder_rates: [6] },
  "two dilations": { dilation: [1, 2] },
  "one dilation": { dilation: [3] },
  "residual kernels of 3": { residual_kernel_size: 3 },
  "residual kernels of 3, two dilations, causal": { residual_kernel_size: 3, dilation: [1, 2], is_causal: true },
};

describe("every option of the configuration encodes and decodes", () => {
  const path = useFolder();

  async function load(name: string, fields: object): Promise<Tokenizer> {
    const folder = path(name.replace(/\W+/g, "-"));
    await mkdir(folder, { recursive: true });
    await saveModel(await randomModel({ ...SMALL_FIELDS, ...fields }), folder);
    return Tokenizer.load(folder, { device: "cpu" });
  }

  for (const [name, fields] of Object.entries(OPTIONS)) {
    it(name, async () => {
      const tokenizer = await load(name, fields);
      const { config, samplesPerFrame } = tokenizer;
      for (const length of [0, 1, samplesPerFrame, 10 * samplesPerFrame + 1]) {
        const tokens = await tokenizer.encode(randomFloats(length, 3));
        const frames = Math.ceil(length / samplesPerFrame);
        assert.equal(tokens.frames, frames);
        assert.equal(tokens.samples, length);
        assert.equal(tokens.semantic.length, config.n_semantic_codebooks);
        assert.equal(tokens.acoustic.length, config.n_codebooks - config.n_semantic_codebooks);
        for (const kind of ["semantic", "acoustic"] as const) {
          for (const codes of tokens[kind]) {
            assert.equal(codes.length, frames);
            assert(codes.every((code) => code >= 0 && code < config[`${kind}_codebook_size`]));
          }
        }
        for (const mode of ["full", "semantic", "acoustic", "aux"] as const) {
          const rate = mode === "aux" ? config.aux_decoder.sample_rate : config.output_sample_rate;
          const speech = await tokenizer.decode(tokens, { mode });
          assert.equal(speech.sampleRate, rate);
          assert.equal(speech.samples.length, Math.floor((length * rate) / config.sample_rate));
          assert(speech.samples.every((sample) => Math.abs(sample) <= 1));
          assert(length <= samplesPerFrame || speech.samples.some((sample) => sample !== 0), `${mode} is silent`);
        }
        for (let codebooks = 1; codebooks <= config.n_codebooks; codebooks++) {
          const speech = await tokenizer.decode(tokens, { codebooks });
          assert.equal(speech.samples.length, Math.floor((length * config.output_sample_rate) / config.sample_rate));
        }
      }
      await tokenizer.close();
    });
  }

  it("subtraction matters for the acoustic codes alone", async () => {
    const audio = randomFloats(1200, 5);
    const encoded = [];
    for (const subtraction of [true, false]) {
      const tokenizer = await load(`subtraction ${subtraction}`, { semantic_subtraction: subtraction });
      encoded.push(await tokenizer.encode(audio));
      await tokenizer.close();
    }
    assert.deepEqual(encoded[0]!.semantic, encoded[1]!.semantic);
    assert.notDeepEqual(encoded[0]!.acoustic, encoded[1]!.acoustic);
  });

  it("a causal model's codes and speech do not depend on the future", async () => {
    const tokenizer = await load("future", { is_causal: true, dilation: [1, 2] });
    const audio = randomFloats(40 * tokenizer.samplesPerFrame, 6);
    const tokens = await tokenizer.encode(audio);
    const changed = audio.slice();
    changed.fill(0.5, 20 * tokenizer.samplesPerFrame);
    const other = await tokenizer.encode(changed);
    const beginning = (codes: readonly Int32Array[]) => codes.map((row) => row.slice(0, 20));
    for (const kind of ["semantic", "acoustic"] as const) {
      assert.deepEqual(beginning(other[kind]), beginning(tokens[kind]));
      assert.notDeepEqual(other[kind], tokens[kind]);
    }
    const [speech, otherSpeech] = await tokenizer.decode([tokens, other]);
    const length = 20 * tokenizer.samplesPerFrame;
    assert.deepEqual(otherSpeech!.samples.subarray(0, length), speech!.samples.subarray(0, length));
    assert.notDeepEqual(otherSpeech!.samples, speech!.samples);
    await tokenizer.close();
  });

  it("layers have the names of the published weights", async () => {
    const names = async (fields: object) =>
      (await randomModel({ ...SMALL_FIELDS, ...fields })).parameters.map(({ name }) => name);
    const plain = await names({});
    for (const name of [
      "semantic_encoder.block.0.weight_g",
      "acoustic_encoder.block.3.block.4.weight_v",
      "acoustic_encoder.block.1.block.2.block.3.bias",
      "acoustic_encoder.block.4.alpha",
      "decoder.model.1.block.1.weight_v",
      "decoder.model.3.block.4.block.1.weight_g",
      "aux_decoder.model.4.bias",
      "quantizer.rvq_first.quantizers.0.codebook.weight",
      "quantizer.rvq_rest.quantizers.6.in_proj.weight_g",
      "quantizer.semantic_vocab_usage",
      "quantizer.acoustic_vocab_usage",
    ]) {
      assert(plain.includes(name), `${name} is missing`);
    }
    assert.equal(new Set(plain).size, plain.length);
    assert(!(await names({ use_shared_encoder: true })).some((name) => name.startsWith("acoustic_encoder")));
    const causal = await names({ is_causal: true });
    assert(causal.includes("semantic_encoder.block.0.conv.weight_g"));
    assert(causal.includes("decoder.model.1.block.1.conv.weight_v"));
    assert(causal.includes("aux_decoder.model.0.weight_g"), "the aux decoder is never causal");
    const fsq = await names(FSQ);
    assert(fsq.includes("quantizer.rvq_first.in_proj.weight_g"));
    assert(!fsq.some((name) => name.startsWith("quantizer.rvq_first.quantizers")));
  });
});
