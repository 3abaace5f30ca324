/** Whisper's text decoder: tokens so far and the encoder's features in, scores of the next token out. */
import type { Value } from "../../graph/graph.js";
import { add, codebookLookup, linear, slice } from "../../graph/ops/index.js";
import { LayerNorm, type Parameter, type Scope } from "../../nn/index.js";
import { MultiHeadAttention } from "./attention.js";
import type { WhisperConfig } from "./config.js";
import { FeedForward } from "./feed-forward.js";

class DecoderLayer {
  private readonly attention: MultiHeadAttention;
  private readonly attentionNorm: LayerNorm;
  private readonly crossAttention: MultiHeadAttention;
  private readonly crossNorm: LayerNorm;
  private readonly feedForward: FeedForward;

  constructor(scope: Scope, { d_model: width, decoder_attention_heads: heads, decoder_ffn_dim: inner }: WhisperConfig) {
    this.attention = new MultiHeadAttention(scope.at("self_attn"), width, heads);
    this.attentionNorm = new LayerNorm(scope.at("self_attn_layer_norm"), width);
    this.crossAttention = new MultiHeadAttention(scope.at("encoder_attn"), width, heads);
    this.crossNorm = new LayerNorm(scope.at("encoder_attn_layer_norm"), width);
    this.feedForward = new FeedForward(scope, width, inner);
  }

  forward(x: Value, features: Value): Value {
    const normed = this.attentionNorm.forward(x);
    const told = add(x, this.attention.forward(normed, normed, { causal: true }));
    const heard = add(told, this.crossAttention.forward(this.crossNorm.forward(told), features));
    return this.feedForward.forward(heard);
  }
}

export class WhisperDecoder {
  private readonly tokens: Parameter;
  private readonly positions: Parameter;
  private readonly layers: readonly DecoderLayer[];
  private readonly norm: LayerNorm;

  constructor(scope: Scope, config: WhisperConfig) {
    const { d_model: width, vocab_size: vocabulary, max_target_positions: length } = config;
    const small = { kind: "normal", deviation: 0.02 } as const;
    this.tokens = scope.at("embed_tokens").parameter("weight", [vocabulary, width], small);
    this.positions = scope.at("embed_positions").parameter("weight", [length, width], small);
    this.layers = Array.from(
      { length: config.decoder_layers },
      (_, i) => new DecoderLayer(scope.at("layers", i), config),
    );
    this.norm = new LayerNorm(scope.at("layer_norm"), width);
  }

  /** Tokens (B, T) of type i32 and features (B, S, width) -> scores of each next token (B, T, vocabulary). */
  forward(tokens: Value, features: Value): Value {
    const table = this.tokens.in(tokens.graph);
    const positions = slice(this.positions.in(tokens.graph), 0, 0, tokens.dim(1));
    const start = add(codebookLookup(tokens, table), positions);
    return linear(this.norm.forward(this.layers.reduce((x, layer) => layer.forward(x, features), start)), table);
  }
}
