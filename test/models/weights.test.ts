import assert from "node:assert/strict";
import { cp, mkdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, LmsptError } from "../../lib/errors.js";
import { TINY_CONFIG } from "../../lib/models/presets.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { randomFloats } from "../golden.js";
import { randomModel, SMALL_FIELDS, saveModel, useFolder, weightsOf } from "./small-models.js";

type Weights = ReturnType<typeof weightsOf>;

const AUDIO = randomFloats(1000, 8);

/** What a model makes of some noise, and who it says it is. */
async function behaviour(name: string) {
  const tokenizer = await Tokenizer.load(name, { device: "cpu" });
  const { semantic, acoustic } = await tokenizer.encode(AUDIO);
  const { model, untrained, source, parameters, licence } = tokenizer.info;
  await tokenizer.close();
  return { codes: [...semantic, ...acoustic], model, untrained, source, parameters, licence };
}

async function rejection(name: string): Promise<LmsptError> {
  try {
    await (await Tokenizer.load(name, { device: "cpu" })).close();
  } catch (error) {
    assert(error instanceof LmsptError, String(error));
    return error;
  }
  return assert.fail("the model was accepted");
}

function newerSpelling(weights: Weights): Weights {
  const renamed = (name: string) =>
    name
      .replace(/weight_g$/, "parametrizations.weight.original0")
      .replace(/weight_v$/, "parametrizations.weight.original1");
  return new Map([...weights].map(([name, tensor]) => [renamed(name), tensor]));
}

interface Encoding {
  readonly dtype: string;
  /** Keeps what the type can hold. */
  round(value: Float32Array): Float32Array;
  bytes(values: Float32Array): Uint8Array;
}

const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);
const masked = (values: Float32Array, mask: number) =>
  new Float32Array(Uint32Array.from(bitsOf(values), (bits) => (bits & mask) >>> 0).buffer);
const halves = (values: Float32Array, half: (bits: number) => number) =>
  new Uint8Array(Uint16Array.from(bitsOf(values), half).buffer);

const ENCODINGS: Encoding[] = [
  {
    dtype: "F32",
    round: (values) => values,
    bytes: (values) => new Uint8Array(values.buffer),
  },
  {
    dtype: "BF16",
    round: (values) => masked(values, 0xffff0000),
    bytes: (values) => halves(values, (bits) => bits >>> 16),
  },
  {
    dtype: "F16",
    round: (values) => masked(values, 0xffffe000).map((value) => (Math.abs(value) < 2 ** -14 ? 0 : value)),
    bytes: (values) =>
      halves(values, (bits) => {
        const exponent = (bits >>> 23) & 0xff;
        const magnitude = exponent === 0 ? 0 : ((exponent - 112) << 10) | ((bits >>> 13) & 0x3ff);
        return ((bits >>> 16) & 0x8000) | magnitude;
      }),
  },
  {
    dtype: "F64",
    round: (values) => values,
    bytes: (values) => new Uint8Array(Float64Array.from(values).buffer),
  },
];

/** A safetensors file whose tensors are all of one type and none aligned. */
function encodeWeights(weights: Weights, { dtype, bytes }: Encoding): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let position = 0;
  for (const [name, { shape, data }] of weights) {
    const part = bytes(data);
    header[name] = { dtype, shape, data_offsets: [position, position + part.length] };
    parts.push(part);
    position += part.length;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(text.length + 4 - (text.length % 4) + 1));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}

describe("weights", () => {
  const path = useFolder();
  let small: Weights;
  before(async () => {
    small = weightsOf(await randomModel(SMALL_FIELDS));
  });

  /** A folder with a model of SMALL_FIELDS and these weights. */
  async function save(name: string, weights: Weights, fields: object = SMALL_FIELDS): Promise<string> {
    await mkdir(path(name), { recursive: true });
    await saveModel(await randomModel(fields), path(name), weights);
    return path(name);
  }

  const changed = (change: (weights: Weights) => void): Weights => {
    const copy: Weights = new Map(small);
    change(copy);
    return copy;
  };

  it("written to a folder and loaded again give the same codes", async () => {
    await mkdir(path("tiny"));
    await saveModel(await randomModel(TINY_CONFIG), path("tiny"));
    const loaded = await behaviour(path("tiny"));
    const random = await behaviour("random:1:tiny");
    assert.deepEqual(loaded.codes, random.codes);
    assert.equal(loaded.parameters, random.parameters);
    assert.equal(loaded.untrained, false);
    assert.equal(random.untrained, true);
    assert.equal(loaded.source, path("tiny"));
    assert.equal(loaded.licence, undefined);
    assert.match(loaded.model, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(await behaviour(path("tiny/model.safetensors")), {
      ...loaded,
      source: path("tiny/model.safetensors"),
    });
  });

  it("have one fingerprint in any order and under both spellings of weight norm", async () => {
    const plain = await behaviour(await save("plain", small));
    for (const [name, weights] of [
      ["backwards", new Map([...small].reverse())],
      ["newer", newerSpelling(small)],
      ["newer, backwards", new Map([...newerSpelling(small)].reverse())],
    ] as const) {
      const { codes, model } = await behaviour(await save(name, weights));
      assert.deepEqual(codes, plain.codes);
      assert.equal(model, plain.model);
    }
  });

  it("have another fingerprint once a single value differs", async () => {
    const fingerprints = [await save("same", small)];
    for (const name of ["decoder.model.1.block.1.weight_v", "quantizer.rvq_rest.quantizers.3.codebook.weight"]) {
      const { shape, data } = small.get(name)!;
      const other = data.slice();
      other[other.length >> 1]! += 2 ** -20;
      fingerprints.push(
        await save(
          name,
          changed((weights) => weights.set(name, { shape, data: other })),
        ),
      );
    }
    const models = await Promise.all(fingerprints.map(async (folder) => (await behaviour(folder)).model));
    assert.equal(new Set(models).size, 3);
  });

  it("are refused with both spellings of one tensor", async () => {
    const both = changed((weights) => {
      weights.set("decoder.model.0.parametrizations.weight.original0", weights.get("decoder.model.0.weight_g")!);
    });
    const error = await rejection(await save("both", both));
    assert.equal(error.code, "ERR_LMSPT_MODEL");
    assert.match(error.message, /hold decoder\.model\.0\.weight_g twice/);
  });

  for (const encoding of ENCODINGS) {
    it(`are read from ${encoding.dtype}`, async () => {
      const rounded: Weights = new Map(
        [...small].map(([name, { shape, data }]) => [name, { shape, data: encoding.round(data) }]),
      );
      const folder = await save(encoding.dtype, rounded);
      const expected = await behaviour(folder);
      await writeFile(join(folder, "model.safetensors"), encodeWeights(rounded, encoding));
      assert.deepEqual((await behaviour(folder)).codes, expected.codes);
    });
  }

  it("of a shared encoder are taken with and without a copy for the acoustic one", async () => {
    const fields = { ...SMALL_FIELDS, use_shared_encoder: true };
    const shared = weightsOf(await randomModel(fields));
    const copies = [...shared]
      .filter(([name]) => name.startsWith("semantic_encoder."))
      .map(([name, tensor]) => [name.replace("semantic", "acoustic"), tensor] as const);
    const without = await behaviour(await save("shared", shared, fields));
    const twice = await behaviour(await save("shared twice", new Map([...shared, ...copies]), fields));
    assert.deepEqual(twice.codes, without.codes);
    assert.equal(twice.model, without.model);
    const foreign = new Map([
      ...shared,
      ["acoustic_encoder.block.99.alpha", shared.get("semantic_encoder.block.4.alpha")!],
    ]) as Weights;
    assert.match(
      (await rejection(await save("foreign", foreign, fields))).message,
      /unexpected \(1\):\s+acoustic_encoder\.block\.99\.alpha/,
    );
  });

  it("that do not fit are refused with lists of what is missing, unexpected and misshapen", async () => {
    const wrong = changed((weights) => {
      weights.delete("semantic_encoder.block.0.bias");
      weights.delete("decoder.model.4.alpha");
      weights.set("decoder.model.40.alpha", { shape: [1], data: Float32Array.of(1) });
      weights.set("aux_decoder.model.0.bias", { shape: [2, 4], data: new Float32Array(8) });
    });
    const folder = await save("wrong", wrong);
    const error = await rejection(folder);
    assert.equal(error.code, "ERR_LMSPT_MODEL");
    assert.deepEqual(error.message.split("\n"), [
      `The weights in ${join(folder, "model.safetensors")} do not fit the model's configuration; check that config.json belongs to them`,
      "  missing (2):",
      "    semantic_encoder.block.0.bias",
      "    decoder.model.4.alpha",
      "  unexpected (1):",
      "    decoder.model.40.alpha",
      "  misshapen (1):",
      "    aux_decoder.model.0.bias: expected [8], got [2, 4]",
    ]);
  });

  it("that are not floating point numbers are refused", async () => {
    const folder = await save("integers", small);
    const integers = {
      dtype: "I32",
      bytes: (data: Float32Array) => new Uint8Array(data.buffer),
      round: () => new Float32Array(),
    };
    await writeFile(join(folder, "model.safetensors"), encodeWeights(small, integers));
    const error = await rejection(folder);
    assert.match(error.message, new RegExp(`misshapen \\(${small.size}\\):`));
    assert.match(error.message, /semantic_encoder\.block\.0\.bias: expected floating point numbers, got I32/);
    assert.match(error.message, new RegExp(`and ${small.size - 8} more`));
  });

  it("in a damaged file are refused with the place of the damage", async () => {
    const folder = await save("damaged", small);
    const file = join(folder, "model.safetensors");
    const { length } = await readFile(file);
    for (const size of [length - 1, length >> 1, 100, 7, 0]) {
      await truncate(file, size);
      const error = await rejection(folder);
      assert(error instanceof FormatError, `${size} bytes: ${error.message}`);
      assert(typeof error.offset === "number");
    }
  });

  it("without a usable config.json are refused", async () => {
    const folder = await save("no config", small);
    const config = join(folder, "config.json");
    await writeFile(config, '{"sample_rate": 16000,');
    assert.match((await rejection(folder)).message, /config\.json is not valid JSON/);
    await writeFile(config, '{"sample_rate": "16000"}');
    const error = await rejection(folder);
    assert.equal(error.code, "ERR_LMSPT_MODEL");
    assert(error.message.startsWith(`${config}: Expected`), error.message);
    await rm(config);
    assert.match((await rejection(folder)).message, /Expected a config\.json beside/);
  });

  describe("of the preset 12.5hz-24k", () => {
    const previous = process.env.LMSPT_MODELS;
    before(() => {
      process.env.LMSPT_MODELS = path("presets");
    });
    after(() => {
      if (previous === undefined) delete process.env.LMSPT_MODELS;
      else process.env.LMSPT_MODELS = previous;
    });

    it("are found in the models' folder under the published name, with the configuration beside them", async () => {
      const folder = await save("public", small);
      const place = path("presets/12.5hz-24k");
      await cp(folder, place, { recursive: true });
      await rename(join(place, "model.safetensors"), join(place, "lmspt_12d5hz_16384_4096.safetensors"));
      const { licence, source, codes, model } = await behaviour("12.5hz-24k");
      assert.equal(licence?.id, "CC-BY-NC-4.0");
      assert.equal(source, place);
      const expected = await behaviour(folder);
      assert.deepEqual(codes, expected.codes);
      assert.equal(model, expected.model);
    });

    it("are held against the public configuration where none lies beside them", async () => {
      await rm(path("presets/12.5hz-24k/config.json"));
      const error = await rejection("12.5hz-24k");
      assert.equal(error.code, "ERR_LMSPT_MODEL");
      assert.match(error.message, /semantic_encoder\.block\.0\.weight_v: expected \[32, 1, 7\], got \[4, 1, 7\]/);
    });
  });
});
