import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import {
  abs,
  add,
  affine,
  clamp,
  type FrameTables,
  linear,
  log,
  mean,
  melDistance,
  spectra,
  sqrt,
  square,
  sub,
  sum,
} from "../../lib/graph/ops/index.js";
import { melBands, melFilters } from "../../lib/nn/mel.js";
import { frameTables } from "../../lib/nn/stft.js";
import { randomFloats } from "../golden.js";
import { worstError } from "./oracles.js";
import { evaluate, onEveryVariant, randomTensor } from "./support.js";

/** Cosine and sine of k n turns of which `size` make a whole one. */
const wave = (k: number, n: number, size: number) => {
  const angle = (2 * Math.PI * ((k * n) % size)) / size;
  return [Math.cos(angle), -Math.sin(angle)] as const;
};

const hann = (size: number) =>
  Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));

/** Calls `visit` for every frame, bin and sample with the real and imaginary weight of the sample. */
function eachTerm(
  size: number,
  hop: number,
  length: number,
  visit: (at: number, n: number, re: number, im: number) => void,
) {
  const window = hann(size);
  const bins = size / 2 + 1;
  const frames = Math.floor((length - size) / hop) + 1;
  for (let frame = 0; frame < frames; frame++) {
    for (let k = 0; k < bins; k++) {
      for (let n = 0; n < size; n++) {
        const [re, im] = wave(k, n, size);
        visit((frame * bins + k) * 2, frame * hop + n, window[n]! * re, window[n]! * im);
      }
    }
  }
  return frames * bins * 2;
}

/** The mean of |A - B| + |decades(A) - decades(B)| by plain ops. */
function composedDistance(a: Value, b: Value, size: number, hop: number, filters: Float32Array, floor: number): Value {
  const { graph } = a;
  const bank = graph.constant(filters, [filters.length / (size / 2 + 1), size / 2 + 1]);
  const [x, y] = [a, b].map((audio) => {
    const power = sum(square(spectra(audio, frameTables(graph, size), hop)), { axes: [3] });
    return linear(sqrt(clamp(power, 1e-20)), bank, undefined, { exact: true });
  }) as [Value, Value];
  const decades = (value: Value) => affine(log(clamp(value, floor)), 2 / Math.LN10);
  return add(mean(abs(sub(x, y))), mean(abs(sub(decades(x), decades(y)))));
}

describe("spectrum", () => {
  onEveryVariant((device) => {
    for (const [size, hop, length] of [
      [16, 4, 16],
      [32, 5, 99],
      [64, 64, 200],
      [128, 32, 900],
      [256, 300, 1000],
      [2048, 512, 3000],
    ] as const) {
      it(`spectra of frames of ${size} are sums of windowed waves, gradient too`, async () => {
        const x = randomTensor([2, length], 1);
        const tables = (graph: Graph) => frameTables(graph, size);
        const count = eachTerm(size, hop, length, () => {});
        const gy = randomFloats(2 * count, 2);
        const { y, shape, gradients } = await evaluate(
          device(),
          { x },
          ({ x }, graph) => spectra(x, tables(graph), hop),
          gy,
        );
        assert.deepEqual(shape, [2, count / (size + 2), size / 2 + 1, 2]);
        for (const item of [0, 1]) {
          const [expected, gx] = [new Float64Array(count), new Float64Array(length)];
          eachTerm(size, hop, length, (at, n, re, im) => {
            const [sample, g] = [x.data[item * length + n]!, item * count + at];
            expected[at]! += re * sample;
            expected[at + 1]! += im * sample;
            gx[n]! += re * gy[g]! + im * gy[g + 1]!;
          });
          // Errors are relative to the root of what is summed.
          const scale = Math.sqrt(size);
          assert(worstError(y.slice(item * count, (item + 1) * count), expected, scale) <= 3e-7, "forward");
          assert(worstError(gradients.x.slice(item * length, (item + 1) * length), gx, scale) <= 6e-7, "gradient");
        }
      });
    }

    it("a frame has the same bits wherever it lies and whatever is beside it", async () => {
      const [size, hop, frames] = [64, 16, 40];
      const x = randomFloats(size + (frames - 1) * hop, 3);
      const of = async (data: Float32Array) =>
        (
          await evaluate(device(), { x: { data, shape: [1, data.length] } }, ({ x }, graph) =>
            spectra(x, frameTables(graph, size), hop),
          )
        ).y;
      const whole = await of(x);
      for (const frame of [0, 1, 17, 39]) {
        const part = await of(x.slice(frame * hop, frame * hop + size));
        assert.deepEqual(part, whole.slice(frame * (size + 2), (frame + 1) * (size + 2)));
      }
    });

    for (const [size, hop, bands, length] of [
      [64, 16, 6, 64],
      [256, 64, 40, 2500],
      [128, 40, 64, 1000],
      [2048, 512, 320, 5000],
    ] as const) {
      it(`the distance in ${bands} mel bands equals its composition, gradients too`, async () => {
        const a = randomTensor([2, length], 4);
        const b = { shape: a.shape, data: a.data.map((value, i) => (i % length < length / 3 ? value : 0.3 * value)) };
        a.data.fill(0, 0, 200);
        const run = (build: (a: Value, b: Value, graph: Graph) => Value) =>
          evaluate(device(), { a, b }, ({ a, b }, graph) => build(a, b, graph), Float32Array.of(1.5));
        const fused = await run((a, b, graph) => {
          const tables = frameTables(graph, size);
          return melDistance(a, b, tables, melBands(graph, 24000, size, bands), { hop, floor: 1e-4 });
        });
        const filters = melFilters(24000, size, bands);
        const composed = await run((a, b) => composedDistance(a, b, size, hop, filters, 1e-4));
        assert(worstError(fused.y, composed.y, 0) <= 2e-6, `${fused.y} instead of ${composed.y}`);
        for (const side of ["a", "b"] as const) {
          const largest = Math.max(...Array.from(composed.gradients[side], Math.abs));
          assert(worstError(fused.gradients[side], composed.gradients[side], largest) <= 1e-4, side);
        }
      });
    }

    it("the distance of a signal from itself is zero, with a gradient of zeros, silence included", async () => {
      const data = randomFloats(2000, 5);
      data.fill(0, 500, 1500);
      const inputs = { a: { data, shape: [1, 2000] }, b: { data: data.slice(), shape: [1, 2000] } };
      const { y, gradients } = await evaluate(
        device(),
        inputs,
        ({ a, b }, graph) =>
          melDistance(a, b, frameTables(graph, 256), melBands(graph, 16000, 256, 40), { hop: 64, floor: 1e-5 }),
        Float32Array.of(1),
      );
      assert.equal(y[0], 0);
      assert((gradients.a as Float32Array).every((value) => value === 0));
    });
  });

  it("refuses what does not fit, saying what would", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 100]);
    const tables = (size: number): FrameTables => ({
      window: graph.input(`window${size}`, [size]),
      turns: graph.input(`turns${size}`, [size / 2, 2]),
    });
    const code = "ERR_LMSPT_SHAPE";
    for (const size of [8, 24, 4096])
      assert.throws(() => spectra(x, tables(size), 4), { code, message: /power of two/ });
    assert.throws(() => spectra(x, tables(128), 4), { code, message: /at least 128 samples/ });
    assert.throws(() => spectra(x, tables(32), 0), { message: /hop/ });
    const bands = (count: number) => ({
      weights: graph.input(`weights${count}`, [9, 2]),
      starts: graph.input(`starts${count}`, [count + 2], "i32"),
    });
    const near = tables(16);
    assert.throws(() => melDistance(x, graph.input("y", [1, 99]), near, bands(4), { hop: 4 }), { code });
    assert.throws(() => melDistance(x, x, near, bands(9), { hop: 4 }), { code, message: /1 to 8 bands/ });
    assert.deepEqual(melDistance(x, x, near, bands(8), { hop: 4 }).shape, []);
  });
});
