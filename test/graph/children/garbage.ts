/**
 * Graphs, plans, variables and devices that nobody holds while their work is in flight: node --expose-gc garbage.js
 * Prints how many results were right.
 */
import { Device } from "../../../lib/graph/device.js";
import { Graph } from "../../../lib/graph/graph.js";
import { add, linear } from "../../../lib/graph/ops/index.js";
import { Variable } from "../../../lib/graph/variable.js";

const collect = (globalThis as unknown as { gc: () => void }).gc;
const [rows, size] = [64, 256];

/** Starts a computation and drops everything but the promise. */
function start(number: number): Promise<boolean> {
  const device = number % 5 === 0 ? Device.open("cpu", { threads: 1 }) : shared;
  const graph = new Graph();
  const w = graph.variable(Variable.from(new Float32Array(size * size).fill(1), [size, size]));
  const y = add(linear(graph.input("x", [rows, size]), w), graph.constant(Float32Array.of(number), [1]));
  return graph
    .compile(device, { y })
    .then((plan) => plan.run({ x: new Float32Array(rows * size).fill(1) }))
    .then((results) => results.y.every((value) => value === size + number));
}

const shared = Device.open("cpu", { threads: 2 });

async function main(): Promise<void> {
  let right = 0;
  for (let round = 0; round < 10; round++) {
    const pending = Array.from({ length: 10 }, (_, i) => start(round * 10 + i));
    const collecting = setInterval(collect, 1);
    collect();
    right += (await Promise.all(pending)).filter(Boolean).length;
    clearInterval(collecting);
    collect();
  }
  console.log(right);
}

void main();
