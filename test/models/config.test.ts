import assert from "node:assert/strict";
import { LmsptError } from "../../lib/errors.js";
import { parseConfig, samplesPerFrame } from "../../lib/models/config.js";
import { PUBLIC_CONFIG } from "../../lib/models/presets.js";

/** The public config.json, as it is published. */
const PUBLIC_TEXT = `{"sample_rate": 24000, "encoder_rates": [4,5,6,8,2], "decoder_rates": [2,8,6,5,4], "encoder_dim": 32,
  "latent_dim": 1024, "decoder_dim": 1536, "n_codebooks": 8, "n_semantic_codebooks": 1, "quantizer_dropout": 0.5,
  "semantic_codebook_size": 16384, "acoustic_codebook_size": 4096, "semantic_codebook_dim": 8,
  "acoustic_codebook_dim": 8, "semantic_quantizer": "rvq", "use_shared_encoder": false, "semantic_subtraction": true,
  "is_causal": false, "dilation": [1,3,9], "residual_kernel_size": 7,
  "aux_decoder": {"input_channel": 1024, "channels": 128, "rates": [8,8,5,4], "sample_rate": 16000}}`;

const MINIMAL = { sample_rate: 16000, encoder_rates: [2, 4], decoder_rates: [4, 2] };

function publicFields(): Record<string, unknown> {
  return JSON.parse(PUBLIC_TEXT);
}

function assertRefused(source: unknown, name: string, expected?: string): void {
  assert.throws(
    () => parseConfig(source),
    (error) => {
      assert(error instanceof LmsptError, String(error));
      assert.equal(error.code, "ERR_LMSPT_MODEL");
      assert(error.message.includes(` for ${name} in the model's configuration but received `), error.message);
      if (expected) assert(error.message.startsWith(`Expected ${expected} for `), error.message);
      return true;
    },
  );
}

describe("the configuration of a model", () => {
  it("reads the public config.json", () => {
    const config = parseConfig(publicFields());
    assert.deepEqual(config, {
      ...publicFields(),
      output_sample_rate: 24000,
      semantic_encoder_dim: 32,
      acoustic_encoder_dim: 32,
      semantic_quantizer_kwargs: {},
    });
    assert.deepEqual(config, PUBLIC_CONFIG);
    assert.equal(samplesPerFrame(config), 1920);
  });

  it("fills in what is absent or null", () => {
    const expected = {
      ...MINIMAL,
      output_sample_rate: 16000,
      encoder_dim: 64,
      semantic_encoder_dim: 64,
      acoustic_encoder_dim: 64,
      latent_dim: 256,
      decoder_dim: 1536,
      n_codebooks: 8,
      n_semantic_codebooks: 1,
      quantizer_dropout: 1,
      semantic_codebook_size: 2048,
      acoustic_codebook_size: 2048,
      semantic_codebook_dim: 8,
      acoustic_codebook_dim: 8,
      semantic_quantizer: "rvq",
      semantic_quantizer_kwargs: {},
      use_shared_encoder: false,
      semantic_subtraction: true,
      is_causal: false,
      dilation: [1, 3, 9],
      residual_kernel_size: 7,
      aux_decoder: { input_channel: 256, channels: 1536, rates: [4, 2], sample_rate: 16000 },
    };
    assert.deepEqual(parseConfig(MINIMAL), expected);
    const nulls = Object.fromEntries(Object.keys(expected).map((name) => [name, null]));
    assert.deepEqual(parseConfig({ ...nulls, ...MINIMAL }), expected);
  });

  it("derives widths: latent_dim from encoder_dim, both encoders' from encoder_dim, both codebooks' from one", () => {
    const config = parseConfig({
      ...MINIMAL,
      encoder_dim: 6,
      acoustic_encoder_dim: 10,
      codebook_size: 9,
      codebook_dim: 3,
    });
    assert.equal(config.latent_dim, 24);
    assert.equal(config.semantic_encoder_dim, 6);
    assert.equal(config.acoustic_encoder_dim, 10);
    assert.equal(config.semantic_codebook_size, 9);
    assert.equal(config.acoustic_codebook_size, 9);
    assert.equal(config.semantic_codebook_dim, 3);
    assert.equal(config.acoustic_codebook_dim, 3);
  });

  it("follows an output rate of its own in both decoders", () => {
    const config = parseConfig({ ...MINIMAL, output_sample_rate: 32000, decoder_rates: [4, 4] });
    assert.equal(config.output_sample_rate, 32000);
    assert.equal(config.aux_decoder.sample_rate, 32000);
    assert.deepEqual(config.aux_decoder.rates, [4, 4]);
  });

  it("takes the size of a semantic FSQ from its levels", () => {
    const fsq = { ...MINIMAL, semantic_quantizer: "fsq" };
    const config = parseConfig({ ...fsq, semantic_quantizer_kwargs: { levels: [8, 5, 5] }, semantic_codebook_size: 7 });
    assert.equal(config.semantic_codebook_size, 200);
    assert.deepEqual(config.semantic_quantizer_kwargs, { levels: [8, 5, 5] });
    const refused = (levels: unknown, expected: string) =>
      assertRefused({ ...fsq, semantic_quantizer_kwargs: { levels } }, "semantic_quantizer_kwargs.levels", expected);
    for (const levels of [undefined, null, [], 8, "8,5,5", [8, "5"], [8, 0], [8, -5], [8, 5.5], Array(17).fill(2)]) {
      refused(levels, "a list of 1 to 16 positive integers");
    }
    for (const levels of [[8, 1], [4096, 4097], Array(16).fill(3)]) {
      refused(levels, "levels of at least 2 whose product is at most 2^24");
    }
    assertRefused(fsq, "semantic_quantizer_kwargs.levels");
    assertRefused(
      { ...fsq, semantic_quantizer_kwargs: { levels: [8] }, n_semantic_codebooks: 2 },
      "n_semantic_codebooks",
      "1 with the semantic quantizer fsq",
    );
  });

  it("does not look at levels without FSQ", () => {
    const config = parseConfig({ ...MINIMAL, semantic_quantizer_kwargs: { levels: "none" } });
    assert.deepEqual(config.semantic_quantizer_kwargs, {});
    assert.equal(config.semantic_codebook_size, 2048);
  });

  it("refuses what is not an object", () => {
    for (const source of [undefined, null, 5, "text", true, [MINIMAL]]) assertRefused(source, "config", "an object");
    for (const name of ["aux_decoder", "semantic_quantizer_kwargs"]) {
      for (const value of [5, "text", true, []]) assertRefused({ ...publicFields(), [name]: value }, name, "an object");
    }
  });

  it("refuses a file without the fields that have no default", () => {
    for (const name of Object.keys(MINIMAL)) {
      const { [name as keyof typeof MINIMAL]: _, ...rest } = MINIMAL;
      assertRefused(rest, name);
    }
  });

  const sizes = [
    "sample_rate",
    "output_sample_rate",
    "encoder_dim",
    "semantic_encoder_dim",
    "acoustic_encoder_dim",
    "latent_dim",
    "decoder_dim",
    "n_codebooks",
    "n_semantic_codebooks",
    "codebook_size",
    "codebook_dim",
    "semantic_codebook_size",
    "acoustic_codebook_size",
    "semantic_codebook_dim",
    "acoustic_codebook_dim",
    "residual_kernel_size",
  ];
  const badSizes = [0, -1, 1.5, 2 ** 24 + 1, Number.NaN, Number.POSITIVE_INFINITY, "8", true, [8], {}];
  for (const name of sizes) {
    it(`refuses a bad ${name}`, () => {
      for (const value of badSizes) {
        assertRefused({ ...publicFields(), [name]: value }, name, "an integer from 1 to 2^24");
      }
    });
  }

  for (const name of ["encoder_rates", "decoder_rates", "dilation"]) {
    it(`refuses bad ${name}`, () => {
      for (const value of [[], 4, "4", {}, [4, 0], [4, "5"], [4, 1.5], [4, null], [-4], Array(17).fill(1), [[4]]]) {
        assertRefused({ ...publicFields(), [name]: value }, name, "a list of 1 to 16 positive integers");
      }
    });
  }

  it("refuses bad flags, choices and shares", () => {
    for (const name of ["use_shared_encoder", "semantic_subtraction", "is_causal"]) {
      for (const value of [0, 1, "true", [], {}]) {
        assertRefused({ ...publicFields(), [name]: value }, name, "true or false");
      }
    }
    for (const value of ["RVQ", "", 1, ["rvq"], "__proto__"]) {
      assertRefused({ ...publicFields(), semantic_quantizer: value }, "semantic_quantizer", '"rvq" or "fsq"');
    }
    for (const value of [-0.1, 1.1, Number.NaN, "0.5", true]) {
      assertRefused({ ...publicFields(), quantizer_dropout: value }, "quantizer_dropout", "a number from 0 to 1");
    }
  });

  it("refuses bad fields of the aux decoder by their whole name", () => {
    const refused = (fields: object, name: string) => {
      const { aux_decoder: aux, ...rest } = publicFields();
      assertRefused({ ...rest, aux_decoder: { ...(aux as object), ...fields } }, `aux_decoder.${name}`);
    };
    for (const name of ["input_channel", "channels", "sample_rate"]) {
      for (const value of badSizes) refused({ [name]: value }, name);
    }
    refused({ rates: "8" }, "rates");
    refused({ rates: [8, 8, 5, 5] }, "rates");
    refused({ sample_rate: 24000 }, "rates");
    refused({ channels: 120 }, "channels");
    refused({ input_channel: 512 }, "input_channel");
  });

  it("refuses fields that do not go together", () => {
    const refused = (fields: object, name: string, expected: string) =>
      assertRefused({ ...publicFields(), ...fields }, name, expected);
    const frames = "frames of 1920 samples at 24000 Hz";
    refused({ n_codebooks: 1 }, "n_codebooks", "more than the 1 semantic ones");
    refused({ n_codebooks: 1025 }, "n_codebooks", "at most 1024");
    refused({ n_semantic_codebooks: 8 }, "n_codebooks", "more than the 8 semantic ones");
    refused({ residual_kernel_size: 4 }, "residual_kernel_size", "an odd number");
    refused({ decoder_dim: 1000 }, "decoder_dim", "a multiple of 32, for 5 halvings");
    refused({ decoder_rates: [2, 8, 6, 5, 5] }, "decoder_rates", `a product of 1920 for 24000 Hz and ${frames}`);
    refused({ output_sample_rate: 48000 }, "decoder_rates", `a product of 3840 for 48000 Hz and ${frames}`);
    refused({ output_sample_rate: 16001 }, "decoder_rates", `a product of 1280.08 for 16001 Hz and ${frames}`);
  });

  it("is not deceived by prototypes", () => {
    const text = `{"__proto__": {"is_causal": true, "n_codebooks": 3}, "constructor": 5, ${PUBLIC_TEXT.slice(1)}`;
    assert.deepEqual(parseConfig(JSON.parse(text)), PUBLIC_CONFIG);
    assert.equal(({} as { is_causal?: unknown }).is_causal, undefined);
    const inherited = Object.assign(Object.create({ is_causal: true }), publicFields());
    assert.equal(parseConfig(inherited).is_causal, false);
    assertRefused(JSON.parse(`{"__proto__": ${JSON.stringify(MINIMAL)}}`), "encoder_rates");
  });
});
