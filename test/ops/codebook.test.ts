import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { codebookLookup, codebookSearch, l2Normalize } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { worstError } from "./oracles.js";
import { evaluate, onEveryVariant } from "./support.js";

async function search(device: Device, z: Float32Array, codebook: Float32Array, size: number): Promise<number[]> {
  const inputs = {
    z: { data: z, shape: [z.length / size, size] },
    codebook: { data: codebook, shape: [codebook.length / size, size] },
  };
  return [...(await evaluate(device, inputs, ({ z, codebook }) => codebookSearch(z, codebook))).y];
}

const rowsOf = (data: Float32Array, size: number) =>
  Array.from({ length: data.length / size }, (_, row) => data.subarray(row * size, (row + 1) * size));

const unit = (row: Float32Array) => {
  const norm = Math.max(Math.hypot(...row), 1e-12);
  return Array.from(row, (value) => value / norm);
};

/** The similarity of a row with every code. */
const similarities = (z: Float32Array, codebook: Float32Array, size: number) => {
  const direction = unit(z);
  return rowsOf(codebook, size).map((row) => unit(row).reduce((sum, value, i) => sum + value * direction[i]!, 0));
};

describe("codebook", () => {
  onEveryVariant((device) => {
    for (const [codes, size] of [
      [1, 8],
      [15, 8],
      [16, 1],
      [17, 3],
      [100, 8],
      [1000, 13],
    ] as const) {
      it(`search finds the nearest of ${codes} codes of ${size} dimensions`, async () => {
        const [z, codebook] = [randomFloats(60 * size, 1), randomFloats(codes * size, 2)];
        const found = await search(device(), z, codebook, size);
        for (const [row, code] of found.entries()) {
          const all = similarities(z.subarray(row * size, (row + 1) * size), codebook, size);
          const best = Math.max(...all);
          assert(best - all[code]! <= 1e-6, `row ${row}: ${code}`);
          // With one dimension every code of the right sign is equally near: the first of them is to be taken.
          if (size === 1) assert.equal(code, all.indexOf(best));
        }
      });
    }

    it("search takes the lowest of equal codes, wherever they lie", async () => {
      const size = 4;
      const codebook = randomFloats(70 * size, 3);
      for (const [copy, original] of [
        [69, 5],
        [18, 17],
        [33, 16],
        [64, 15],
      ] as const) {
        // A power of two changes no digit of the direction.
        for (let i = 0; i < size; i++) codebook[copy * size + i] = codebook[original * size + i]! * 4;
      }
      for (const [copy, original] of [
        [69, 5],
        [18, 17],
        [33, 16],
        [64, 15],
      ] as const) {
        assert.deepEqual(await search(device(), codebook.slice(copy * size, (copy + 1) * size), codebook, size), [
          original,
        ]);
      }
    });

    it("search answers for zeros, infinities and what is not a number", async () => {
      const size = 4;
      const codebook = randomFloats(21 * size, 4);
      codebook.fill(0, 3 * size, 4 * size);
      const z = new Float32Array(4 * size);
      z[size] = NaN;
      z[2 * size] = Infinity;
      z.set(codebook.subarray(20 * size), 3 * size);
      const found = await search(device(), z, codebook, size);
      assert.equal(found[0], 0, "zeros are equally near to every code");
      for (const code of found) assert(code >= 0 && code < 21);
      assert.equal(found[3], 20);
      codebook[7 * size] = NaN;
      const [code] = await search(device(), codebook.slice(20 * size), codebook, size);
      assert.equal(code, 20, "a code that is not a number is never nearest");
    });

    it("search gives a row the same code in any batch", async () => {
      const [z, codebook] = [randomFloats(100 * 8, 5), randomFloats(333 * 8, 6)];
      const whole = await search(device(), z, codebook, 8);
      assert.deepEqual(await search(device(), z.slice(37 * 8, 61 * 8), codebook, 8), whole.slice(37, 61));
    });

    it("lookup gives the rows as they are, zeros for codes that are not there; the gradient gathers them", async () => {
      const codes = Int32Array.of(3, 0, 3, -1, 5, 4, 2147483647, -2147483648);
      const codebook = randomFloats(5 * 6, 7);
      const gy = randomFloats(codes.length * 6, 8);
      const inputs = { codes: { data: codes, shape: [2, 4] }, codebook: { data: codebook, shape: [5, 6] } };
      const { y, shape, gradients } = await evaluate(
        device(),
        inputs,
        ({ codes, codebook }) => codebookLookup(codes, codebook),
        gy,
      );
      assert.deepEqual(shape, [2, 4, 6]);
      const zeros = new Float32Array(6);
      const expected = new Float64Array(codebook.length);
      for (const [row, code] of codes.entries()) {
        const there = code >= 0 && code < 5;
        assert.deepEqual(y.slice(row * 6, row * 6 + 6), there ? codebook.slice(code * 6, code * 6 + 6) : zeros);
        if (there) for (let i = 0; i < 6; i++) expected[code * 6 + i]! += gy[row * 6 + i]!;
      }
      assert(worstError(gradients.codebook, expected, 1) <= 2e-7);
    });

    it("l2_normalize agrees with the formula, gradient too", async () => {
      const size = 11;
      const x = randomFloats(9 * size, 9);
      const gy = randomFloats(x.length, 10);
      const inputs = { x: { data: x, shape: [3, 3, size] } };
      const { y, gradients } = await evaluate(device(), inputs, ({ x }) => l2Normalize(x), gy);
      const expected = rowsOf(x, size).flatMap(unit);
      const gx = rowsOf(x, size).flatMap((row, r) => {
        const norm = Math.hypot(...row);
        const along = row.reduce((sum, value, i) => sum + value * gy[r * size + i]!, 0) / norm ** 2;
        return Array.from(row, (value, i) => (gy[r * size + i]! - value * along) / norm);
      });
      assert(worstError(y, expected, 1e-3) <= 1e-6);
      assert(worstError(gradients.x, gx, 1e-2) <= 1e-6);
    });

    it("l2_normalize leaves zeros and divides the tiniest by 1e-12", async () => {
      const x = Float32Array.of(0, 0, 3e-14, 4e-14, 1e-20, 0, 3e30, 4e30);
      const { y } = await evaluate(device(), { x: { data: x, shape: [4, 2] } }, ({ x }) => l2Normalize(x));
      assert(worstError(y, [0, 0, 0.03, 0.04, 1e-8, 0, 0.6, 0.8], 0) <= 2e-7);
    });
  });

  it("refuses what does not fit, saying what would", () => {
    const graph = new Graph();
    const [z, codes] = [graph.input("z", [5, 7]), graph.input("codes", [5], "i32")];
    assert.throws(() => codebookSearch(z, graph.input("book", [16, 8])), {
      code: "ERR_LMSPT_SHAPE",
      message: "[codebook_search] expected z with 8 features, got [5, 7]",
    });
    assert.throws(() => codebookSearch(z, graph.input("empty", [0, 7])), {
      code: "ERR_LMSPT_SHAPE",
      message: /at least one row/,
    });
    assert.throws(() => codebookLookup(z, graph.input("rows", [3, 7])), {
      code: "ERR_LMSPT_SHAPE",
      message: /codes of type i32/,
    });
    assert.doesNotThrow(() => codebookLookup(codes, graph.input("fits", [3, 7])));
  });
});
