import type { Value } from "../graph/graph.js";
import { add, codebookLookup, codebookSearch, mean, square, stopGradient, sub } from "../graph/ops/index.js";
import { Conv1d, type Parameter, type Scope } from "../nn/index.js";
import type { CodebookStage, TrainedQuantized } from "./quantized.js";

/** Nearest code by cosine in a low-dimensional space; the looked-up vector is the unnormalised codebook row. */
export class VectorQuantize implements CodebookStage {
  private readonly inProjection: Conv1d;
  private readonly outProjection: Conv1d;
  readonly codebook: Parameter;

  constructor(scope: Scope, latent: number, size: number, dimension: number) {
    this.inProjection = new Conv1d(scope.at("in_proj"), latent, dimension, 1, { exact: true });
    this.outProjection = new Conv1d(scope.at("out_proj"), dimension, latent, 1, { exact: true });
    this.codebook = scope.at("codebook").parameter("weight", [size, dimension], { kind: "normal", deviation: 1 });
  }

  encode(latent: Value): Value {
    return codebookSearch(this.inProjection.forward(latent), this.codebook.in(latent.graph));
  }

  decode(codes: Value): Value {
    return this.outProjection.forward(codebookLookup(codes, this.codebook.in(codes.graph)));
  }

  train(latent: Value): TrainedQuantized {
    const projected = this.inProjection.forward(latent);
    const codebook = this.codebook.in(latent.graph);
    const codes = codebookSearch(projected, codebook);
    const row = codebookLookup(codes, codebook);
    const passed = add(projected, stopGradient(sub(row, projected)));
    return {
      codes,
      latent: this.outProjection.forward(passed),
      projected,
      commitment: distancePerItem(projected, stopGradient(row)),
      codebook: distancePerItem(row, stopGradient(projected)),
    };
  }
}

function distancePerItem(a: Value, b: Value): Value {
  return mean(square(sub(a, b)), { axes: [1, 2] });
}
