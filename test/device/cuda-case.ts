/** What a case of a CUDA kernel is, how it is run, and the numbers that such cases are made of. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import type { AttributeValue, Data } from "../../lib/graph/native.js";
import { randomFloats } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";

export interface CaseInput {
  readonly shape: readonly number[];
  readonly data: Data;
}

export interface KernelCase {
  readonly op: string;
  readonly inputs: readonly (CaseInput | undefined)[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Allowed error relative to max(|expected|, 1); 0 where both devices compute the same operations. */
  readonly tolerance: number;
}

export type Shape = readonly number[];
export type Attributes = KernelCase["attributes"];

const special = [NaN, Infinity, -Infinity, 0, -0, 1e-40, -3e38, 3e38];

/** Numbers between -8 and 8; every fifth is a special one, starting where the seed says. */
export function awkward(shape: Shape, seed: number): CaseInput {
  const data = randomFloats(sizeOf(shape), seed).map((value, i) =>
    i % 5 === seed % 5 ? special[Math.floor(i / 5) % special.length]! : value * 8,
  );
  return { shape, data };
}

/** Numbers between 0.5 and 2.5, whose sums do not cancel. */
export function positive(shape: Shape, seed: number): CaseInput {
  return { shape, data: randomFloats(sizeOf(shape), seed).map((value) => value + 1.5) };
}

export function integers(shape: Shape): CaseInput {
  return { shape, data: Int32Array.from({ length: sizeOf(shape) }, (_, i) => i * 7919 - 1000) };
}

/** Numbers between -scale and scale. */
export function moderate(shape: Shape, seed: number, scale = 1): CaseInput {
  return { shape, data: randomFloats(sizeOf(shape), seed).map((value) => value * scale) };
}

/** Numbers between -4 and 4, every third minus infinity: scores of which some are masked. */
export function masked(shape: Shape, seed: number): CaseInput {
  const data = randomFloats(sizeOf(shape), seed).map((value, i) => (i % 3 === seed % 3 ? -Infinity : 4 * value));
  return { shape, data };
}

/** The same number everywhere. */
export function filled(shape: Shape, value: number): CaseInput {
  return { shape, data: new Float32Array(sizeOf(shape)).fill(value) };
}

/** Numbers as they are. */
export function given(shape: Shape, values: readonly number[]): CaseInput {
  return { shape, data: Float32Array.from(values) };
}

export function givenIntegers(shape: Shape, values: readonly number[]): CaseInput {
  return { shape, data: Int32Array.from(values) };
}

/** Integers from `least` to below `end`, in no order. */
export function codes(shape: Shape, seed: number, end: number, least = 0): CaseInput {
  const data = Int32Array.from(randomFloats(sizeOf(shape), seed), (value) =>
    Math.min(end - 1, Math.floor(least + ((value + 1) / 2) * (end - least))),
  );
  return { shape, data };
}

/** All outputs of a case, in order. */
export async function run(device: Device, { op, inputs, attributes }: KernelCase): Promise<Data[]> {
  const graph = new Graph();
  const values = inputs.map(
    (input, i) => input && graph.input(`x${i}`, input.shape, input.data instanceof Int32Array ? "i32" : "f32"),
  );
  const outputs = graph.apply(op, values, attributes).map((value, i) => [`y${i}`, value] as const);
  const plan = await graph.compile(device, Object.fromEntries(outputs));
  const fed = inputs.flatMap((input, i) => (input ? [[`x${i}`, input.data] as const] : []));
  const results = await plan.run(Object.fromEntries(fed));
  return outputs.map(([name]) => results[name]!);
}

/** Compares numbers, relative to the expected one or to 1. */
export function assertAgree(actual: Data, expected: Data, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    const agree = Object.is(a, e) || a === e || Math.abs(a - e) <= tolerance * Math.max(Math.abs(e), 1);
    if (!agree) assert.fail(`${what}: expected ${e} at ${i}, got ${a}`);
  }
}
