/** The header of a safetensors file: which tensors it holds and where, strictly checked. */
import { FormatError, invalidArgument } from "../errors.js";
import { JsonReader, quoted } from "./json-reader.js";

/** Bytes of one element of every type that safetensors knows. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

/** Where one tensor lies: bytes `begin` up to, not including, `end` of the file, in C order, little-endian. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** By name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the tensors' data begins. */
  readonly dataBegin: number;
}

/** Bytes of the number that a file begins with: the length of the JSON behind it. */
export const LENGTH_BYTES = 8;
export const METADATA_NAME = "__metadata__";
const MAX_JSON_BYTES = 100_000_000;

/** Where the data of a file begins, from its first LENGTH_BYTES. @throws FormatError */
export function safetensorsDataBegin(start: Uint8Array, fileSize: number): number {
  if (start.length < LENGTH_BYTES)
    throw new FormatError("Not a safetensors file: it has fewer than 8 bytes", start.length);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const jsonBytes = Number(view.getBigUint64(0, true));
  if (jsonBytes < 2 || jsonBytes > Math.min(MAX_JSON_BYTES, fileSize - LENGTH_BYTES)) {
    throw new FormatError(
      `Not a safetensors file: it claims a header of ${jsonBytes} bytes in a file of ${fileSize} (limit ${MAX_JSON_BYTES})`,
      0,
    );
  }
  return LENGTH_BYTES + jsonBytes;
}

/**
 * Reads the header from the first bytes of a file (at least all of the header) of `fileSize` bytes. Every byte of data
 * must belong to exactly one tensor, whose type and shape account for it.
 * @throws FormatError with the offset of what is wrong
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataBegin = safetensorsDataBegin(bytes, fileSize);
  if (bytes.length < dataBegin) throw invalidArgument("bytes", `the first ${dataBegin} bytes of the file`, bytes);
  const reader = new JsonReader(bytes.subarray(0, dataBegin), LENGTH_BYTES);
  const tensors = new Map<string, TensorInfo>();
  const metadata = new Map<string, string>();
  const places: Place[] = [];
  if (bytes[LENGTH_BYTES] !== 0x7b)
    throw new FormatError("Expected the safetensors header to begin with {", LENGTH_BYTES);
  reader.object((name, at) => {
    if (name === METADATA_NAME) {
      reader.object((key) => metadata.set(key, reader.string()));
    } else {
      const info = readTensorInfo(reader, name, at, dataBegin);
      tensors.set(name, info);
      places.push({ name, at, begin: info.begin, end: info.end });
    }
  });
  reader.end();
  requireNoHoles(places, dataBegin, fileSize);
  return { tensors, metadata, dataBegin };
}

interface Place {
  readonly name: string;
  /** Offset of the tensor's entry in the header. */
  readonly at: number;
  readonly begin: number;
  readonly end: number;
}

function readTensorInfo(reader: JsonReader, name: string, at: number, dataBegin: number): TensorInfo {
  let dtype: Dtype | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const readNaturals = () => {
    const numbers: number[] = [];
    reader.array(() => numbers.push(reader.natural()));
    return numbers;
  };
  reader.object((field, fieldAt) => {
    if (field === "dtype") dtype = readDtype(reader);
    else if (field === "shape") shape = readNaturals();
    else if (field === "data_offsets") offsets = readNaturals();
    else throw new FormatError(`Unknown field ${quoted(field)} of tensor ${quoted(name)}`, fieldAt);
  });
  const label = `Tensor ${quoted(name)}`;
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw new FormatError(`${label} lacks dtype, shape or data_offsets`, at);
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2 || begin > end) {
    throw new FormatError(`${label} needs two ascending data_offsets, not [${offsets.slice(0, 3).join(", ")}]`, at);
  }
  const size = tensorBytes(dtype, shape);
  if (size !== end - begin) {
    throw new FormatError(`${label} has ${end - begin} bytes, but its type and shape need ${size}`, at);
  }
  return { dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

function readDtype(reader: JsonReader): Dtype {
  const at = reader.offset;
  const dtype = reader.string();
  if (!Object.hasOwn(DTYPE_BYTES, dtype)) throw new FormatError(`Unknown dtype ${quoted(dtype)}`, at);
  return dtype as Dtype;
}

/** Bytes of a tensor; not a safe integer where they are too many to count. */
export function tensorBytes(dtype: Dtype, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
}

function requireNoHoles(places: Place[], dataBegin: number, fileSize: number): void {
  let expected = dataBegin;
  for (const { name, at, begin, end } of places.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const label = `Tensor ${quoted(name)}`;
    if (begin < expected) throw new FormatError(`${label} overlaps the tensor before it`, at);
    if (begin > expected) throw new FormatError(`${begin - expected} bytes before ${label} belong to no tensor`, at);
    if (end > fileSize) throw new FormatError(`${label} ends at byte ${end}, the file at byte ${fileSize}`, at);
    expected = end;
  }
  if (expected !== fileSize) {
    throw new FormatError(`${fileSize - expected} bytes at the end of the file belong to no tensor`, expected);
  }
}
