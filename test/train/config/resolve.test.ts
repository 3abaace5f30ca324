import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveConfig } from "../../../lib/train/config/index.js";

describe("training configurations", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-config-"));
  });
  after(() => rm(folder, { recursive: true }));

  async function file(text: string): Promise<string> {
    const path = join(folder, "train.yaml");
    await writeFile(path, text);
    return path;
  }

  const refused = (source: Promise<unknown>, message: RegExp) =>
    assert.rejects(source, { code: "ERR_LMSPT_CONFIG", message });

  it("of the preset released are the public recipe", async () => {
    const config = await resolveConfig("released");
    assert.equal(config.model.latent_dim, 1024);
    assert.deepEqual(config.discriminators.periods, [2, 3, 5, 7, 11]);
    assert.deepEqual(config.losses, {
      adversarial: 1,
      feature: 2,
      mel: 15,
      mel_floor: 1e-5,
      distillation: 500,
      acoustic_commitment: 0.25,
      acoustic_codebook: 1,
      semantic_commitment: 0.25,
      semantic_codebook: 1,
    });
    const { rate, final_rate, discriminator_rate, betas, weight_decay, max_norm, warmup_steps } = config.optimizer;
    assert.deepEqual([rate, final_rate, discriminator_rate, betas], [2e-4, 5e-5, 1e-3, [0.8, 0.9]]);
    assert.deepEqual([weight_decay, max_norm, warmup_steps, config.data.seconds], [0.01, 1, 100, 6]);
  });

  it("join preset, file and key=value, the later ones winning field by field", async () => {
    const path = await file("preset: tiny\ndata: corpus\nsteps: 7\noptimizer:\n  rate: 0.5\n");
    const config = await resolveConfig(path, ["steps=9", "data.batch=3", "out=run1"]);
    assert.equal(config.steps, 9);
    assert.deepEqual([config.data.train, config.data.batch, config.data.seconds], [["corpus"], 3, 1]);
    assert.deepEqual([config.optimizer.rate, config.optimizer.warmup_steps], [0.5, 10]);
    assert.deepEqual([config.out, config.model.latent_dim], ["run1", 32]);
  });

  it("take data=FOLDER, numbers, lists and null as YAML has them", async () => {
    const config = await resolveConfig("tiny", [
      "data=corpus",
      "data.valid=[a, b]",
      "optimizer.rate=1e-4",
      "init=null",
    ]);
    assert.deepEqual([config.data.train, config.data.valid], [["corpus"], ["a", "b"]]);
    assert.deepEqual([config.optimizer.rate, config.init, config.data.batch], [1e-4, null, 4]);
  });

  it("are refused with the key, its line and the nearest name", async () => {
    const unknown = await file("preset: tiny\n\noptimizer:\n  rte: 0.5\n");
    await refused(
      resolveConfig(unknown),
      /^optimizer\.rte \(.*train\.yaml:4\): there is no such key; did you mean rate\?$/,
    );
    const wrong = await file("steps: many\ndata:\n  batch: 0\n");
    await refused(
      resolveConfig(wrong),
      /^steps \(.*train\.yaml:1\): .*number.*\ndata\.batch \(.*train\.yaml:3\): .*>=1/,
    );
    await refused(resolveConfig("tiny", ["stesp=3"]), /^stesp \(stesp=3\): .*did you mean steps\?/);
    await refused(resolveConfig("tiny", ["xyzzy=3"]), /^xyzzy \(xyzzy=3\): there is no such key$/);
    await refused(resolveConfig("tiny", ["data.seconds=-1"]), /^data\.seconds \(data\.seconds=-1\): /);
    await refused(
      resolveConfig("tiny", ["teacher.window=half"]),
      /^teacher\.window \(teacher\.window=half\): .*full.*segment/,
    );
  });

  it("are refused where the tokenizer's fields are not right", async () => {
    const misspelt = await file(
      "model:\n  sample_rate: 16000\n  encoder_rates: [4, 4]\n  decoder_rates: [4, 4]\n  latnt_dim: 3\n",
    );
    await refused(resolveConfig(misspelt), /^model\.latnt_dim \(.*train\.yaml:5\): .*did you mean latent_dim\?/);
    const wrong = await file("\nmodel:\n  sample_rate: 16000\n  encoder_rates: [4, 4]\n  decoder_rates: [4, 5]\n");
    await refused(resolveConfig(wrong), /^model \(.*train\.yaml:2\): Expected a product of 16 for 16000 Hz/);
    await refused(resolveConfig("tiny", ["model=tinny"]), /did you mean tiny\?/);
  });

  it("are refused where there is nothing to read", async () => {
    await refused(resolveConfig("tny"), /Expected a preset \(released, tiny\).*got tny; did you mean tiny\?/);
    await refused(
      resolveConfig(await file("preset: huge\n")),
      /^preset \(.*train\.yaml:1\): expected released or tiny, got huge/,
    );
    await refused(resolveConfig(await file("a: [1\n")), /train\.yaml:\d+: /);
    await refused(resolveConfig(await file("- 1\n")), /expected keys with values/);
    await refused(resolveConfig("tiny", ["steps"]), /Expected key=value, for instance steps=200, got steps/);
    await assert.rejects(resolveConfig(join(folder, "none.yaml")), { code: "ERR_LMSPT_IO" });
  });
});
