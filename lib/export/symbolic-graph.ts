/**
 * Graphs have fixed shapes. One for every length comes of recording the same computation at several lengths and batch
 * sizes: what is equal in all recordings holds for every length, what differs is known to depend on it.
 */
import { LmsptError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import type { AttributeValue, Data, DType } from "../graph/native.js";
import type { RecordedNode, RecordingGraph } from "./recording-graph.js";

/** A batch size and a number of frames. */
export interface Size {
  readonly batch: number;
  readonly frames: number;
}

export interface Recording {
  readonly graph: RecordingGraph;
  readonly output: Value;
}

/** Without common factors, so that one dimension is not taken for another. */
const SIZES: readonly Size[] = [
  { batch: 2, frames: 3 },
  { batch: 5, frames: 7 },
  { batch: 3, frames: 11 },
  { batch: 7, frames: 4 },
];

export class SymbolicGraph {
  /** Those that the output depends on, in the order of recording. */
  readonly nodes: readonly SymbolicNode[];
  readonly output: number;
  private readonly makers = new Map<number, SymbolicNode>();
  private readonly constants = new Set<number>();

  private constructor(private readonly recordings: readonly Recording[]) {
    const first = recordings[0]!;
    this.output = first.output.id;
    if (recordings.some(({ output }) => output.id !== this.output)) refuse("its output is another operation's at some");
    const joined = first.graph.nodes.map((_, i) => this.join(i));
    const needed = new Set([this.output]);
    for (const node of [...joined].reverse()) {
      if (!node.outputs.some((id) => needed.has(id))) continue;
      for (const id of node.inputs) if (id !== undefined) needed.add(id);
    }
    this.nodes = joined.filter((node) => node.outputs.some((id) => needed.has(id)));
    for (const node of this.nodes) {
      const isConstant = node.kind !== "input" && node.inputs.every((id) => id === undefined || this.constants.has(id));
      for (const id of node.outputs) {
        this.makers.set(id, node);
        if (isConstant) this.constants.add(id);
      }
    }
  }

  /** Records at several sizes. Throws ERR_LMSPT_UNSUPPORTED where the recordings do not have one structure. */
  static record(record: (size: Size) => Recording): SymbolicGraph {
    return new SymbolicGraph(SIZES.map(record));
  }

  /** One of the recordings, to compute with what all have in common. */
  get sample(): RecordingGraph {
    return this.recordings[0]!.graph;
  }

  /** Whether a value does not depend on the inputs. */
  isConstant(id: number): boolean {
    return this.constants.has(id);
  }

  /** The node that makes a value. */
  maker(id: number): SymbolicNode {
    return this.makers.get(id)!;
  }

  dtype(id: number): DType {
    return this.sample.value(id).dtype;
  }

  rank(id: number): number {
    return this.sample.value(id).shape.length;
  }

  /** A dimension in every recording. */
  dimension(id: number, axis: number): readonly number[] {
    return this.recordings.map(({ graph }) => graph.value(id).shape[axis]!);
  }

  private join(index: number): SymbolicNode {
    const nodes = this.recordings.map(({ graph }) => graph.nodes[index]);
    const first = nodes[0]!;
    if (!nodes.every((node) => node !== undefined && isSameNode(node, first))) {
      refuse(`operation ${index} (${labelOf(first)}) differs`);
    }
    return new SymbolicNode(nodes as RecordedNode[]);
  }
}

export class SymbolicNode {
  readonly kind: RecordedNode["kind"];
  readonly inputs: readonly (number | undefined)[];
  readonly outputs: readonly number[];

  constructor(private readonly recorded: readonly RecordedNode[]) {
    const first = recorded[0]!;
    this.kind = first.kind;
    this.inputs = first.kind === "op" ? first.inputs : [];
    this.outputs = first.outputs;
  }

  /** As it was recorded at one of the sizes. */
  get sample(): RecordedNode {
    return this.recorded[0]!;
  }

  get label(): string {
    return labelOf(this.sample);
  }

  /** An attribute in every recording. */
  attributes(name: string): readonly AttributeValue[] {
    return this.recorded.map((node) => (node.kind === "op" ? node.attributes[name] : undefined));
  }

  /** A number that does not depend on the length. */
  number(name: string, fallback = 0): number {
    const [first, ...others] = this.attributes(name).map((value) => Number(value ?? fallback));
    if (others.some((value) => value !== first)) this.refuse(`its attribute ${name} depends on the length`);
    return first!;
  }

  /** Numbers that do not depend on the length. */
  numbers(name: string): readonly number[] {
    const [first, ...others] = this.attributes(name) as readonly (readonly number[])[];
    if (others.some((value) => !equalLists(value, first!))) this.refuse(`its attribute ${name} depends on the length`);
    return first!;
  }

  refuse(reason: string): never {
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", `The operation ${this.label} cannot be exported: ${reason}`);
  }
}

function refuse(reason: string): never {
  throw new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    `Expected a computation of one structure for all lengths, but ${reason}`,
  );
}

function labelOf(node: RecordedNode): string {
  return node.kind === "op" ? node.op : node.kind;
}

function isSameNode(a: RecordedNode, b: RecordedNode): boolean {
  if (!equalLists(a.outputs, b.outputs)) return false;
  if (a.kind === "op" && b.kind === "op") return a.op === b.op && equalLists(a.inputs, b.inputs);
  if (a.kind === "input" && b.kind === "input") return a.name === b.name;
  if (a.kind === "variable" && b.kind === "variable") return a.variable === b.variable;
  return a.kind === "constant" && b.kind === "constant" && equalLists(a.data, b.data);
}

function equalLists(a: ArrayLike<unknown>, b: ArrayLike<unknown> | Data): boolean {
  return a.length === b.length && Array.prototype.every.call(a, (value, i) => Object.is(value, b[i]));
}
