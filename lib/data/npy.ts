/**
 * Token codes as NPY, the array format of NumPy: the codes alone, shape [K, frames], semantic codebooks first. What NPY
 * cannot hold (rates, sizes, length, model) is given by the caller when reading.
 */
import { FormatError, invalidArgument, LmsptError } from "../errors.js";
import {
  codebookSizes,
  createTokens,
  findOutOfRange,
  samplesPerFrame,
  type TokenSpec,
  type Tokens,
  tokenCodes,
  tokensFromCodes,
  validateTokenSpec,
} from "./tokens.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const ALIGNMENT = 64;
const PREAMBLE_BYTES = 10;

/** NPY version 1.0 of all codes: little-endian int64, C order, shape [K, frames], data aligned to 64 bytes. */
export function tokensToNpy(tokens: Tokens): Uint8Array {
  const rows = tokenCodes(tokens);
  const dictionary = `{'descr': '<i8', 'fortran_order': False, 'shape': (${rows.length}, ${tokens.frames}), }`;
  const dataBegin = Math.ceil((PREAMBLE_BYTES + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const headerBytes = dataBegin - PREAMBLE_BYTES;
  const bytes = new Uint8Array(dataBegin + rows.length * tokens.frames * 8);
  const view = new DataView(bytes.buffer);
  bytes.set([...MAGIC, 1, 0]);
  view.setUint16(8, headerBytes, true);
  bytes.set(Buffer.from(`${dictionary.padEnd(headerBytes - 1)}\n`, "latin1"), PREAMBLE_BYTES);
  let offset = dataBegin;
  for (const row of rows) {
    for (const code of row) {
      view.setUint32(offset, code, true);
      offset += 8;
    }
  }
  return bytes;
}

/**
 * Reads codes of shape [K, frames] from NPY (versions 1 to 3; int16, int32 or int64 of either byte order; C or Fortran
 * order). `spec` says what NPY does not; `samples` is taken as whole frames when it is not given.
 * @throws FormatError with the offset, LmsptError ERR_LMSPT_UNSUPPORTED for other types of numbers,
 * ERR_LMSPT_INVALID_ARGUMENT when `spec` or `samples` do not fit
 */
export function tokensFromNpy(bytes: Uint8Array, spec: TokenSpec & { readonly samples?: number }): Tokens {
  validateTokenSpec(spec);
  const array = parseHeader(bytes);
  const codebooks = spec.semanticCodebooks + spec.acousticCodebooks;
  const [rows, frames] = array.shape;
  if (array.shape.length !== 2 || rows !== codebooks || frames === undefined) {
    throw new FormatError(
      `Expected an NPY array of shape (${codebooks}, frames) but found (${array.shape.join(", ")})`,
      PREAMBLE_BYTES,
    );
  }
  const codes = readCodes(bytes, array, codebookSizes(spec), frames);
  const { samples = frames * samplesPerFrame(spec) } = spec;
  const { semantic, acoustic } = tokensFromCodes(spec, codes, samples);
  return createTokens({ ...spec, semantic, acoustic, samples });
}

interface NpyArray {
  readonly itemBytes: number;
  readonly littleEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  readonly dataBegin: number;
}

function parseHeader(bytes: Uint8Array): NpyArray {
  if (!(bytes instanceof Uint8Array)) throw invalidArgument("bytes", "a Uint8Array", bytes);
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new FormatError("Not an NPY file: it does not begin with \\x93NUMPY", 0);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[6];
  if (major !== 1 && major !== 2 && major !== 3) {
    throw new FormatError(`Expected NPY version 1, 2 or 3 but found ${major ?? "the end of the file"}`, 6);
  }
  const preamble = major === 1 ? PREAMBLE_BYTES : PREAMBLE_BYTES + 2;
  if (bytes.length < preamble) throw new FormatError("The NPY header is cut off", bytes.length);
  const headerBytes = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataBegin = preamble + headerBytes;
  if (dataBegin > bytes.length) {
    throw new FormatError(`The NPY header claims ${headerBytes} bytes, more than the file has`, 8);
  }
  const text = Buffer.from(bytes.subarray(preamble, dataBegin)).toString("latin1");
  const type = field(text, /'descr': *'([<>|])([a-zA-Z]\d*)'/, "descr", preamble);
  if (!["i2", "i4", "i8"].includes(type[2]!)) {
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      `Codes in NPY are read from int16, int32 or int64, not from '${type[1]}${type[2]}'; convert the array first`,
    );
  }
  const order = field(text, /'fortran_order': *(True|False)/, "fortran_order", preamble);
  const shape = field(text, /'shape': *\(([\d, ]*)\)/, "shape", preamble)[1]!;
  const array = {
    itemBytes: Number(type[2]!.slice(1)),
    littleEndian: type[1] === "<",
    fortranOrder: order[1] === "True",
    shape: (shape.match(/\d+/g) ?? []).map(Number),
    dataBegin,
  };
  const claimed = array.shape.reduce((product, size) => product * size, array.itemBytes);
  if (claimed !== bytes.length - dataBegin) {
    throw new FormatError(
      `The NPY header promises ${claimed} bytes of data, but ${bytes.length - dataBegin} follow`,
      dataBegin,
    );
  }
  return array;
}

function field(header: string, pattern: RegExp, name: string, offset: number): RegExpExecArray {
  const match = pattern.exec(header);
  if (match === null) throw new FormatError(`The NPY header has no valid '${name}'`, offset);
  return match;
}

function readCodes(bytes: Uint8Array, array: NpyArray, sizes: readonly number[], frames: number): Int32Array[] {
  const { itemBytes, littleEndian, fortranOrder, dataBegin } = array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [frameStride, rowStride] = fortranOrder
    ? [sizes.length * itemBytes, itemBytes]
    : [itemBytes, frames * itemBytes];
  return sizes.map((size, k) => {
    const row = new Int32Array(frames);
    const rowBegin = dataBegin + k * rowStride;
    for (let frame = 0; frame < frames; frame++) {
      row[frame] = readCode(view, rowBegin + frame * frameStride, itemBytes, littleEndian);
    }
    const bad = findOutOfRange(row, size);
    if (bad >= 0) {
      throw new FormatError(
        `Expected a code from 0 to ${size - 1} for codebook ${k}, frame ${bad}`,
        rowBegin + bad * frameStride,
      );
    }
    return row;
  });
}

/** The integer at `offset`, or -1 where it does not fit a code. */
function readCode(view: DataView, offset: number, itemBytes: number, littleEndian: boolean): number {
  if (itemBytes === 2) return view.getInt16(offset, littleEndian);
  if (itemBytes === 4) return view.getInt32(offset, littleEndian);
  const low = view.getInt32(littleEndian ? offset : offset + 4, littleEndian);
  const high = view.getInt32(littleEndian ? offset + 4 : offset, littleEndian);
  return high === 0 ? low : -1;
}
