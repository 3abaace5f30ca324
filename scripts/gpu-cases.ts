/**
 * Writes what scripts/gpu-check lets the native runner do on a GPU, as plan files:
 *   node dist/scripts/gpu-cases.js FOLDER
 * FOLDER/kernels holds the cases of all CUDA kernels with the CPU's results, FOLDER/models a small tokenizer's in the
 * same way, FOLDER/bench the published network at real size. Its weights are made up when a plan is loaded, of a few
 * numbers in the file, so that the folder stays small; only times are of interest there.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Device } from "../lib/graph/device.js";
import { Graph, type Value } from "../lib/graph/graph.js";
import type { Data } from "../lib/graph/native.js";
import * as ops from "../lib/graph/ops/index.js";
import { PRECISIONS, type Precision } from "../lib/graph/precision.js";
import type { Variable } from "../lib/graph/variable.js";
import { samplesPerFrame } from "../lib/models/config.js";
import type { LmSpt } from "../lib/models/lmspt.js";
import { loadModel } from "../lib/models/load.js";
import type { KernelCase } from "../test/device/cuda-case.js";
import { kernelCases } from "../test/device/cuda-cases.js";
import { folded, images, rounded, sequences, shifted } from "../test/device/product-cases.js";
import { inputShape, recordUnits, unitCases } from "../test/device/residual-unit-cases.js";
import { compute } from "../test/gemm/support.js";
import { randomFloats } from "../test/golden.js";
import { sizeOf } from "../test/ops/oracles.js";

/** Weights of a variable's shape that take next to no room: products of waves along each axis. */
class WavyGraph extends Graph {
  private waves = 0;

  override variable(variable: Variable): Value {
    const amplitude = largestOf(variable);
    let phase: Value | undefined;
    for (const [axis, length] of variable.shape.entries()) {
      const shape = variable.shape.map((_, other) => (other === axis ? length : 1));
      const wave = this.constant(
        randomFloats(length, ++this.waves).map((x) => 20 * x),
        shape,
      );
      phase = phase ? ops.add(phase, wave) : wave;
    }
    if (!phase) return super.variable(variable);
    return ops.affine(ops.tanh(ops.sub(phase, ops.round(phase))), amplitude, 0);
  }
}

function largestOf(variable: Variable): number {
  let largest = 0;
  for (const value of variable.read().subarray(0, 4096)) largest = Math.max(largest, Math.abs(value));
  return largest;
}

interface Recorded {
  readonly inputs: readonly { readonly value: Value; readonly data: Float32Array | Int32Array }[];
  readonly outputs: Readonly<Record<string, Value>>;
}

/** One signal, at another loudness in each row of the batch: the samples of all rows would be most of the file. */
function encoding(graph: Graph, model: LmSpt, batch: number, frames: number): Recorded {
  const length = frames * samplesPerFrame(model.config);
  const audio = graph.input("audio", [1, length, 1]);
  const gains = Float32Array.from({ length: batch }, (_, row) => 1 / (2 + row));
  const rows = ops.mul(audio, graph.constant(gains, [batch, 1, 1]));
  return { inputs: [{ value: audio, data: randomFloats(length, 1) }], outputs: { codes: model.encode(rows) } };
}

function decoding(graph: Graph, model: LmSpt, batch: number, frames: number): Recorded {
  const { n_codebooks: all, n_semantic_codebooks: semantic } = model.config;
  const codes = graph.input("codes", [batch, frames, all], "i32");
  const data = Int32Array.from({ length: batch * frames * all }, (_, i) => (i * 7919) % 1000);
  const audio = model.decode(ops.slice(codes, 2, 0, semantic), ops.slice(codes, 2, semantic, all - semantic));
  return { inputs: [{ value: codes, data }], outputs: { audio } };
}

const samplesOf = ({ inputs }: Recorded) => inputs.map(({ value, data }) => ({ value, data }));

/** Whether a case fits into a plan file of moderate size; the others are left to the tests in JavaScript. */
function isPortable({ inputs }: KernelCase): boolean {
  return inputs.length <= 64 && inputs.every((input) => (input?.data.length ?? 0) <= 1e6);
}

/** What the runner takes for the allowed error, which is relative to the largest value, not to max(|expected|, 1). */
function relativeTolerance(tolerance: number, expected: Data): number {
  let largest = 0;
  for (const value of expected) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest > 0 && largest < 1 ? tolerance / largest : tolerance;
}

async function writeKernels(folder: string, cpu: Device): Promise<number> {
  const cases = kernelCases.filter(isPortable);
  for (const [i, { op, inputs, attributes, tolerance }] of cases.entries()) {
    const graph = new Graph();
    const values = inputs.map(
      (input, k) => input && graph.input(`x${k}`, input.shape, input.data instanceof Int32Array ? "i32" : "f32"),
    );
    const outputs = Object.fromEntries(graph.apply(op, values, attributes).map((value, k) => [`y${k}`, value]));
    const given = inputs.flatMap((input, k) => (input ? [[`x${k}`, values[k]!, input.data] as const] : []));
    const plan = await graph.compile(cpu, outputs);
    const results = await plan.run(Object.fromEntries(given.map(([name, , data]) => [name, data])));
    const samples = [
      ...given.map(([, value, data]) => ({ value, data })),
      ...Object.entries(outputs).map(([name, value]) => ({
        value,
        data: results[name]!,
        tolerance: relativeTolerance(tolerance, results[name]!),
      })),
    ];
    writeFileSync(join(folder, `${op}-${String(i).padStart(4, "0")}.plan`), graph.serialize(outputs, samples));
    plan.close();
    graph.close();
  }
  return cases.length;
}

/** Products in reduced precisions, held to those of rounded operands. Convolutions in groups are in float32 anyway. */
async function writeProducts(folder: string, cpu: Device): Promise<number> {
  const cases = [...sequences, ...images, ...folded, ...shifted].filter(({ name }) => !name.includes("groups"));
  const tolerance = { tf32: 5e-5, bf16x3: 5e-5, bf16: 1e-5 } as const;
  for (const [precision, allowed] of Object.entries(tolerance) as [keyof typeof tolerance, number][]) {
    for (const [i, { inputs, build }] of cases.entries()) {
      const graph = new Graph();
      const given = Object.entries(inputs).map(([name, { data, shape }]) => ({
        value: graph.input(name, shape),
        data,
      }));
      const y = build(Object.fromEntries(Object.keys(inputs).map((name, k) => [name, given[k]!.value])));
      const expected = await compute(cpu, rounded(inputs, precision), "fp32", build);
      const samples = [...given, { value: y, data: expected, tolerance: allowed }];
      const file = `product_${precision}-${String(i).padStart(4, "0")}.plan`;
      writeFileSync(join(folder, file), graph.serialize({ y }, samples, { precision }));
      graph.close();
    }
  }
  return cases.length * Object.keys(tolerance).length;
}

/** Residual units in bf16, held to the CPU's in float32. */
async function writeUnits(folder: string, cpu: Device): Promise<number> {
  const precision = "bf16";
  for (const [i, units] of unitCases.entries()) {
    const graph = new Graph();
    const x = graph.input("x", inputShape(units));
    const y = recordUnits(graph, x, units);
    const plan = await graph.compile(cpu, { y });
    const data = randomFloats(sizeOf(x.shape), 100);
    const results = await plan.run({ x: data });
    const samples = [
      { value: x, data },
      { value: y, data: results.y!, tolerance: 3e-2 },
    ];
    writeFileSync(
      join(folder, `unit-${String(i).padStart(4, "0")}.plan`),
      graph.serialize({ y }, samples, { precision }),
    );
    plan.close();
    graph.close();
  }
  return unitCases.length;
}

async function writeModels(folder: string, cpu: Device): Promise<number> {
  const { model } = await loadModel("random:1:tiny");
  // bf16: twice the error of a plan whose products alone are rounded, without what lies in memory in between.
  const tolerance: Record<Precision, number> = { fp32: 1e-4, bf16x3: 1e-3, tf32: 1e-2, bf16: 7.5e-2 };
  let files = 0;
  for (const [name, record] of Object.entries({ encode: encoding, decode: decoding })) {
    for (const [precision, allowed] of Object.entries(tolerance) as [Precision, number][]) {
      // Codes of reduced precisions differ here and there, so that only float32 is compared.
      if (name === "encode" && precision !== "fp32") continue;
      const graph = new Graph();
      const recorded = record(graph, model, 2, 40);
      const plan = await graph.compile(cpu, recorded.outputs);
      const results = await plan.run(
        Object.fromEntries(recorded.inputs.map(({ data }, i) => [plan.inputs[i]!.name, data])),
      );
      const expected = Object.entries(recorded.outputs).map(([output, value]) => {
        return { value, data: results[output]!, tolerance: allowed };
      });
      const bytes = graph.serialize(recorded.outputs, [...samplesOf(recorded), ...expected], { precision });
      writeFileSync(join(folder, `${name}-${precision}.plan`), bytes);
      files++;
      plan.close();
      graph.close();
    }
  }
  return files;
}

/** What comes back to the host is not part of the time: of audio, one number of each row. */
function timed({ inputs, outputs }: Recorded): Recorded {
  const { audio } = outputs;
  return audio ? { inputs, outputs: { loudness: ops.mean(ops.abs(audio), { axes: [1] }) } } : { inputs, outputs };
}

async function writeBenchmarks(folder: string): Promise<number> {
  const { model } = await loadModel("random:1");
  let files = 0;
  for (const [name, record] of Object.entries({ encode: encoding, decode: decoding })) {
    for (const [batch, seconds] of [
      [1, 1],
      [1, 10],
      [32, 10],
    ] as const) {
      for (const precision of PRECISIONS) {
        const graph = new WavyGraph();
        const frames = Math.ceil((seconds * model.config.sample_rate) / samplesPerFrame(model.config));
        const recorded = timed(record(graph, model, batch, frames));
        const file = `${name}-${precision}-${batch}x${seconds}s.plan`;
        writeFileSync(join(folder, file), graph.serialize(recorded.outputs, samplesOf(recorded), { precision }));
        graph.close();
        files++;
      }
    }
  }
  return files;
}

async function main(folder: string | undefined): Promise<void> {
  if (folder === undefined) throw new Error("usage: gpu-cases FOLDER");
  rmSync(folder, { recursive: true, force: true });
  const [kernels, models, bench] = ["kernels", "models", "bench"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [kernels, models, bench]) mkdirSync(path, { recursive: true });
  await using cpu = Device.open("cpu");
  const kernelsWritten =
    (await writeKernels(kernels, cpu)) + (await writeProducts(kernels, cpu)) + (await writeUnits(kernels, cpu));
  const written = [await writeModels(models, cpu), await writeBenchmarks(bench)];
  console.log(`${folder}: ${kernelsWritten} cases of kernels, ${written[0]} of models, ${written[1]} to be timed`);
}

main(process.argv[2]).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
