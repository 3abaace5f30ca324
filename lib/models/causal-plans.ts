/**
 * Steps of streams through a causal model: a few frames in, as many out. What one step leaves for the next is data that
 * goes in and comes out, so that one plan per number of frames serves any number of streams.
 */
import { invalidArgument, LmsptError } from "../errors.js";
import type { Device } from "../graph/device.js";
import { Graph, type Value } from "../graph/graph.js";
import type { Data, Port } from "../graph/native.js";
import { slice } from "../graph/ops/index.js";
import type { Plan } from "../graph/plan.js";
import { PlanCache } from "../graph/plan-cache.js";
import type { Precision } from "../graph/precision.js";
import { StreamStep } from "../nn/index.js";
import { samplesPerFrame } from "./config.js";
import type { DecodeSelection } from "./engine.js";
import type { LmSpt } from "./lmspt.js";

/** The rows that the layers remember, by their names in the plan; those absent are zeros, as where a stream begins. */
export type Past = Readonly<Record<string, Float32Array>>;

/** Of a step: what came out, and what the next one starts from. */
export interface StepResult<Result> {
  readonly y: Result;
  readonly past: Past;
}

/** What is recorded of a step: the input `x`, the outputs `y` and those of StreamStep. */
export interface RecordedStep {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
}

const CACHED_PLANS = 32;

export class CausalPlans {
  private readonly plans = new PlanCache<Plan>(CACHED_PLANS);

  /** Throws ERR_LMSPT_UNSUPPORTED for a model that is not causal. */
  constructor(
    readonly model: LmSpt,
    private readonly device: Device,
    private readonly precision: Precision = "fp32",
  ) {
    if (model.config.is_causal) return;
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      "Expected a model with is_causal, but this one looks at audio to come; encode and decode it in windows",
    );
  }

  /** Samples of `frames` frames -> their codes (frames, K). */
  encode(frames: number, samples: Float32Array, past: Past): Promise<StepResult<Int32Array>> {
    return this.useEncoding(frames, (plan) => run(plan, samples, past)) as Promise<StepResult<Int32Array>>;
  }

  /** Codes (frames, K) of all codebooks -> their samples. */
  decode(frames: number, codes: Int32Array, selection: DecodeSelection, past: Past): Promise<StepResult<Float32Array>> {
    return this.useDecoding(frames, selection, (plan) => run(plan, codes, past)) as Promise<StepResult<Float32Array>>;
  }

  /** Works with the plan of so many frames. */
  useEncoding<T>(frames: number, work: (plan: Plan) => T | Promise<T>): Promise<T> {
    return this.plans.use(`encode ${frames}`, () => this.compile(recordEncoding(this.model, frames)), work);
  }

  useDecoding<T>(frames: number, selection: DecodeSelection, work: (plan: Plan) => T | Promise<T>): Promise<T> {
    const key = `decode ${selection.semantic} ${selection.acoustic} ${frames}`;
    return this.plans.use(key, () => this.compile(recordDecoding(this.model, frames, selection)), work);
  }

  /** Gives the memory of the plans back; the model stays as it is. */
  close(): void {
    this.plans.clear();
  }

  private compile({ graph, outputs }: RecordedStep): Promise<Plan> {
    return graph.compile<string>(this.device, outputs, [], { precision: this.precision });
  }
}

export function recordEncoding(model: LmSpt, frames: number): RecordedStep {
  const graph = new Graph();
  const step = new StreamStep();
  const samples = frames * samplesPerFrame(model.config);
  const y = model.encode(graph.input("x", [1, samples, 1]), step);
  return { graph, outputs: { y, ...step.outputs } };
}

export function recordDecoding(model: LmSpt, frames: number, selection: DecodeSelection): RecordedStep {
  const graph = new Graph();
  const step = new StreamStep();
  const { n_codebooks: total, n_semantic_codebooks: firstAcoustic } = model.config;
  const codes = graph.input("x", [1, frames, total], "i32");
  const part = (start: number, count: number) => (count > 0 ? slice(codes, 2, start, count) : undefined);
  const y = model.decode(part(0, selection.semantic), part(firstAcoustic, selection.acoustic), step);
  return { graph, outputs: { y, ...step.outputs } };
}

/** The plan's inputs that come from the step before. */
export function pastPorts(plan: Plan): Port[] {
  return plan.inputs.filter(({ name }) => name !== "x");
}

/** Throws ERR_LMSPT_INVALID_ARGUMENT where `past` is not what a step of this plan leaves. */
export function checkPast(plan: Plan, past: Past): void {
  const expected = new Map(pastPorts(plan).map((port) => [port.name, sizeOf(port)]));
  for (const [name, data] of Object.entries(past)) {
    if (data instanceof Float32Array && data.length === expected.get(name)) continue;
    throw invalidArgument("the snapshot", "one of a stream of this kind and of this model", `another "${name}"`);
  }
}

async function run(plan: Plan, x: Data, past: Past): Promise<StepResult<Data>> {
  const inputs: Record<string, Data> = { x };
  for (const port of pastPorts(plan)) inputs[port.name] = past[port.name] ?? new Float32Array(sizeOf(port));
  const { y, ...rest } = await plan.run(inputs);
  return { y: y!, past: rest as Past };
}

function sizeOf({ shape }: Port): number {
  return shape.reduce((a, b) => a * b, 1);
}
