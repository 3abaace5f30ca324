/** Running small graphs on every CPU variant, and checking operations against reference vectors and differences. */
import { Device } from "../../lib/graph/device.js";
import { Graph, type Sample, type Value } from "../../lib/graph/graph.js";
import { type Data, native } from "../../lib/graph/native.js";
import { assertClose, type Golden, randomFloats } from "../golden.js";
import { sizeOf } from "./oracles.js";

/** Calls `body` within a describe block per CPU variant that this machine has. */
export function onEveryVariant(body: (device: () => Device) => void): void {
  for (const variant of native().describeCpu().variants) {
    describe(`on ${variant}`, () => {
      let device: Device;
      before(() => {
        device = Device.open("cpu", { variant });
      });
      after(() => device.close());
      body(() => device);
    });
  }
}

export interface TensorData {
  readonly data: Data;
  readonly shape: readonly number[];
}

/** Numbers between -1 and 1. */
export const randomTensor = (shape: readonly number[], seed: number) => ({
  data: randomFloats(sizeOf(shape), seed),
  shape,
});

/** Allowed difference of a result, relative to the largest expected magnitude. */
const caseTolerance = 1e-5;

type Inputs = Readonly<Record<string, TensorData>>;
type Build<Names extends string> = (values: Record<Names, Value>, graph: Graph) => Value;

/** A graph that was evaluated: its outputs, and the values of inputs and outputs, expected ones where they are known. */
export interface Evaluation {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly samples: readonly Sample[];
}

let observer: ((evaluation: Evaluation) => void) | undefined;

/** Calls `callback` for everything that is evaluated from now on: the native cases are made of it. */
export function observeEvaluations(callback: (evaluation: Evaluation) => void): void {
  observer = callback;
}

/**
 * The result of a small graph, and with `gy` the gradients of sum(result * gy) with respect to the f32 inputs.
 * `expected` names the reference values of the outputs y, gx ... for the observer.
 */
export async function evaluate<Names extends string>(
  device: Device,
  inputs: Readonly<Record<Names, TensorData>>,
  build: Build<Names>,
  gy?: Data,
  expected: Readonly<Record<string, Data>> = {},
): Promise<{ y: Data; shape: readonly number[]; gradients: Record<Names, Data> }> {
  const graph = new Graph();
  const entries = Object.entries<TensorData>(inputs as Inputs);
  const values = Object.fromEntries(
    entries.map(([name, { data, shape }]) => [
      name,
      graph.input(name, shape, data instanceof Int32Array ? "i32" : "f32"),
    ]),
  ) as Record<Names, Value>;
  const y = build(values, graph);
  const names = entries.filter(([, { data }]) => data instanceof Float32Array).map(([name]) => name as Names);
  const gradients = gy
    ? graph.gradients(
        [y],
        names.map((name) => values[name]),
        [graph.constant(gy, y.shape)],
      )
    : [];
  const outputs: Record<string, Value> = { y };
  for (const [i, gradient] of gradients.entries()) outputs[`g${names[i]}`] = gradient;
  const plan = await graph.compile(device, outputs);
  const fed = plan.inputs.map(({ name }) => [name, (inputs as Inputs)[name]!.data]);
  const results = await plan.run(Object.fromEntries(fed));
  const given: Sample[] = plan.inputs.map(({ name }) => ({
    value: values[name as Names],
    data: (inputs as Inputs)[name]!.data,
  }));
  const wanted: Sample[] = Object.entries(outputs).map(([name, value]) => ({
    value,
    data: expected[name] ?? results[name]!,
    tolerance: caseTolerance,
  }));
  observer?.({ graph, outputs, samples: [...given, ...wanted] });
  return {
    y: results.y!,
    shape: y.shape,
    gradients: Object.fromEntries(names.map((name) => [name, results[`g${name}`]])) as Record<Names, Data>,
  };
}

/** How a reference tensor comes into the engine's layout, and how a result goes back. */
export interface Layout {
  toEngine(tensor: TensorData): TensorData;
  fromEngine(tensor: TensorData): TensorData;
}

/** Forward and gradients of the case NAME: inputs NAME.x, .w ... named in `inputs`, NAME.y, NAME.gy, NAME.gx ... */
export async function checkGoldenCase<Names extends string>(
  device: Device,
  golden: Golden,
  name: string,
  inputs: readonly Names[],
  build: Build<Names>,
  layouts: Partial<Record<Names | "y", Layout>> = {},
): Promise<void> {
  const read = (key: string, layout: Layout | undefined): TensorData => {
    const tensor = { data: golden.floats(`${name}.${key}`), shape: golden.shape(`${name}.${key}`) };
    return layout ? layout.toEngine(tensor) : tensor;
  };
  const given = Object.fromEntries(inputs.map((key) => [key, read(key, layouts[key])])) as Record<Names, TensorData>;
  const expected = Object.fromEntries([
    ["y", read("y", layouts.y).data],
    ...inputs.map((key) => [`g${key}`, read(`g${key}`, layouts[key]).data]),
  ]);
  const { y, shape, gradients } = await evaluate(device, given, build, read("gy", layouts.y).data, expected);
  const back = (tensor: TensorData, layout: Layout | undefined) => (layout ? layout.fromEngine(tensor) : tensor).data;
  assertClose(back({ data: y, shape }, layouts.y), golden.floats(`${name}.y`), caseTolerance, `${name}.y`);
  for (const key of inputs) {
    const result = back({ data: gradients[key], shape: given[key].shape }, layouts[key]);
    assertClose(result, golden.floats(`${name}.g${key}`), caseTolerance, `${name}.g${key}`);
  }
}

/** The gradient of sum(y * gy) with respect to one element, by central differences in the variable's own steps. */
export async function differenceQuotient<Names extends string>(
  device: Device,
  inputs: Readonly<Record<Names, TensorData>>,
  build: Build<Names>,
  gy: Data,
  name: Names,
  index: number,
  step = 1e-2,
): Promise<number> {
  const at = async (offset: number) => {
    const data = inputs[name].data.slice();
    data[index]! += offset;
    const { y } = await evaluate(device, { ...inputs, [name]: { ...inputs[name], data } }, build);
    return (y as Float32Array).reduce((total, value, i) => total + value * gy[i]!, 0);
  };
  return ((await at(step)) - (await at(-step))) / (2 * step);
}
