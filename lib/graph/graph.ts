/**
 * Graphs record what is computed; plans are graphs made ready for a device. Tensors are dense, row-major and
 * channels-last: (batch, time, channels).
 */
import {
  A_NUMBER,
  AN_ARRAY,
  AN_OBJECT,
  checkOptions,
  FLOATS_OR_INTEGERS,
  ITERABLE,
  requireKind,
  TRUE_OR_FALSE,
} from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import type { Device } from "./device.js";
import {
  type AttributeValue,
  type Data,
  type DType,
  type NativeGraph,
  type NativeSample,
  native,
  settled,
} from "./native.js";
import { Plan } from "./plan.js";
import { A_PRECISION, type Precision } from "./precision.js";
import type { Variable } from "./variable.js";

/** The result of an operation while recording; it holds a type and a shape, no data. */
export class Value {
  constructor(
    readonly graph: Graph,
    /** @internal */
    readonly id: number,
    readonly dtype: DType,
    readonly shape: readonly number[],
  ) {}

  /** Length of a dimension; negative ones count from the end. */
  dim(index: number): number {
    return this.shape[this.axis(index)]!;
  }

  /** A dimension's index from 0, from one that may count from the end. @throws LmsptError ERR_LMSPT_SHAPE */
  axis(index: number): number {
    const rank = this.shape.length;
    if (Number.isInteger(index) && index >= -rank && index < rank) return index < 0 ? index + rank : index;
    const shape = `a value of shape [${this.shape.join(", ")}]`;
    throw new LmsptError(
      "ERR_LMSPT_SHAPE",
      `Expected an axis from ${-rank} to ${rank - 1} of ${shape}, got ${String(index)}`,
    );
  }
}

/** Data to check a plan file with: of an input, or of an output with a tolerance relative to its largest value. */
export interface Sample {
  readonly value: Value;
  readonly data: Data;
  readonly tolerance?: number;
}

export interface PlanOptions {
  /** Of the matrix products that were not recorded with one of their own; `"fp32"` by default. */
  readonly precision?: Precision;
}

const PLAN_OPTIONS = { precision: A_PRECISION };

export interface GraphOptions {
  /** Gradients compute the values of segments again instead of keeping them: less memory, more work, the same bits. */
  readonly recompute?: boolean;
}

const GRAPH_OPTIONS = { recompute: TRUE_OR_FALSE };

export class Graph {
  private open: NativeGraph | undefined = new (native().Graph)();
  private readonly recompute: boolean;

  constructor(options: GraphOptions = {}) {
    this.recompute = checkOptions(options, GRAPH_OPTIONS).recompute ?? false;
  }

  /** Data that every run brings along, under a name. */
  input(name: string, shape: readonly number[], dtype: DType = "f32"): Value {
    return this.wrap(this.native.input(name, dtype, shape));
  }

  variable(variable: Variable): Value {
    return this.wrap(this.native.variable(variable?.native));
  }

  /** Data that is part of the graph. */
  constant(data: Data | number, shape: readonly number[] = []): Value {
    const array = typeof data === "number" ? Float32Array.of(data) : data;
    requireKind("the constant", FLOATS_OR_INTEGERS, array);
    return this.wrap(this.native.constant(array instanceof Float32Array ? "f32" : "i32", shape, array));
  }

  /** Records an operation; its shape rule is checked at once. The typed functions of `ops` call this. */
  apply(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Value[] {
    requireKind("the operands", AN_ARRAY, inputs);
    const ids = inputs.map((value) => (value ? this.idOf(value) : null));
    return this.native.apply(op, ids, attributes).map((id) => this.wrap(id));
  }

  /** What `body` records is a segment; see GraphOptions. */
  segment<Result>(body: () => Result): Result {
    if (!this.recompute) return body();
    this.native.beginSegment();
    try {
      return body();
    } finally {
      this.native.endSegment();
    }
  }

  /**
   * Gradients of the sum of all outputs times their seeds (ones by default) with respect to `wrt`, in that order;
   * zeros where an output does not depend on a value.
   */
  gradients(outputs: readonly Value[], wrt: readonly Value[], seeds?: readonly Value[]): Value[] {
    requireKind("the outputs", AN_ARRAY, outputs);
    const given = seeds ?? outputs.map((output) => this.fill(output.shape, 1));
    return this.native.gradients(this.ids(outputs), this.ids(given), this.ids(wrt)).map((id) => this.wrap(id));
  }

  /** A value of one repeated number. */
  fill(shape: readonly number[], number: number): Value {
    return this.apply("broadcast_to", [this.constant(number)], { shape })[0]!;
  }

  /**
   * Makes the outputs computable on a device. Only what they depend on is kept; what depends on frozen variables and
   * constants alone is computed now, once. Throws ERR_LMSPT_UNSUPPORTED for a precision that the device does not have.
   *
   * `updates` are variables, not frozen, with the values that every run gives them: computed from the old values of all
   * of them, and written where they lie. No output may be such a variable itself.
   */
  async compile<Name extends string>(
    device: Device,
    outputs: Readonly<Record<Name, Value>>,
    updates: Iterable<readonly [variable: Variable, value: Value]> = [],
    options: PlanOptions = {},
  ): Promise<Plan<Name>> {
    requireKind("the updates", ITERABLE, updates);
    const pairs = [...updates].map(([variable, value]) => [variable?.native, this.idOf(value)] as const);
    const { precision = "fp32" } = checkOptions(options, PLAN_OPTIONS);
    const plan = this.native.compile(device?.native, this.named(outputs), pairs, precision);
    return new Plan<Name>(device, await settled(plan));
  }

  /** The graph with its weights as one plan file, for the C API and for checks; see docs/plan-file.md. */
  serialize(
    outputs: Readonly<Record<string, Value>>,
    samples: readonly Sample[] = [],
    options: PlanOptions = {},
  ): Uint8Array {
    requireKind("the samples", AN_ARRAY, samples);
    const { precision = "fp32" } = checkOptions(options, PLAN_OPTIONS);
    return this.native.serialize(
      this.named(outputs),
      samples.map((sample) => this.nativeSample(sample)),
      precision,
    );
  }

  /** Gives the memory back now; nothing more can be recorded, plans stay as they are. Closing twice is harmless. */
  close(): void {
    this.open?.close();
    this.open = undefined;
  }

  private get native(): NativeGraph {
    if (this.open) return this.open;
    throw new LmsptError("ERR_LMSPT_CLOSED", "The graph is closed; record into a new one");
  }

  private wrap(id: number): Value {
    const { dtype, shape } = this.native.describe(id);
    return new Value(this, id, dtype, shape);
  }

  private idOf(value: Value): number {
    if (!(value instanceof Value)) throw invalidArgument("an operand", "a Value", value);
    if (value.graph !== this) throw invalidArgument("an operand", "a value of this graph", "one of another graph");
    return value.id;
  }

  private nativeSample(sample: Sample): NativeSample {
    requireKind("a sample", AN_OBJECT, sample);
    const { value, data, tolerance = 0 } = sample;
    requireKind("a sample's tolerance", A_NUMBER, tolerance);
    return { value: this.idOf(value), data, tolerance };
  }

  private ids(values: readonly Value[]): number[] {
    requireKind("the values", AN_ARRAY, values);
    return values.map((value) => this.idOf(value));
  }

  private named(outputs: Readonly<Record<string, Value>>): [string, number][] {
    requireKind("the outputs", AN_OBJECT, outputs);
    return Object.entries(outputs).map(([name, value]) => [name, this.idOf(value)]);
  }
}
