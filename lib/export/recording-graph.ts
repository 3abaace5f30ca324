/** A graph that remembers what is recorded into it, so that it can be translated into other forms. */
import { Graph, type Value } from "../graph/graph.js";
import type { AttributeValue, Data, DType } from "../graph/native.js";
import type { Variable } from "../graph/variable.js";

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** What made a value. Values are named by their number in the graph. */
export type RecordedNode =
  | { readonly kind: "input"; readonly name: string; readonly outputs: readonly number[] }
  | { readonly kind: "variable"; readonly variable: Variable; readonly outputs: readonly number[] }
  | { readonly kind: "constant"; readonly data: Data; readonly outputs: readonly number[] }
  | {
      readonly kind: "op";
      readonly op: string;
      /** Undefined for an absent optional input. */
      readonly inputs: readonly (number | undefined)[];
      /** As they were given: absent ones have the default of the op. */
      readonly attributes: Attributes;
      readonly outputs: readonly number[];
    };

export class RecordingGraph extends Graph {
  /** In the order of recording: every node comes after those that it reads. */
  readonly nodes: RecordedNode[] = [];
  private readonly recorded = new Map<number, Value>();

  /** A recorded value by its number. */
  value(id: number): Value {
    return this.recorded.get(id)!;
  }

  override input(name: string, shape: readonly number[], dtype?: DType): Value {
    return this.remember(super.input(name, shape, dtype), (outputs) => ({ kind: "input", name, outputs }));
  }

  override variable(variable: Variable): Value {
    return this.remember(super.variable(variable), (outputs) => ({ kind: "variable", variable, outputs }));
  }

  override constant(data: Data | number, shape?: readonly number[]): Value {
    const copy = typeof data === "number" ? Float32Array.of(data) : data.slice();
    return this.remember(super.constant(data, shape), (outputs) => ({ kind: "constant", data: copy, outputs }));
  }

  override apply(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value[] {
    const results = super.apply(op, inputs, attributes);
    for (const result of results) this.recorded.set(result.id, result);
    const ids = (values: readonly (Value | undefined)[]) => values.map((value) => value?.id);
    this.nodes.push({ kind: "op", op, inputs: ids(inputs), attributes, outputs: ids(results) as number[] });
    return results;
  }

  /** A variable that is used again is the value that it was. */
  private remember(value: Value, describe: (outputs: readonly number[]) => RecordedNode): Value {
    if (!this.recorded.has(value.id)) {
      this.recorded.set(value.id, value);
      this.nodes.push(describe([value.id]));
    }
    return value;
  }
}
