import type { Value } from "../../graph/graph.js";
import { attention, reshape } from "../../graph/ops/index.js";
import { Linear, type Scope } from "../../nn/index.js";

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

  queries(x: Value): Value {
    return this.split(this.query.forward(x));
  }

  private split(x: Value): Value {
    const [batch, length, width] = x.shape as [number, number, number];
    return reshape(x, [batch, length, this.heads, width / this.heads]);
  }
}
