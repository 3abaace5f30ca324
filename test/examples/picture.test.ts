import assert from "node:assert/strict";
import { PNG } from "pngjs";
import { codeColour } from "../../examples/picture/colours.js";
import { drawPicture } from "../../examples/picture/picture.js";
import { createTokens } from "../../lib/data/tokens.js";
import { levelColour } from "../../lib/eval/level-colour.js";
import { spectrogramImage } from "../../lib/eval/spectrogram-image.js";

describe("the picture", () => {
  const samples = new Float32Array(4800).map((_, n) => Math.sin(n / 5));
  const sound = { samples, sampleRate: 24000 };
  const tokens = createTokens({
    semantic: [Int32Array.of(1, 2, 300)],
    acoustic: [Int32Array.of(4, 5, 6), Int32Array.of(7, 8, 9)],
    frameRate: 12.5,
    sampleRate: 24000,
    samples: samples.length,
    semanticCodebookSize: 512,
    acousticCodebookSize: 16,
    model: "test",
  });
  const content = { original: sound, tokens, reconstructed: sound, distance: "0 dB" };
  const count = (svg: string, pattern: RegExp) => svg.match(pattern)?.length ?? 0;

  it("has two spectrograms, a cell for every token and labelled axes", () => {
    const svg = drawPicture(content);
    assert.equal(count(svg, /<image [^>]*href="data:image\/png;base64,/g), 2);
    assert.equal(count(svg, /fill="hsl\(/g), 9);
    for (const label of ["semantic", "acoustic 1", "acoustic 2", "250 Hz", "8 kHz", "0 s", "0.2 s", "2"]) {
      assert.ok(svg.includes(`>${label}</text>`), label);
    }
    assert.equal(count(svg, /UNTRAINED/g), 0);
  });

  it("escapes the texts that it is given", () => {
    const svg = drawPicture({ ...content, distance: "<1 dB & less>", warning: 'UNTRAINED "model"' });
    assert.ok(svg.includes("(&#60;1 dB &#38; less&#62;)"));
    assert.ok(svg.includes("UNTRAINED &#34;model&#34;"));
  });

  it("keeps time to the right and frequency upwards in spectrograms", () => {
    const png = spectrogramImage([Float64Array.of(-80, -80), Float64Array.of(-80, 0)], { floor: -80, ceiling: 0 });
    const { width, height, data } = PNG.sync.read(png);
    assert.deepEqual([width, height], [2, 2]);
    const pixels = [0, 1, 2, 3].map((index) => [...data.subarray(4 * index, 4 * index + 3)]);
    assert.deepEqual(pixels, [levelColour(0), levelColour(1), levelColour(0), levelColour(0)]);
  });

  it("has colours that grow brighter with the level and differ between neighbouring codes", () => {
    const brightness = Array.from({ length: 50 }, (_, n) => levelColour(n / 49).reduce((a, b) => a + b, 0));
    assert.deepEqual(
      brightness,
      brightness.toSorted((a, b) => a - b),
    );
    assert.deepEqual([levelColour(-1), levelColour(2)], [levelColour(0), levelColour(1)]);
    const codes = Array.from({ length: 20 }, (_, code) => codeColour(code));
    assert.equal(new Set(codes).size, codes.length);
    assert.equal(codeColour(7), codeColour(7));
  });
});
