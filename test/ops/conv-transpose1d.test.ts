import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { convTranspose1d, weightNorm } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { channelsFirst } from "./layouts.js";
import { checkGoldenCase, differenceQuotient, evaluate, onEveryVariant } from "./support.js";

const bothEnds = (pad: number) => ({ padLeft: pad, padRight: pad });
const plain = { x: channelsFirst, y: channelsFirst };

describe("conv_transpose1d", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  const crop = (stride: number) => bothEnds(Math.ceil(stride / 2));
  onEveryVariant((device) => {
    for (const stride of [2, 4, 5, 6, 8]) {
      it(`agrees with the reference for stride ${stride}, gradients too`, () =>
        checkGoldenCase(
          device(),
          golden,
          `conv_transpose1d_s${stride}`,
          ["x", "w", "b"],
          ({ x, w, b }) => convTranspose1d(x, w, b, { stride, ...crop(stride) }),
          plain,
        ));
    }
    it("agrees with the causal reference through weight norm, gradients too", () =>
      checkGoldenCase(
        device(),
        golden,
        "causal_conv_transpose1d_s5",
        ["x", "v", "g", "b"],
        ({ x, v, g, b }) => convTranspose1d(x, weightNorm(v, g), b, { stride: 5, padRight: 5 }),
        plain,
      ));

    it("is the transpose of a dilated convolution", async () => {
      const inputs = {
        x: { data: randomFloats(2 * 20 * 6, 5), shape: [2, 20, 6] },
        w: { data: randomFloats(6 * 5 * 3, 6), shape: [6, 5, 3] },
      };
      const build = ({ x, w }: Record<"x" | "w", Parameters<typeof convTranspose1d>[0]>) =>
        convTranspose1d(x, w, undefined, { dilation: 4, padLeft: 2 });
      const gy = randomFloats(2 * 26 * 5, 7);
      const { gradients } = await evaluate(device(), inputs, build, gy);
      for (const [name, index] of [
        ["x", 100],
        ["w", 41],
      ] as const) {
        const quotient = await differenceQuotient(device(), inputs, build, gy, name, index);
        assertClose([gradients[name][index]!], [quotient], 1e-3, name);
      }
    });
  });

  it("refuses weights without input channels", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 4, 0]);
    const w = graph.input("w", [0, 2, 3]);
    assert.throws(() => convTranspose1d(x, w), { code: "ERR_LMSPT_SHAPE" });
    assert.throws(() => graph.apply("pack_conv_transpose1d", [w]), { code: "ERR_LMSPT_SHAPE" });
  });

  it("refuses a reach that no scratch memory could hold", () => {
    const graph = new Graph();
    const most = 2 ** 20;
    const long = graph.input("long", [2, 2, most]);
    const wide = graph.input("wide", [2, 2 * most, 1]);
    const x = graph.input("x", [1, 4, 2]);
    assert.throws(() => convTranspose1d(x, long, undefined, { dilation: most, length: 1 }), {
      code: "ERR_LMSPT_SHAPE",
      message: /reaches at most 1099511627776 elements of x/,
    });
    assert.throws(() => convTranspose1d(x, wide, undefined, { stride: most, length: 1 }), {
      code: "ERR_LMSPT_SHAPE",
      message: /at most 1099511627776 elements of y/,
    });
  });

  it("skips what a large padding trims", async () => {
    await using device = Device.open("cpu");
    const graph = new Graph();
    const x = graph.input("x", [1, 4, 2]);
    const w = graph.input("w", [2, 2, 3]);
    const y = convTranspose1d(x, w, undefined, { padLeft: 2 ** 40 - 1, length: 1 });
    const plan = await graph.compile(device, { y });
    const result = await plan.run({ x: new Float32Array(8).fill(1), w: new Float32Array(12).fill(1) });
    assert.deepEqual(result.y, new Float32Array(2));
  });

  it("refuses a stride together with a dilation", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 4, 2]);
    const w = graph.input("w", [2, 2, 3]);
    assert.throws(() => convTranspose1d(x, w, undefined, { stride: 2, dilation: 2 }), { code: "ERR_LMSPT_SHAPE" });
  });
});
