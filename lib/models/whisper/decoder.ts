/** Whisper's text decoder: tokens so far and the encoder's features in, scores of the next token out. */
import type { Value } from "../../graph/graph.js";
import { add, affine, codebookLookup, linear, mul, reshape, slice } from "../../graph/ops/index.js";
import { LayerNorm, type Parameter, type Scope } from "../../nn/index.js";
import { headsFirst, type KeysAndValues, MultiHeadAttention } from "./attention.js";
import type { WhisperConfig } from "./config.js";
import { FeedForward } from "./feed-forward.js";

/** What a layer needs to go one position further. */
export interface LayerStep {
  /** What it keeps of the positions before. */
  readonly own: KeysAndValues;
  readonly heard: KeysAndValues;
  /** (T, 1): 1 at the position, 0 elsewhere. */
  readonly here: Value;
  /** (T): 0 up to the position, very negative beyond. */
  readonly mask: Value;
}

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

  /** Keys and values of the encoder's features (B, S, width): (B, S, heads, size). */
  hear(features: Value): KeysAndValues {
    return { keys: this.crossAttention.keys(features), values: this.crossAttention.values(features) };
  }

  /** One position further; see WhisperDecoder.step. */
  step(x: Value, { own, heard, here, mask }: LayerStep): { x: Value; own: KeysAndValues } {
    const normed = this.attentionNorm.forward(x);
    const write = (kept: Value, row: Value) => add(mul(kept, affine(here, -1, 1)), mul(headsFirst(row), here));
    const kept = {
      keys: write(own.keys, this.attention.keys(normed)),
      values: write(own.values, this.attention.values(normed)),
    };
    const told = add(x, this.attention.attendCached(normed, kept, mask));
    const [beams, , width] = x.shape as [number, number, number];
    const asQueries = reshape(this.crossNorm.forward(told), [1, beams, width]);
    const listened = this.crossAttention.attend(asQueries, heard.keys, heard.values);
    return { x: this.feedForward.forward(add(told, reshape(listened, x.shape))), own: kept };
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

  /** Per layer, keys and values of the encoder's features (1, S, width). */
  hear(features: Value): KeysAndValues[] {
    return this.layers.map((layer) => layer.hear(features));
  }

  /**
   * One position further for several beams that hear the same: tokens (beams) of type i32 at `position` (1) of type i32,
   * what each layer keeps of the positions before, (beams, heads, T, size), and what it hears, as `hear` gives it. Returns
   * the scores of the next tokens (beams, vocabulary) and what the layers keep now.
   */
  step(tokens: Value, position: Value, layers: readonly LayerStep[]): { scores: Value; own: KeysAndValues[] } {
    const { graph } = tokens;
    const table = this.tokens.in(graph);
    const [beams] = tokens.shape as [number];
    const start = add(codebookLookup(tokens, table), codebookLookup(position, this.positions.in(graph)));
    const own: KeysAndValues[] = [];
    let x = reshape(start, [beams, 1, table.dim(1)]);
    for (const [i, layer] of this.layers.entries()) {
      const result = layer.step(x, layers[i]!);
      x = result.x;
      own.push(result.own);
    }
    return { scores: reshape(linear(this.norm.forward(x), table), [beams, table.dim(0)]), own };
  }

  /** Tokens (B, T) of type i32 and features (B, S, width) -> scores of each next token (B, T, vocabulary). */
  forward(tokens: Value, features: Value): Value {
    const table = this.tokens.in(tokens.graph);
    const positions = slice(this.positions.in(tokens.graph), 0, 0, tokens.dim(1));
    const start = add(codebookLookup(tokens, table), positions);
    return linear(this.norm.forward(this.layers.reduce((x, layer) => layer.forward(x, features), start)), table);
  }
}
