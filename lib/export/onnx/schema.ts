/** The part of ONNX's file format (onnx.proto) that exported models use, written by protobufjs. */
import protobuf from "protobufjs/light.js";

export const ELEMENT = { float: 1, int64: 7 } as const;
export const ATTRIBUTE = { float: 1, int: 2, ints: 7, string: 3 } as const;

export interface TensorProto {
  name: string;
  dims: readonly number[];
  dataType: number;
  /** Elements in little-endian order. */
  rawData: Uint8Array;
}

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: readonly number[];
}

export interface NodeProto {
  name: string;
  opType: string;
  /** An empty name stands for an absent optional input. */
  input: readonly string[];
  output: readonly string[];
  attribute: readonly AttributeProto[];
}

export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: readonly { dimValue?: number; dimParam?: string }[] } } };
}

export interface ModelProto {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  docString: string;
  graph: {
    name: string;
    node: readonly NodeProto[];
    initializer: readonly TensorProto[];
    input: readonly ValueInfoProto[];
    output: readonly ValueInfoProto[];
  };
  /** Of the standard operators, whose domain has no name. */
  opsetImport: readonly { version: number }[];
  metadataProps: readonly { key: string; value: string }[];
}

type Field = { rule?: "repeated"; type: string; id: number };

const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ rule: "repeated", type, id });

const MESSAGES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  ModelProto: {
    irVersion: one("int64", 1),
    producerName: one("string", 2),
    producerVersion: one("string", 3),
    docString: one("string", 6),
    graph: one("GraphProto", 7),
    opsetImport: many("OperatorSetIdProto", 8),
    metadataProps: many("StringStringEntryProto", 14),
  },
  OperatorSetIdProto: { version: one("int64", 2) },
  StringStringEntryProto: { key: one("string", 1), value: one("string", 2) },
  GraphProto: {
    node: many("NodeProto", 1),
    name: one("string", 2),
    initializer: many("TensorProto", 5),
    input: many("ValueInfoProto", 11),
    output: many("ValueInfoProto", 12),
  },
  NodeProto: {
    input: many("string", 1),
    output: many("string", 2),
    name: one("string", 3),
    opType: one("string", 4),
    attribute: many("AttributeProto", 5),
  },
  AttributeProto: {
    name: one("string", 1),
    f: one("float", 2),
    i: one("int64", 3),
    s: one("bytes", 4),
    ints: many("int64", 8),
    type: one("int32", 20),
  },
  TensorProto: {
    dims: many("int64", 1),
    dataType: one("int32", 2),
    name: one("string", 8),
    rawData: one("bytes", 9),
  },
  ValueInfoProto: { name: one("string", 1), type: one("TypeProto", 2) },
  TypeProto: { tensorType: one("TensorTypeProto", 1) },
  TensorTypeProto: { elemType: one("int32", 1), shape: one("TensorShapeProto", 2) },
  TensorShapeProto: { dim: many("DimensionProto", 1) },
  DimensionProto: { dimValue: one("int64", 1), dimParam: one("string", 2) },
};

const nested = Object.fromEntries(Object.entries(MESSAGES).map(([name, fields]) => [name, { fields }]));
const modelType = protobuf.Root.fromJSON({ nested }).lookupType("ModelProto");

export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(model).finish();
}

/** The inverse; fields that the schema above lacks are left out. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return modelType.toObject(modelType.decode(bytes), { longs: Number, arrays: true }) as unknown as ModelProto;
}
