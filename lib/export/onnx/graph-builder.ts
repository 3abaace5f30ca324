/** Collects the nodes, tensors and ports of an ONNX graph under unique names. */
import { LmsptError } from "../../errors.js";
import type { Data } from "../../graph/native.js";
import {
  ATTRIBUTE,
  type AttributeProto,
  ELEMENT,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "./schema.js";

/** The operator set that all nodes are of, and the version of the file format that belongs to it. */
const OPSET = 17;
const IR_VERSION = 8;

/** Protobuf messages end at 2 GiB; what is no tensor needs far less than the rest. */
const MOST_TENSOR_BYTES = 2 ** 31 - 2 ** 24;

export type ElementType = keyof typeof ELEMENT;

/** An integer, list of integers or string; `{ float }` marks a number that is no integer. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** A length, or the name of one that every run may choose. */
export type Dimension = number | string;

export interface ModelDescription {
  readonly name: string;
  readonly description: string;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export class OnnxGraphBuilder {
  private readonly nodes: NodeProto[] = [];
  private readonly tensors: TensorProto[] = [];
  private readonly inputs: ReturnType<typeof port>[] = [];
  private readonly outputs: ReturnType<typeof port>[] = [];
  private readonly taken = new Set<string>();
  private tensorBytes = 0;

  input(name: string, type: ElementType, dims: readonly Dimension[]): string {
    this.taken.add(name);
    this.inputs.push(port(name, type, dims));
    return name;
  }

  /** Gives a value its name as an output. */
  output(name: string, value: string, type: ElementType, dims: readonly Dimension[]): void {
    this.taken.add(name);
    this.nodes.push({ name: this.unique("output"), opType: "Identity", input: [value], output: [name], attribute: [] });
    this.outputs.push(port(name, type, dims));
  }

  /** Adds a node of one output and returns the output's name. */
  node(
    opType: string,
    inputs: readonly (string | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const name = this.unique(opType);
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.nodes.push({ name, opType, input: inputs.map((input) => input ?? ""), output: [name], attribute });
    return name;
  }

  /** Adds data; a Float32Array stays as it is, integers become int64. Returns the tensor's name. */
  tensor(hint: string, data: Data | readonly number[], dims: readonly number[]): string {
    const name = this.unique(hint);
    const isFloat = data instanceof Float32Array;
    const elements = isFloat ? data : BigInt64Array.from(data, BigInt);
    const rawData = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
    this.tensorBytes += rawData.length;
    if (this.tensorBytes > MOST_TENSOR_BYTES) {
      throw new LmsptError("ERR_LMSPT_UNSUPPORTED", "The weights exceed the 2 GiB that fit into one ONNX file");
    }
    this.tensors.push({ name, dims, dataType: isFloat ? ELEMENT.float : ELEMENT.int64, rawData });
    return name;
  }

  /** A vector of integers. */
  integers(...values: number[]): string {
    return this.tensor("integers", values, [values.length]);
  }

  build({ name, description, producerVersion, metadata }: ModelDescription): ModelProto {
    return {
      irVersion: IR_VERSION,
      producerName: "lmspt",
      producerVersion,
      docString: description,
      graph: { name, node: this.nodes, initializer: this.tensors, input: this.inputs, output: this.outputs },
      opsetImport: [{ version: OPSET }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    };
  }

  private unique(hint: string): string {
    let name = hint;
    for (let i = 1; this.taken.has(name); i++) name = `${hint}_${i}`;
    this.taken.add(name);
    return name;
  }
}

function port(name: string, type: ElementType, dims: readonly Dimension[]) {
  const dim = dims.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ELEMENT[type], shape: { dim } } } };
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === "number") return { name, type: ATTRIBUTE.int, i: value };
  if (typeof value === "string") return { name, type: ATTRIBUTE.string, s: Buffer.from(value) };
  if ("float" in value) return { name, type: ATTRIBUTE.float, f: value.float };
  return { name, type: ATTRIBUTE.ints, ints: value };
}
