import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, type Conv2dOptions, conv2d, leakyRelu } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { permuted } from "./layouts.js";
import { sizeOf } from "./oracles.js";
import { checkGoldenCase, differenceQuotient, evaluate, onEveryVariant, randomTensor } from "./support.js";

type Pair = readonly [height: number, width: number];

interface Case {
  readonly what: string;
  /** (B, H, W, I) */
  readonly x: readonly [number, number, number, number];
  readonly outputs: number;
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly dilation?: Pair;
  readonly pad?: Pair;
}

const cases: Case[] = [
  { what: "one pixel", x: [1, 1, 1, 1], outputs: 1, kernel: [1, 1] },
  { what: "a kernel larger than the image", x: [2, 2, 3, 5], outputs: 7, kernel: [5, 7], pad: [2, 3] },
  { what: "an image without rows", x: [1, 0, 3, 2], outputs: 3, kernel: [3, 3], pad: [2, 1] },
  { what: "padding larger than the kernel", x: [1, 3, 4, 3], outputs: 4, kernel: [2, 2], pad: [4, 5] },
  { what: "a stride beyond the kernel", x: [2, 14, 11, 3], outputs: 18, kernel: [2, 1], stride: [3, 4], pad: [1, 2] },
  { what: "rows that no output reads", x: [1, 12, 9, 3], outputs: 4, kernel: [3, 3], stride: [4, 5] },
  { what: "dilation along both", x: [2, 17, 19, 6], outputs: 9, kernel: [3, 4], dilation: [2, 3], pad: [3, 2] },
  {
    what: "a stride and a dilation with a common divisor",
    x: [1, 31, 29, 4],
    outputs: 5,
    kernel: [4, 3],
    stride: [4, 6],
    dilation: [6, 4],
    pad: [9, 1],
  },
  { what: "the first layer of a period", x: [2, 97, 3, 1], outputs: 32, kernel: [5, 1], stride: [3, 1], pad: [2, 0] },
  { what: "a deep layer of a period", x: [2, 29, 5, 130], outputs: 100, kernel: [5, 1], stride: [3, 1], pad: [2, 0] },
  { what: "the last layer of a period", x: [2, 9, 11, 70], outputs: 1, kernel: [3, 1], pad: [1, 0] },
  { what: "a band of a spectrum", x: [1, 130, 140, 8], outputs: 20, kernel: [3, 9], stride: [1, 2], pad: [1, 4] },
  { what: "a tall band", x: [2, 200, 37, 16], outputs: 17, kernel: [3, 3], pad: [1, 1] },
];

function inputsOf({ x, outputs, kernel }: Case) {
  const w = [outputs, x[3], ...kernel];
  return {
    x: { data: randomFloats(sizeOf(x), 1), shape: x },
    w: { data: randomFloats(sizeOf(w), 2), shape: w },
    b: { data: randomFloats(outputs, 3), shape: [outputs] },
  };
}

const build =
  (options: Conv2dOptions) =>
  ({ x, w, b }: Record<"x" | "w" | "b", Value>) =>
    conv2d(x, w, b, options);

/** The definition, in double precision: y, and the gradients of sum(y * gy). */
function oracle(options: Case, gy: Float32Array, outShape: readonly number[]) {
  const { x, w, b } = inputsOf(options);
  const { stride = [1, 1], dilation = [1, 1], pad = [0, 0] } = options;
  const [batch, height, width, channels] = options.x;
  const [, outHeight, outWidth, outputs] = outShape as [number, number, number, number];
  const [kh, kw] = options.kernel;
  const y = new Float64Array(batch * outHeight * outWidth * outputs);
  const [gx, gw, gb] = [x, w, b].map(({ data }) => new Float64Array(data.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let h = 0; h < outHeight; h++)
      for (let v = 0; v < outWidth; v++)
        for (let o = 0; o < outputs; o++, at++) {
          y[at] = b.data[o]!;
          gb[o]! += gy[at]!;
          for (let i = 0; i < kh; i++)
            for (let j = 0; j < kw; j++) {
              const row = h * stride[0] + i * dilation[0] - pad[0];
              const column = v * stride[1] + j * dilation[1] - pad[1];
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              for (let c = 0; c < channels; c++) {
                const from = ((n * height + row) * width + column) * channels + c;
                const tap = ((o * channels + c) * kh + i) * kw + j;
                y[at]! += x.data[from]! * w.data[tap]!;
                gx[from]! += gy[at]! * w.data[tap]!;
                gw[tap]! += gy[at]! * x.data[from]!;
              }
            }
        }
  return { y, x: gx, w: gw, b: gb };
}

function outputShape({ x, outputs, kernel, stride = [1, 1], dilation = [1, 1], pad = [0, 0] }: Case): number[] {
  const length = (i: 0 | 1) => Math.floor((x[i + 1]! + 2 * pad[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1;
  return [x[0], length(0), length(1), outputs];
}

describe("conv2d", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  const image = permuted([0, 2, 3, 1]);
  const expected = new Map<Case, ReturnType<typeof oracle>>();
  const expectedOf = (options: Case) => {
    const shape = outputShape(options);
    const known = expected.get(options) ?? oracle(options, randomFloats(sizeOf(shape), 4), shape);
    expected.set(options, known);
    return known;
  };

  onEveryVariant((device) => {
    for (const [name, options] of [
      ["conv2d_mpd", { stride: [3, 1], pad: [2, 0] }],
      ["conv2d_mrd", { stride: [1, 2], pad: [1, 4] }],
    ] as const) {
      it(`${name} agrees with the reference, gradients too`, () =>
        checkGoldenCase(device(), golden, name, ["x", "w", "b"], build(options), { x: image, y: image }));
    }

    for (const options of cases) {
      it(`${options.what}: agrees with the definition, gradients too`, async () => {
        const shape = outputShape(options);
        const gy = randomFloats(sizeOf(shape), 4);
        const result = await evaluate(device(), inputsOf(options), build(options), gy);
        assert.deepEqual(result.shape, shape);
        const wanted = expectedOf(options);
        assertClose(result.y, wanted.y, 2e-6, "y");
        for (const name of ["x", "w", "b"] as const) assertClose(result.gradients[name], wanted[name], 2e-6, name);
      });
    }

    it("agrees with differences", async () => {
      const options: Case = {
        what: "",
        x: [2, 9, 8, 3],
        outputs: 5,
        kernel: [3, 2],
        stride: [2, 1],
        dilation: [1, 2],
        pad: [1, 1],
      };
      const inputs = inputsOf(options);
      const gy = randomFloats(sizeOf(outputShape(options)), 5);
      const { gradients } = await evaluate(device(), inputs, build(options), gy);
      for (const [name, index] of [
        ["x", 100],
        ["w", 41],
        ["b", 3],
      ] as const) {
        const quotient = await differenceQuotient(device(), inputs, build(options), gy, name, index, 0.25);
        assertClose([gradients[name][index]!], [quotient], 1e-4, name);
      }
    });

    it("with a slope is followed by LeakyReLU, gradients too, and so is its gradient by LeakyReLU's", async () => {
      const [x, w, bias] = [randomTensor([2, 13, 9, 5], 1), randomTensor([19, 5, 3, 2], 2), randomTensor([19], 3)];
      const stride = { stride_h: 2, stride_w: 3 };
      const gy = randomFloats(2 * 6 * 3 * 19, 4);
      const run = (build: (x: Value, w: Value, bias: Value) => Value) =>
        evaluate(device(), { x, w, bias }, ({ x, w, bias }) => build(x, w, bias), gy);
      const joined = await run((x, w, bias) => x.graph.apply("conv2d", [x, w, bias], { ...stride, slope: 0.1 })[0]!);
      assert.deepEqual(joined, await run((x, w, bias) => leakyRelu(conv2d(x, w, bias, { stride: [2, 3] }), 0.1)));

      const given = { g: { shape: [2, 6, 3, 19], data: gy }, w, residual: randomTensor(x.shape, 5), signs: x };
      const size = { ...stride, height: 13, width: 9 };
      const of = async (build: (values: Record<keyof typeof given, Value>, graph: Graph) => Value) =>
        (await evaluate(device(), given, build)).y;
      assert.deepEqual(
        await of(
          ({ g, w, residual, signs }, graph) =>
            graph.apply("conv2d_input_grad", [g, w, residual, signs], { ...size, slope: 0.1 })[0]!,
        ),
        await of(({ g, w, residual, signs }, graph) => {
          const sum = add(residual, graph.apply("conv2d_input_grad", [g, w], size)[0]!);
          return graph.apply("leaky_relu_grad", [signs, sum], { a: 0.1 })[0]!;
        }),
      );
    });

    it("gives an image the same bits in any batch and a row the same bits at any place", async () => {
      const [height, width, channels] = [150, 40, 24];
      const options = { pad: [0, 4] } as const;
      const x = randomFloats(height * width * channels, 1);
      const w = { data: randomFloats(40 * channels * 27, 2), shape: [40, channels, 3, 9] };
      const run = async (data: Float32Array, batch: number, height: number) => {
        const inputs = { x: { data, shape: [batch, height, width, channels] }, w };
        return (await evaluate(device(), inputs, ({ x, w }) => conv2d(x, w, undefined, options))).y;
      };
      const whole = await run(x, 1, height);
      const twice = await run(Float32Array.from([...randomFloats(x.length, 3), ...x]), 2, height);
      assert.deepEqual(twice.slice(whole.length), whole);
      // Longer than wide, it is computed in columns; cut to a few rows, in rows.
      const [start, count] = [61, 12];
      const part = await run(x.slice(start * width * channels, (start + count) * width * channels), 1, count);
      assert.deepEqual(part, whole.slice(start * width * 40, (start + count - 2) * width * 40));
    });
  });

  it("gives the same bits with any number of threads, gradients too", async () => {
    for (const options of cases.slice(-3)) {
      const results = [];
      for (const threads of [1, 2, 7]) {
        const device = Device.open("cpu", { threads });
        const gy = randomFloats(sizeOf(outputShape(options)), 4);
        const { y, gradients } = await evaluate(device, inputsOf(options), build(options), gy);
        results.push({ y, ...gradients });
        await device.close();
      }
      assert.deepEqual(results[1], results[0]);
      assert.deepEqual(results[2], results[0]);
    }
  });

  it("refuses a slope that hides signs", () => {
    const graph = new Graph();
    const [x, w] = [graph.input("x", [1, 3, 3, 2]), graph.input("w", [4, 2, 1, 1])];
    for (const slope of [0, -1, Number.NaN]) {
      assert.throws(() => graph.apply("conv2d", [x, w], { slope }), { message: /slope above 0/ });
    }
  });

  const refused: [what: string, x: number[], w: number[], bias: number[], options: Conv2dOptions, message: RegExp][] = [
    ["other channels", [1, 9, 9, 3], [8, 4, 3, 3], [8], {}, /expected x with 4 channels, got 3/],
    ["another rank", [9, 9, 4], [8, 4, 3, 3], [8], {}, /expected x of rank 4, got \[9, 9, 4\]/],
    ["a wrong bias", [1, 9, 9, 4], [8, 4, 3, 3], [4], {}, /expected bias of shape \[8\], got \[4\]/],
    ["an image that is too small", [1, 2, 9, 4], [8, 4, 3, 3], [8], {}, /at least as large as the kernel/],
    ["a stride of 0", [1, 9, 9, 4], [8, 4, 3, 3], [8], { stride: [1, 0] }, /stride_w from 1 to 1024, got 0/],
    ["a dilation of 0", [1, 9, 9, 4], [8, 4, 3, 3], [8], { dilation: 0 }, /dilation_h from 1/],
    ["a negative padding", [1, 9, 9, 4], [8, 4, 3, 3], [8], { pad: -1 }, /pad_h from 0/],
  ];
  for (const [what, x, w, bias, options, message] of refused) {
    it(`refuses ${what}`, () => {
      const graph = new Graph();
      assert.throws(() => conv2d(graph.input("x", x), graph.input("w", w), graph.input("b", bias), options), {
        code: "ERR_LMSPT_SHAPE",
        message,
      });
    });
  }
});
