import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { type RotaryOptions, rotary } from "../../lib/graph/ops/index.js";
import { assertClose, randomFloats } from "../golden.js";
import { differenceQuotient, evaluate, onEveryVariant, type TensorData } from "./support.js";

type Options = Omit<RotaryOptions, "positions">;

interface Case extends Options {
  readonly what: string;
  readonly shape: readonly [batch: number, length: number, heads: number, size: number];
  readonly positions?: TensorData;
}

const integers = (shape: readonly number[], ...values: number[]): TensorData => ({
  shape,
  data: Int32Array.from(values),
});

const cases: readonly Case[] = [
  { what: "nothing", shape: [2, 0, 3, 4] },
  { what: "heads without features", shape: [1, 2, 3, 0] },
  { what: "one pair", shape: [1, 5, 1, 2] },
  { what: "halves", shape: [2, 7, 3, 10] },
  { what: "neighbours, another base", shape: [2, 7, 3, 10], interleaved: true, base: 500 },
  { what: "positions of all", shape: [2, 3, 2, 8], positions: integers([3], 1000, -5, 70000) },
  { what: "positions of each", shape: [2, 2, 1, 6], positions: integers([2, 2], 3, 4, 0, 9), interleaved: true },
  { what: "more pairs than are held at a time", shape: [1, 9, 2, 258] },
];

const inputsOf = ({ shape, positions }: Case): Record<string, TensorData> => ({
  x: {
    data: randomFloats(
      shape.reduce((a, b) => a * b),
      1,
    ),
    shape,
  },
  ...(positions && { positions }),
});

const build =
  ({ base, interleaved }: Options) =>
  ({ x, positions }: Record<string, Value>) =>
    rotary(x!, { positions, base, interleaved });

/** The definition, in double precision; with sign -1 the gradient. */
function oracle({ shape, positions, base = 10000, interleaved = false }: Case, x: ArrayLike<number>, sign: 1 | -1) {
  const [, length, heads, size] = shape;
  const y = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const [row, feature] = [Math.floor(i / size / heads), i % size];
    const place = positions ? positions.data[positions.shape.length === 1 ? row % length : row]! : row % length;
    const isFirst = interleaved ? feature % 2 === 0 : feature < size / 2;
    const distance = interleaved ? 1 : size / 2;
    const pair = interleaved ? Math.floor(feature / 2) : feature % (size / 2);
    const angle = sign * place * base ** ((-2 * pair) / size);
    const other = isFirst ? -x[i + distance]! : x[i - distance]!;
    y[i] = x[i]! * Math.cos(angle) + other * Math.sin(angle);
  }
  return y;
}

describe("rotary", () => {
  onEveryVariant((device) => {
    for (const options of cases) {
      it(`${options.what}: agrees with the definition, its gradient too`, async () => {
        const inputs = inputsOf(options);
        const gy = randomFloats(inputs.x!.data.length, 2);
        const { y, shape, gradients } = await evaluate(device(), inputs, build(options), gy);
        assert.deepEqual(shape, options.shape);
        assertClose(y, oracle(options, inputs.x!.data, 1), 1e-6, "y");
        assertClose(gradients.x!, oracle(options, gy, -1), 1e-6, "gx");
      });
    }

    it("agrees with differences", async () => {
      const inputs = inputsOf(cases[4]!);
      const gy = randomFloats(inputs.x!.data.length, 3);
      const { gradients } = await evaluate(device(), inputs, build(cases[4]!), gy);
      for (const index of [30, 91, 418]) {
        const quotient = await differenceQuotient(device(), inputs, build(cases[4]!), gy, "x", index);
        assertClose([gradients.x![index]!], [quotient], 1e-3);
      }
    });

    it("turns back what it turned, and a gradient's gradient is the op again", async () => {
      const x = { data: randomFloats(2 * 3 * 8, 4), shape: [2, 3, 1, 8] };
      const { y } = await evaluate(device(), { x }, ({ x }, graph) => {
        const turned = rotary(x);
        const [back] = graph.gradients([turned], [x], [turned]);
        return back!;
      });
      assertClose(y, x.data, 1e-6);
    });

    it("gives the same bits wherever a row stands", async () => {
      const data = randomFloats(6 * 2 * 8, 5);
      const at = (positions: number[], rows: Float32Array) =>
        evaluate(
          device(),
          {
            x: { data: rows, shape: [1, positions.length, 2, 8] },
            positions: integers([positions.length], ...positions),
          },
          build({}),
        );
      const whole = await at([0, 1, 2, 3, 4, 5], data);
      const end = await at([4, 5], data.slice(4 * 16));
      assert.deepEqual(end.y, whole.y.slice(4 * 16));
    });
  });

  it("refuses what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", [2, 3, 1, 4]);
    const refuse = (shape: number[], options: RotaryOptions, message: RegExp) =>
      assert.throws(() => rotary(graph.input(`x${message}`, shape), options), { name: "LmsptError", message });
    refuse([2, 3, 1, 5], {}, /\[rotary\] expected x \(B, T, heads, size\) with an even size, got \[2, 3, 1, 5\]/);
    refuse([2, 3, 4], {}, /\[rotary\] expected x of rank 4, got \[2, 3, 4\]/);
    refuse(
      [2, 3, 1, 4],
      { positions: graph.input("p", [2], "i32") },
      /expected positions of shape \[3\] or \[2, 3\], got \[2\]/,
    );
    refuse([2, 3, 1, 4], { positions: graph.input("f", [3]) }, /expected positions of type i32, got f32/);
    for (const base of [0, -1, Number.NaN, Infinity]) {
      assert.throws(() => rotary(x, { base }), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    }
  });
});
