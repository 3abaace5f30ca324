/** Finite scalar quantization (Mentzer et al. 2023): each projected dimension is bounded and rounded to a few levels. */
import type { Value } from "../graph/graph.js";
import { add, codebookLookup, div, mul, round, stopGradient, sub, sum, tanh, toInteger } from "../graph/ops/index.js";
import { Conv1d, type Scope } from "../nn/index.js";
import { product } from "./config.js";
import type { CodebookStage, TrainedQuantized } from "./quantized.js";

/** Keeps tanh's image a little wider than the levels, so that the outermost can be reached. */
const MARGIN = 1e-3;

export class FiniteScalarQuantizer implements CodebookStage {
  private readonly inProjection: Conv1d;
  private readonly outProjection: Conv1d;

  constructor(
    scope: Scope,
    latent: number,
    private readonly levels: readonly number[],
  ) {
    this.inProjection = new Conv1d(scope.at("in_proj"), latent, levels.length, 1, { exact: true });
    this.outProjection = new Conv1d(scope.at("out_proj"), levels.length, latent, 1, { exact: true });
  }

  encode(latent: Value): Value {
    return fsqCodes(fsqRound(this.inProjection.forward(latent), this.levels), this.levels);
  }

  decode(codes: Value): Value {
    const table = codes.graph.constant(fsqTable(this.levels), [product(this.levels), this.levels.length]);
    return this.outProjection.forward(codebookLookup(codes, table));
  }

  /** FSQ needs no losses: its grid is fixed. */
  train(latent: Value): TrainedQuantized {
    const projected = this.inProjection.forward(latent);
    const points = fsqRound(projected, this.levels);
    const none = latent.graph.fill([latent.dim(0)], 0);
    const codes = fsqCodes(points, this.levels);
    return { codes, latent: this.outProjection.forward(points), projected, commitment: none, codebook: none };
  }
}

/** z (..., D) to the nearest grid point, in [-1, 1]; the gradient passes straight through the rounding. */
export function fsqRound(z: Value, levels: readonly number[]): Value {
  const vector = (f: (level: number) => number) => z.graph.constant(Float32Array.from(levels, f), [levels.length]);
  const half = (level: number) => ((level - 1) * (1 + MARGIN)) / 2;
  const offset = (level: number) => (level % 2 === 0 ? 0.5 : 0);
  const shift = (level: number) => Math.atanh(offset(level) / half(level));
  const bounded = sub(mul(tanh(add(z, vector(shift))), vector(half)), vector(offset));
  const rounded = add(bounded, stopGradient(sub(round(bounded), bounded)));
  return div(rounded, vector(halfWidth));
}

/** The code of a grid point (..., D): its level indices as digits, the first one the least significant. */
export function fsqCodes(points: Value, levels: readonly number[]): Value {
  const { graph } = points;
  const width = graph.constant(Float32Array.from(levels, halfWidth), [levels.length]);
  const weight = graph.constant(Float32Array.from(digitWeights(levels)), [levels.length]);
  return toInteger(sum(mul(add(mul(points, width), width), weight), { axes: [-1] }));
}

/** All grid points in the order of their codes, (product of levels, D). */
function fsqTable(levels: readonly number[]): Float32Array {
  const weights = digitWeights(levels);
  const table = new Float32Array(product(levels) * levels.length);
  for (let i = 0; i < table.length; i++) {
    const d = i % levels.length;
    const digit = Math.floor(Math.floor(i / levels.length) / weights[d]!) % levels[d]!;
    table[i] = (digit - halfWidth(levels[d]!)) / halfWidth(levels[d]!);
  }
  return table;
}

function halfWidth(level: number): number {
  return Math.floor(level / 2);
}

function digitWeights(levels: readonly number[]): number[] {
  return levels.map((_, d) => product(levels.slice(0, d)));
}
