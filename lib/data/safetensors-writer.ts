import { invalidArgument } from "../errors.js";
import { AtomicFile } from "../io/atomic-file.js";
import { LENGTH_BYTES, METADATA_NAME, tensorBytes } from "./safetensors.js";
import type { Tensor } from "./safetensors-reader.js";

/** A tensor as a file holds it; `data` of the types F16 and BF16 are the bits that `narrow` gives. */
export type StoredTensor =
  | Tensor
  | { readonly dtype: "F16" | "BF16"; readonly shape: readonly number[]; readonly data: Uint16Array };

const ALIGNMENT = 64;

const ARRAY_OF_DTYPE = {
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

type Named<T> = Iterable<readonly [name: string, value: T]>;

/**
 * The bytes of a safetensors file. Tensors lie in the given order, the first at a multiple of 64 bytes.
 * @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT (names that repeat or are reserved, data that do not fit type and shape)
 */
export function encodeSafetensors(
  tensors: Named<StoredTensor>,
  options: { metadata?: Named<string> } = {},
): Uint8Array {
  const entries = [...tensors];
  return Buffer.concat([
    encodeHeader(entries, [...(options.metadata ?? [])]),
    ...entries.map(([, { data }]) => bytesOf(data)),
  ]);
}

/**
 * Writes what `encodeSafetensors` gives, tensor by tensor, into a file that appears under its name only when it is complete
 * and synced.
 * @throws LmsptError as encodeSafetensors, and ERR_LMSPT_IO; signal.reason
 */
export async function writeSafetensors(
  path: string,
  tensors: Named<StoredTensor>,
  options: { metadata?: Named<string>; signal?: AbortSignal } = {},
): Promise<void> {
  const entries = [...tensors];
  const header = encodeHeader(entries, [...(options.metadata ?? [])]);
  const file = await AtomicFile.create(path);
  try {
    await file.write(header, 0);
    let offset = header.length;
    for (const [, { data }] of entries) {
      options.signal?.throwIfAborted();
      await file.write(bytesOf(data), offset);
      offset += data.byteLength;
    }
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.commit();
}

/** The length and the JSON, padded with spaces. Built by hand because objects reorder names that look like numbers. */
function encodeHeader(
  tensors: readonly (readonly [string, StoredTensor])[],
  metadata: readonly (readonly [string, string])[],
): Uint8Array {
  requireDistinctNames(tensors.map(([name]) => name));
  requireDistinctNames(metadata.map(([name]) => name));
  const members: string[] = [];
  if (metadata.length > 0) {
    const pairs = metadata.map(([name, value]) => `${JSON.stringify(name)}:${jsonString(value)}`);
    members.push(`"${METADATA_NAME}":{${pairs.join(",")}}`);
  }
  let begin = 0;
  for (const [name, tensor] of tensors) {
    requireTensor(name, tensor);
    const end = begin + tensor.data.byteLength;
    const { dtype, shape } = tensor;
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    begin = end;
  }
  const json = Buffer.from(`{${members.join(",")}}`);
  const dataBegin = Math.ceil((LENGTH_BYTES + json.length) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(dataBegin, " ");
  header.writeBigUInt64LE(BigInt(dataBegin - LENGTH_BYTES));
  header.set(json, LENGTH_BYTES);
  return header;
}

function requireDistinctNames(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (typeof name !== "string" || name === METADATA_NAME || seen.has(name)) {
      throw invalidArgument("a name", `a string that is used once and is not ${METADATA_NAME}`, name);
    }
    seen.add(name);
  }
}

function requireTensor(name: string, { dtype, shape, data }: StoredTensor): void {
  const expectedArray = Object.hasOwn(ARRAY_OF_DTYPE, dtype) ? ARRAY_OF_DTYPE[dtype] : undefined;
  if (expectedArray === undefined) {
    throw invalidArgument(`${name}.dtype`, Object.keys(ARRAY_OF_DTYPE).join(", "), dtype);
  }
  if (!(data instanceof expectedArray)) throw invalidArgument(`${name}.data`, `a ${expectedArray.name}`, data);
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalidArgument(`${name}.shape`, "a list of whole numbers", shape);
  }
  const bytes = tensorBytes(dtype, shape);
  if (bytes !== data.byteLength) {
    throw invalidArgument(`${name}.data`, `${bytes} bytes for shape [${shape.join(", ")}]`, data);
  }
}

function jsonString(value: unknown): string {
  if (typeof value !== "string") throw invalidArgument("metadata", "strings as values", value);
  return JSON.stringify(value);
}

function bytesOf(data: StoredTensor["data"]): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
