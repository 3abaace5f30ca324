import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/graph.js";
import { conv1d, weightNorm } from "../../lib/graph/ops/index.js";
import { Golden, randomFloats } from "../golden.js";
import { channelsFirst } from "./layouts.js";
import { checkGoldenCase, evaluate, onEveryVariant } from "./support.js";

const bothEnds = (pad: number) => ({ padLeft: pad, padRight: pad });
const plain = { x: channelsFirst, y: channelsFirst };

describe("conv1d", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  const cases: [string, object][] = [
    ["conv1d_k7_d1", bothEnds(3)],
    ["conv1d_k7_d3", { dilation: 3, ...bothEnds(9) }],
    ["conv1d_k7_d9", { dilation: 9, ...bothEnds(27) }],
    ["conv1d_k1", {}],
    ["conv1d_first", bothEnds(3)],
    ["conv1d_k3", bothEnds(1)],
    ["conv1d_s2", { stride: 2, ...bothEnds(1) }],
    ["conv1d_s4", { stride: 4, ...bothEnds(2) }],
    ["conv1d_s5", { stride: 5, ...bothEnds(3) }],
    ["conv1d_s6", { stride: 6, ...bothEnds(3) }],
    ["conv1d_s8", { stride: 8, ...bothEnds(4) }],
    ["conv1d_depthwise_k7", { groups: 24, ...bothEnds(3) }],
    ["conv1d_grouped", { groups: 4, stride: 4, ...bothEnds(20) }],
  ];
  const causal: [string, object][] = [
    ["causal_conv1d_s1", { dilation: 3, padLeft: 18 }],
    ["causal_conv1d_s5", { stride: 5, padLeft: 5, padRight: 2 }],
    ["causal_conv1d_s4", { stride: 4, padLeft: 4, padRight: 3 }],
  ];

  onEveryVariant((device) => {
    for (const [name, options] of cases) {
      it(`${name} agrees with the reference, gradients too`, () =>
        checkGoldenCase(device(), golden, name, ["x", "w", "b"], ({ x, w, b }) => conv1d(x, w, b, options), plain));
    }
    for (const [name, options] of causal) {
      it(`${name} agrees with the reference through weight norm, gradients too`, () =>
        checkGoldenCase(
          device(),
          golden,
          name,
          ["x", "v", "g", "b"],
          ({ x, v, g, b }) => conv1d(x, weightNorm(v, g), b, options),
          plain,
        ));
    }

    it("gives a row the same bits in any batch, at any place and with any neighbours", async () => {
      const [rows, channels] = [203, 40];
      const x = randomFloats(rows * channels, 1);
      const w = { data: randomFloats(48 * channels * 7, 2), shape: [48, channels, 7] };
      const run = async (data: Float32Array, batch: number, length: number) => {
        const inputs = { x: { data, shape: [batch, length, channels] }, w };
        return (await evaluate(device(), inputs, ({ x, w }) => conv1d(x, w, undefined, { dilation: 3 }))).y;
      };
      const whole = await run(x, 1, rows);
      const twice = await run(Float32Array.from([...randomFloats(x.length, 3), ...x]), 2, rows);
      assert.deepEqual(twice.slice(whole.length), whole);
      const [start, length] = [77, 61];
      const part = await run(x.slice(start * channels, (start + length) * channels), 1, length);
      assert.deepEqual(part, whole.slice(start * 48, (start + length - 18) * 48));
    });
  });

  it("names the channels that do not fit at the call that is wrong", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 10, 32]);
    const w = graph.input("w", [8, 64, 3]);
    assert.throws(() => conv1d(x, w), {
      code: "ERR_LMSPT_SHAPE",
      message: "[conv1d] expected x with 64 channels, got 32",
    });
  });

  it("refuses weights without input channels", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 10, 0]);
    assert.throws(() => conv1d(x, graph.input("w", [8, 0, 3])), { code: "ERR_LMSPT_SHAPE" });
    const gy = graph.input("gy", [1, 10, 8]);
    assert.throws(() => graph.apply("conv1d_weight_grad", [x, gy], { kernel: 1 }), { code: "ERR_LMSPT_SHAPE" });
    assert.throws(() => graph.apply("pack_conv1d", [graph.input("empty", [8, 0, 3])]), { code: "ERR_LMSPT_SHAPE" });
  });

  it("refuses a reach that no scratch memory could hold", () => {
    const graph = new Graph();
    const most = 2 ** 20;
    const x = graph.input("x", [1, 10, 2]);
    const gy = graph.input("gy", [1, 10, 2]);
    const wide = { dilation: most };
    const refused = { code: "ERR_LMSPT_SHAPE", message: /reach at most 1099511627776 elements of x/ };
    assert.throws(() => conv1d(x, graph.input("w", [2, 2, most]), undefined, wide), refused);
    assert.throws(() => graph.apply("conv1d_weight_grad", [x, gy], { kernel: most, dilation: most }), refused);
    assert.throws(() => graph.apply("conv1d_weight_grad", [x, gy], { kernel: most + 1 }), {
      code: "ERR_LMSPT_SHAPE",
      message: /expected kernel from 1 to 1048576/,
    });
  });

  it("refuses a kernel longer than the padded input", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 4, 2]);
    assert.throws(() => conv1d(x, graph.input("w", [2, 2, 7])), {
      code: "ERR_LMSPT_SHAPE",
      message: /at least 7 rows/,
    });
  });
});
