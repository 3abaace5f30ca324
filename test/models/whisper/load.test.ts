import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors } from "../../../lib/data/safetensors-writer.js";
import { Device } from "../../../lib/graph/device.js";
import { fillRandomly } from "../../../lib/models/initial.js";
import { loadWhisper, parseWhisperConfig, WHISPER_SIZES, Whisper } from "../../../lib/models/whisper/index.js";
import { assertClose, randomFloats } from "../../golden.js";
import { evaluate } from "../../ops/support.js";

const sizes = {
  num_mel_bins: 20,
  d_model: 128,
  max_source_positions: 40,
  encoder_layers: 2,
  encoder_ffn_dim: 96,
  max_target_positions: 12,
  decoder_layers: 1,
  decoder_ffn_dim: 64,
  vocab_size: 30,
};

/** Names of a few tensors in OpenAI's files; the others follow from them. */
const openAi: readonly (readonly [here: RegExp, openAi: string])[] = [
  [/layers\./, "blocks."],
  [/embed_positions\.weight/, "positional_embedding"],
  [/embed_tokens/, "token_embedding"],
  [/self_attn_layer_norm/, "attn_ln"],
  [/encoder_attn_layer_norm/, "cross_attn_ln"],
  [/final_layer_norm/, "mlp_ln"],
  [/encoder_attn\./, "cross_attn."],
  [/self_attn\./, "attn."],
  [/q_proj/, "query"],
  [/k_proj/, "key"],
  [/v_proj/, "value"],
  [/out_proj/, "out"],
  [/fc1/, "mlp.0"],
  [/fc2/, "mlp.2"],
  [/^encoder\.layer_norm/, "encoder.ln_post"],
  [/^decoder\.layer_norm/, "decoder.ln"],
];

describe("loading Whisper", () => {
  let folder: string;
  let whisper: Whisper;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-whisper-"));
    whisper = new Whisper(parseWhisperConfig(sizes));
    await fillRandomly(whisper.parameters, 1);
  });
  after(() => rm(folder, { recursive: true }));

  /** A file of the small model's tensors under other names. */
  async function write(name: string, named: (name: string) => string, keep = (_: string) => true): Promise<string> {
    const path = join(folder, name);
    const tensors = whisper.parameters
      .filter((parameter) => keep(parameter.name))
      .map(({ name, shape, variable }) => {
        const data = variable.read() as Float32Array;
        return [named(name), { dtype: "F32", shape, data }] as const;
      });
    await writeSafetensors(path, tensors);
    return path;
  }

  /** What a model makes of some audio and tokens. */
  async function outcome(model: Whisper): Promise<Float32Array> {
    await using device = Device.open("cpu");
    const inputs = {
      audio: { data: randomFloats(9000, 1), shape: [1, 9000] },
      tokens: { data: Int32Array.of(3, 1, 4, 1, 5), shape: [1, 5] },
    };
    const { y, shape } = await evaluate(device, inputs, ({ audio, tokens }) =>
      model.decoder.forward(tokens, model.encoder.features(audio)),
    );
    assert.deepEqual(shape, [1, 5, 30]);
    return y as Float32Array;
  }

  it("takes Hugging Face's names, with and without model., sizes from the shapes", async () => {
    const expected = await outcome(whisper);
    for (const prefix of ["", "model."]) {
      const loaded = await loadWhisper(await write(`hf${prefix}.safetensors`, (name) => prefix + name));
      assert.deepEqual(loaded.config, whisper.config);
      assert.deepEqual(await outcome(loaded), expected);
    }
  });

  it("takes OpenAI's names", async () => {
    const named = (name: string) => openAi.reduce((text, [here, there]) => text.replace(here, there), name);
    assert.equal(named("decoder.layers.0.encoder_attn.q_proj.bias"), "decoder.blocks.0.cross_attn.query.bias");
    const loaded = await loadWhisper(await write("openai.safetensors", named));
    assert.deepEqual(await outcome(loaded), await outcome(whisper));
  });

  it("takes a folder, and the sizes of its config.json, which the shapes do not tell", async () => {
    const inside = await mkdtemp(join(folder, "m-"));
    const path = await write("model.safetensors", (name) => name);
    await writeFile(join(inside, "config.json"), JSON.stringify({ ...sizes, encoder_attention_heads: 4 }));
    await rename(path, join(inside, "model.safetensors"));
    const loaded = await loadWhisper(inside);
    assert.equal(loaded.config.encoder_attention_heads, 4);
  });

  it("needs no decoder where only the encoder is wanted", async () => {
    const path = await write(
      "encoder.safetensors",
      (name) => name,
      (name) => name.startsWith("encoder."),
    );
    const loaded = await loadWhisper(path, { parts: "encoder" });
    assert(loaded.parameters.every(({ name }) => name.startsWith("encoder.")));
    assert.throws(() => loaded.decoder, { code: "ERR_LMSPT_MODEL", message: /load it with parts: "both"/ });
    await assert.rejects(loadWhisper(path), { code: "ERR_LMSPT_MODEL", message: /missing \(\d+\):\n {4}decoder\./ });
  });

  it("refuses a file of something else", async () => {
    const path = join(folder, "other.safetensors");
    await writeSafetensors(path, [["weight", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]);
    await assert.rejects(loadWhisper(path), { code: "ERR_LMSPT_MODEL", message: /there is no encoder.conv1.weight/ });
  });

  it("a decoder's scores depend on earlier tokens alone", async () => {
    await using device = Device.open("cpu");
    const run = async (tokens: Int32Array) => {
      const inputs = {
        features: { data: randomFloats(40 * 128, 4), shape: [1, 40, 128] },
        tokens: { data: tokens, shape: [1, tokens.length] },
      };
      return (await evaluate(device, inputs, ({ tokens, features }) => whisper.decoder.forward(tokens, features))).y;
    };
    const [a, b] = [await run(Int32Array.of(1, 2, 3, 4)), await run(Int32Array.of(1, 2, 9, 4))];
    assertClose(a.slice(0, 60), b.slice(0, 60), 0);
    assert.notDeepEqual(a.slice(60), b.slice(60));
  });

  it("the published sizes have the published numbers of parameters", () => {
    const millions = (name: string) => {
      const { parameters } = new Whisper(WHISPER_SIZES[name]!);
      return Math.round(parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0) / 1e6);
    };
    assert.deepEqual(["tiny", "base", "small", "large-v3-turbo"].map(millions), [38, 73, 242, 809]);
  });
});
