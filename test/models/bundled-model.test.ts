import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { evaluate } from "../../lib/eval/evaluate.js";
import { BUNDLED_MODEL } from "../../lib/hub/index.js";
import { loadAudio, Tokenizer } from "../../lib/index.js";
import { packageRoot } from "../../lib/io/package-root.js";

describe("the bundled model", function () {
  this.timeout(60_000);

  it("is trained, small, and gives 12.5 frames of 1 + 7 codes a second", async () => {
    await using tokenizer = await Tokenizer.load(BUNDLED_MODEL, { device: "cpu" });
    const { name, untrained, licence } = tokenizer.info;
    assert.deepEqual([name, untrained, licence], [BUNDLED_MODEL, false, undefined]);
    const tokens = await tokenizer.encode(join(packageRoot(), "examples/speech.wav"));
    assert.deepEqual([tokens.frameRate, tokens.semantic.length, tokens.acoustic.length], [12.5, 1, 7]);
    const { size } = await stat(join(packageRoot(), "bundled-model/model.safetensors"));
    assert(size < 12e6, `${size} bytes`);
  });

  it("gives back what can be made out to be the same speech", async () => {
    await using tokenizer = await Tokenizer.load(BUNDLED_MODEL, { device: "cpu" });
    const audio = await loadAudio(join(packageRoot(), "examples/speech.wav"));
    const { decoded } = await evaluate(tokenizer, [{ audio }]);
    const quality = Object.fromEntries([...decoded].map(([mode, { stoi }]) => [mode, stoi!]));
    assert(quality.full! > 0.75, `STOI ${quality.full}`);
    assert(quality.semantic! > 0.5, `STOI ${quality.semantic}`);
  });
});
