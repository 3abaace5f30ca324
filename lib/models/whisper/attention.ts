import type { Value } from "../../graph/graph.js";
import { add, affine, attention, matmul, reshape, softmax, transpose } from "../../graph/ops/index.js";
import { Linear, type Scope } from "../../nn/index.js";

export interface KeysAndValues {
  readonly keys: Value;
  readonly values: Value;
}

/** (B, T, heads, size) <-> (B, heads, T, size) */
export function headsFirst(x: Value): Value {
  return transpose(x, [0, 2, 1, 3]);
}

/** Attention with several heads; the keys' projection has no bias. */
export class MultiHeadAttention {
  private readonly query: Linear;
  private readonly key: Linear;
  private readonly value: Linear;
  private readonly out: Linear;

  constructor(
    scope: Scope,
    width: number,
    private readonly heads: number,
  ) {
    this.query = new Linear(scope.at("q_proj"), width, width);
    this.key = new Linear(scope.at("k_proj"), width, width, { bias: false });
    this.value = new Linear(scope.at("v_proj"), width, width);
    this.out = new Linear(scope.at("out_proj"), width, width);
  }

  /** Of x (B, T, width) to `source` (B, S, width), which may be x itself: (B, T, width). */
  forward(x: Value, source: Value, options: { readonly causal?: boolean } = {}): Value {
    return this.attend(x, this.keys(source), this.values(source), options);
  }

  /** (B, T, width) -> (B, T, heads, width / heads) */
  keys(source: Value): Value {
    return this.split(this.key.forward(source));
  }

  values(source: Value): Value {
    return this.split(this.value.forward(source));
  }

  /** Of x to keys and values that are known. */
  attend(x: Value, keys: Value, values: Value, options: { readonly causal?: boolean } = {}): Value {
    return this.out.forward(reshape(attention(this.queries(x), keys, values, options), x.shape));
  }

  /**
   * Of one position per item, x (B, 1, width), to keys and values that are kept, (B, heads, T, size) each. `mask` (T) is 0
   * where there is something to attend to, very negative elsewhere.
   */
  attendCached(x: Value, { keys, values }: KeysAndValues, mask: Value): Value {
    const queries = headsFirst(this.queries(x));
    const scores = affine(matmul(queries, keys, { transposeB: true }), 1 / Math.sqrt(queries.dim(3)));
    return this.out.forward(reshape(matmul(softmax(add(scores, mask)), values), x.shape));
  }

  queries(x: Value): Value {
    return this.split(this.query.forward(x));
  }

  private split(x: Value): Value {
    const [batch, length, width] = x.shape as [number, number, number];
    return reshape(x, [batch, length, this.heads, width / this.heads]);
  }
}
