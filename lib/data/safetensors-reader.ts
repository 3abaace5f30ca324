import { FormatError, LmsptError } from "../errors.js";
import { FileBytes } from "../io/file-bytes.js";
import { widen } from "./half-precision.js";
import {
  type Dtype,
  LENGTH_BYTES,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsDataBegin,
  type TensorInfo,
} from "./safetensors.js";

export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor in memory, in C order. F16 and BF16 are widened, so their `dtype` is F32. BOOL is 0 or 1 in a Uint8Array. */
export interface Tensor {
  readonly dtype: "F32" | "F64" | "I64" | "I32" | "U8" | "BOOL";
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Reads the header of the safetensors file at `path`. @throws FormatError, LmsptError ERR_LMSPT_IO */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, readHeader);
}

/**
 * Reads one tensor of the file at `path`, as `readSafetensorsHeader` describes it.
 * @throws LmsptError ERR_LMSPT_UNSUPPORTED for types other than F32, F16, BF16, F64, I64, I32, U8 and BOOL
 */
export async function readTensor(path: string, info: TensorInfo): Promise<Tensor> {
  return withFile(path, (file) => readData(file, info));
}

/** Reads all tensors of the file at `path`, in the order of the header. @throws as readTensor, signal.reason */
export async function readSafetensors(
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<{ tensors: Map<string, Tensor>; metadata: ReadonlyMap<string, string> }> {
  return withFile(path, async (file) => {
    const header = await readHeader(file);
    const tensors = new Map<string, Tensor>();
    for (const [name, info] of header.tensors) {
      options.signal?.throwIfAborted();
      tensors.set(name, await readData(file, info));
    }
    return { tensors, metadata: header.metadata };
  });
}

async function withFile<T>(path: string, use: (file: FileBytes) => Promise<T>): Promise<T> {
  const file = await FileBytes.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileBytes): Promise<SafetensorsHeader> {
  const dataBegin = safetensorsDataBegin(await file.read(0, LENGTH_BYTES), file.size);
  return parseSafetensorsHeader(await file.read(0, dataBegin), file.size);
}

async function readData(file: FileBytes, info: TensorInfo): Promise<Tensor> {
  requireReadable(info.dtype);
  const bytes = await file.read(info.begin, info.end - info.begin);
  if (bytes.length < info.end - info.begin) {
    throw new FormatError(`The tensor's data in ${file.path} is cut off`, info.begin + bytes.length);
  }
  return decodeTensor(bytes, info.dtype, info.shape);
}

type ReadableDtype = Tensor["dtype"] | "F16" | "BF16";

function requireReadable(dtype: Dtype): asserts dtype is ReadableDtype {
  if (!["F32", "F16", "BF16", "F64", "I64", "I32", "U8", "BOOL"].includes(dtype)) {
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      `Tensors are read from F32, F16, BF16, F64, I64, I32, U8 or BOOL, not from ${dtype}; convert the file first`,
    );
  }
}

/** `bytes` begin their own ArrayBuffer. */
function decodeTensor(bytes: Uint8Array, dtype: ReadableDtype, shape: readonly number[]): Tensor {
  const { buffer } = bytes;
  switch (dtype) {
    case "F32":
      return { dtype, shape, data: new Float32Array(buffer) };
    case "F64":
      return { dtype, shape, data: new Float64Array(buffer) };
    case "I64":
      return { dtype, shape, data: new BigInt64Array(buffer) };
    case "I32":
      return { dtype, shape, data: new Int32Array(buffer) };
    case "U8":
    case "BOOL":
      return { dtype, shape, data: bytes };
    case "F16":
    case "BF16":
      return { dtype: "F32", shape, data: widen(new Uint16Array(buffer), dtype) };
  }
}
