import assert from "node:assert/strict";
import { Hiding } from "../../../lib/train/asr/hiding.js";

const hide = { stretches: 2, stretch_seconds: 0.1, bands: 1, band_width: 5, tokens: 0.3 };
const hiding = new Hiding({ seed: 1, hide }, 80, 20);

/** Lengths of the runs of zeros. */
const holes = (mask: Float32Array) =>
  mask
    .join("")
    .split(/1+/)
    .filter(Boolean)
    .map((hole) => hole.length);

describe("what is hidden from a recogniser", () => {
  it("are stretches of time and ranges of bands, others for every item, the same for the same item", () => {
    const { frames, bands } = hiding.spectrum(0, 40);
    assert.deepEqual([frames.length, bands.length], [40 * 80, 40 * 20]);
    const items = Array.from({ length: 40 }, (_, i) => frames.slice(i * 80, (i + 1) * 80));
    assert(items.every((mask) => holes(mask).length <= 2 && holes(mask).every((hole) => hole <= 20)));
    assert(new Set(items.map(String)).size > 30);
    for (let i = 0; i < 40; i++) {
      const own = holes(bands.slice(i * 20, (i + 1) * 20));
      assert(own.length <= 1 && own.every((hole) => hole <= 5));
    }
    assert.deepEqual(hiding.spectrum(7, 1).frames, items[7]);
  });

  it("are tokens of the text, never those of the prompt or the end", () => {
    const labels = Int32Array.from({ length: 1000 }, (_, i) => (i % 10 < 8 ? 5 + (i % 7) : -1));
    const tokens = Int32Array.from(labels, (label) => (label < 0 ? 99 : label));
    const seen = hiding.tokens({ tokens, labels, targets: labels }, 3);
    const changed = seen.filter((token, i) => token !== tokens[i]).length;
    assert(changed > 0.15 * 800 && changed < 0.35 * 800, `${changed}`);
    assert(seen.every((token, i) => (tokens[i] === 99 ? token === 99 : token >= 5 && token < 12)));
    assert.deepEqual(hiding.tokens({ tokens, labels, targets: labels }, 3), seen);
  });

  it("is nothing where nothing is asked for", () => {
    const none = { stretches: 0, stretch_seconds: 1, bands: 0, band_width: 5, tokens: 0 };
    const open = new Hiding({ seed: 1, hide: none }, 80, 20);
    assert(open.spectrum(0, 3).frames.every((value) => value === 1));
    const tokens = Int32Array.of(1, 2, 3);
    assert.deepEqual(open.tokens({ tokens, labels: tokens, targets: tokens }, 0), tokens);
  });
});
