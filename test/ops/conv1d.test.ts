import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/graph.js";
import { conv1d, snake, weightNorm } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
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

    for (const [outputs, kernel, dilation] of [
      [1, 7, 1],
      [1, 16, 2],
      [2, 8, 3],
      [5, 3, 1],
    ] as const) {
      it(`of ${outputs} outputs and ${kernel} taps is the first of more outputs, to rounding`, async () => {
        const [rows, channels] = [1003, 37];
        const x = { data: randomFloats(2 * rows * channels, 1), shape: [2, rows, channels] };
        const data = randomFloats(32 * channels * kernel, 2);
        const alpha = { data: randomFloats(channels, 3).map((value) => 1 + value / 2), shape: [channels] };
        const run = async (count: number) => {
          const w = { data: data.slice(0, count * channels * kernel), shape: [count, channels, kernel] };
          const options = { dilation, padLeft: dilation, padRight: 2 * dilation };
          const b = { data: randomFloats(32, 4).slice(0, count), shape: [count] };
          return evaluate(device(), { x, w, alpha, b }, ({ x, w, alpha, b }) => conv1d(snake(x, alpha), w, b, options));
        };
        const [narrow, wide] = [await run(outputs), await run(32)];
        const firsts = Float32Array.from(narrow.y, (_, i) => wide.y[Math.floor(i / outputs) * 32 + (i % outputs)]!);
        assertClose(narrow.y, firsts, 2e-6, "narrow");
      });
    }

    it("of one output gives a row the same bits in any piece", async () => {
      const channels = 48;
      const w = { data: randomFloats(channels * 7, 5), shape: [1, channels, 7] };
      const x = randomFloats(1500 * channels, 6);
      const run = async (data: Float32Array) => {
        const inputs = { x: { data, shape: [1, data.length / channels, channels] }, w };
        return (await evaluate(device(), inputs, ({ x, w }) => conv1d(x, w))).y;
      };
      assert.deepEqual(await run(x.slice(700 * channels)), (await run(x)).slice(700));
    });

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
