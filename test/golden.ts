/** Reference vectors of test/fixtures/golden, and comparison with them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readSafetensors, type Tensor } from "../lib/data/safetensors-reader.js";
import { packageRoot } from "../lib/graph/native.js";

export class Golden {
  private constructor(
    private readonly tensors: ReadonlyMap<string, Tensor>,
    readonly metadata: ReadonlyMap<string, string>,
  ) {}

  static async load(name: string): Promise<Golden> {
    const file = await readSafetensors(join(packageRoot(), "test", "fixtures", "golden", `${name}.safetensors`));
    return new Golden(file.tensors, file.metadata);
  }

  get names(): string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  shape(name: string): readonly number[] {
    return this.tensor(name).shape;
  }

  floats(name: string): Float32Array {
    const { data } = this.tensor(name);
    assert(data instanceof Float32Array, `${name} is not of type F32`);
    return data;
  }

  integers(name: string): Int32Array {
    return Int32Array.from(this.tensor(name).data as BigInt64Array, Number);
  }

  private tensor(name: string): Tensor {
    const tensor = this.tensors.get(name);
    assert(tensor, `no reference vector is named ${name}`);
    return tensor;
  }
}

/** Fails where a value differs from the expected one by more than `tolerance` times the largest expected magnitude. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "values",
) {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const error = relativeError(actual, expected);
  assert(error <= tolerance, `${what}: differ by ${error.toExponential(2)} of the largest, allowed ${tolerance}`);
}

/** The norm of the difference relative to the expected one. */
export function relativeDistance(actual: Float32Array, expected: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  return norm(actual.map((value, i) => value - expected[i]!)) / norm(expected);
}

/** The largest difference relative to the largest expected magnitude; NaN anywhere gives NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= worst)) worst = difference;
  }
  return largest === 0 ? worst : worst / largest;
}

/** (B, C, T) to (B, T, C) and back with the sizes swapped: the literature's layout and the engine's. */
export function swapLastTwo<T extends Float32Array | Int32Array>(data: T, shape: readonly number[]): T {
  const columns = shape.at(-1)!;
  const rows = shape.at(-2)!;
  const result = data.slice() as T;
  for (let base = 0; base < data.length; base += rows * columns) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) result[base + c * rows + r] = data[base + r * columns + c]!;
    }
  }
  return result;
}

export function swapShape(shape: readonly number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
}

/** Numbers between -1 and 1 that depend on the seed alone. */
export function randomFloats(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
