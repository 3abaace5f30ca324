/** Graphs in reduced precisions on every unit that multiplies bf16 matrices. */
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { native } from "../../lib/graph/native.js";
import type { Precision } from "../../lib/graph/precision.js";
import type { TensorData } from "../ops/support.js";

/** Calls `body` for every CPU variant of this machine, and for emulated AMX tiles. */
export function onEveryUnit(body: (device: () => Device, variant: string) => void): void {
  for (const variant of [...native().describeCpu().variants, "amx-emulated"]) {
    describe(`on ${variant}`, () => {
      let device: Device;
      before(() => {
        device = Device.open("cpu", { variant });
      });
      after(() => device.close());
      body(() => device, variant);
    });
  }
}

/** Runs a graph once. */
export async function compute<Names extends string>(
  device: Device,
  inputs: Readonly<Record<Names, TensorData>>,
  precision: Precision,
  build: (values: Record<Names, Value>) => Value,
): Promise<Float32Array> {
  const graph = new Graph();
  const entries = Object.entries<TensorData>(inputs);
  const values = Object.fromEntries(
    entries.map(([name, { data, shape }]) => [
      name,
      graph.input(name, shape, data instanceof Int32Array ? "i32" : "f32"),
    ]),
  );
  const plan = await graph.compile(device, { y: build(values as Record<Names, Value>) }, [], { precision });
  const { y } = await plan.run(Object.fromEntries(entries.map(([name, { data }]) => [name, data])));
  plan.close();
  return y as Float32Array;
}
