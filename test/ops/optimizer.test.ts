import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { type AdamwOptions, adamw, globalNorm } from "../../lib/graph/ops/index.js";
import { assertClose, randomFloats } from "../golden.js";
import { evaluate, onEveryVariant } from "./support.js";

const options: AdamwOptions = { beta1: 0.8, beta2: 0.9, epsilon: 1e-8, weightDecay: 0.01, maxNorm: 1 };
const parts = ["parameter", "mean", "square", "gradient"] as const;

/** Shapes of several tensors, some of them larger than one task. */
const shapes = [[3], [], [5, 7], [300, 123], [2, 0], [17]];

type State = Record<(typeof parts)[number], Float32Array>;

function randomState(shape: readonly number[], seed: number): State {
  const count = shape.reduce((a, b) => a * b, 1);
  const [parameter, mean, square, gradient] = parts.map((_, i) => randomFloats(count, 4 * seed + i)) as Float32Array[];
  return { parameter: parameter!, mean: mean!, square: square!.map((value) => value * value), gradient: gradient! };
}

/** The formula, in double precision. */
function expected(
  state: State,
  rate: number,
  step: number,
  norm: number,
  settings: AdamwOptions,
): Omit<State, "gradient"> {
  const { beta1, beta2, epsilon, weightDecay, maxNorm } = settings;
  const clip = maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
  const gradient = Array.from(state.gradient, (value) => value * clip);
  const mean = state.mean.map((value, i) => beta1 * value + (1 - beta1) * gradient[i]!);
  const square = state.square.map((value, i) => beta2 * value + (1 - beta2) * gradient[i]! ** 2);
  const parameter = state.parameter.map((value, i) => {
    const divisor = Math.sqrt(square[i]! / (1 - beta2 ** step)) + epsilon;
    return value * (1 - rate * weightDecay) - ((rate / (1 - beta1 ** step)) * mean[i]!) / divisor;
  });
  return { parameter, mean, square };
}

/** One step of tensors of these states; each output by its part and tensor, as "mean 2". */
async function step(device: Device, states: readonly State[], [rate, count, norm]: number[], settings = options) {
  const graph = new Graph();
  const given: Record<string, Float32Array> = {};
  const tensors = states.map((state, i) => {
    const input = (part: (typeof parts)[number]) => {
      given[`${part} ${i}`] = state[part];
      return graph.input(`${part} ${i}`, shapes[i]!);
    };
    return { parameter: input("parameter"), mean: input("mean"), square: input("square"), gradient: input("gradient") };
  });
  const scalars = { rate: graph.input("rate", []), step: graph.input("step", []), norm: graph.input("norm", []) };
  const results = adamw(tensors, scalars, settings);
  const outputs = Object.fromEntries(
    results.flatMap((result, i) => Object.entries(result).map(([part, value]) => [`${part} ${i}`, value])),
  );
  const plan = await graph.compile<string>(device, outputs);
  const one = (value: number) => Float32Array.of(value);
  return plan.run({ ...given, rate: one(rate!), step: one(count!), norm: one(norm!) });
}

describe("optimizer", () => {
  const states = shapes.map(randomState);

  onEveryVariant((device) => {
    for (const [what, scalars, settings] of [
      ["the first step", [2e-4, 1, 0.5], options],
      ["a later step", [1e-3, 1234, 0.5], options],
      ["with gradients clipped", [1e-2, 7, 40], options],
      ["without a limit", [1e-2, 7, 40], { ...options, maxNorm: 0 }],
    ] as const) {
      it(`adamw is its formula: ${what}`, async () => {
        const result = await step(device(), states, [...scalars], settings);
        for (const [i, state] of states.entries()) {
          const wanted = expected(state, ...(scalars as unknown as [number, number, number]), settings);
          for (const [part, values] of Object.entries(wanted)) {
            assertClose(result[`${part} ${i}`]!, values, 2e-6, `${part} ${i}`);
          }
        }
      });
    }

    it("adamw changes nothing where the norm is no number", async () => {
      for (const norm of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const result = await step(device(), states, [1e-3, 5, norm]);
        for (const [i, state] of states.entries()) {
          for (const part of ["parameter", "mean", "square"] as const) {
            assert.deepEqual(result[`${part} ${i}`], state[part], `${part} ${i}`);
          }
        }
      }
    });

    it("global_norm is the root of all squares, and tells NaN and infinity", async () => {
      const norm = async (tensors: readonly Float32Array[]) => {
        const inputs = Object.fromEntries(tensors.map((data, i) => [`x${i}`, { data, shape: [data.length] }]));
        return (await evaluate(device(), inputs, (values) => globalNorm(Object.values(values)))).y[0]!;
      };
      const tensors = [randomFloats(100_000, 1), randomFloats(1, 2), new Float32Array(0), randomFloats(33, 3)];
      const exact = Math.sqrt(tensors.flatMap((data) => [...data]).reduce((sum, value) => sum + value * value, 0));
      assertClose([await norm(tensors)], [exact], 1e-6);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const broken = tensors.map((data) => data.slice());
        broken[0]![99_999] = value;
        assert(!Number.isFinite(await norm(broken)), `${value}`);
      }
    });
  });

  it("neither depends on the number of threads", async () => {
    const results: object[] = [];
    for (const threads of [1, 2, 3]) {
      await using device = Device.open("cpu", { threads });
      results.push(await step(device, states, [1e-2, 7, 40]));
    }
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });

  it("refuse shapes and settings that do not fit", () => {
    const graph = new Graph();
    const value = (shape: number[]) => graph.fill(shape, 0);
    const scalars = { rate: value([]), step: value([]), norm: value([]) };
    const tensor = { parameter: value([3]), mean: value([3]), square: value([4]), gradient: value([3]) };
    assert.throws(() => adamw([tensor], scalars, options), {
      code: "ERR_LMSPT_SHAPE",
      message: /v of shape \[3\], got \[4\]/,
    });
    const whole = { ...tensor, square: value([3]) };
    assert.throws(() => adamw([whole], { ...scalars, step: value([1]) }, options), {
      message: /step of shape \[\], got \[1\]/,
    });
    assert.throws(() => adamw([whole], scalars, { ...options, beta1: 1 }), { message: /beta1 from 0 to below 1/ });
    assert.throws(() => adamw([whole], scalars, { ...options, maxNorm: -1 }), { message: /max_norm of at least 0/ });
    const inputs = [
      scalars.rate,
      scalars.step,
      scalars.norm,
      whole.parameter,
      whole.mean,
      whole.square,
      whole.gradient,
    ];
    assert.throws(() => graph.apply("adamw", [...inputs, whole.parameter]), {
      message: /p, m, v and g of every tensor, got 5/,
    });
    const results = adamw([whole], scalars, options);
    assert.throws(() => graph.gradients([results[0]!.parameter], [whole.gradient]), {
      code: "ERR_LMSPT_UNSUPPORTED",
      message: /adamw\] has no gradient: updates parameters/,
    });
  });
});
