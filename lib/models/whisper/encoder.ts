/** Whisper's audio encoder (Radford et al. 2022): the log-mel spectrum in, 50 features a second out. */
import { invalidArgument } from "../../errors.js";
import type { Value } from "../../graph/graph.js";
import { add, conv1d, gelu, slice } from "../../graph/ops/index.js";
import { LayerNorm, type Parameter, type Scope } from "../../nn/index.js";
import { whisperAudio, whisperLogMel } from "../../nn/mel.js";
import { MultiHeadAttention } from "./attention.js";
import type { WhisperConfig } from "./config.js";
import { FeedForward } from "./feed-forward.js";

/** Samples of 16 kHz that make one feature. */
const SAMPLES_PER_FEATURE = 2 * whisperAudio.hop;

/**
 * What the encoder sees of a short recording: `"full"` its whole window (30 s of the published models), silence behind the end, as it was trained; `"segment"` the
 * recording alone, in whole features, which is less work and not quite what it was trained for.
 */
export type WhisperWindow = "full" | "segment";

/** A convolution of kernel 3 without weight norm, and GELU. */
class Conv {
  private readonly weight: Parameter;
  private readonly bias: Parameter;

  constructor(
    scope: Scope,
    inputs: number,
    outputs: number,
    private readonly stride: number,
  ) {
    // Keeps what is heard as large as the positions that are added to it, on which a new model would else look alone.
    const deviation = Math.sqrt(2 / (3 * inputs));
    this.weight = scope.parameter("weight", [outputs, inputs, 3], { kind: "normal", deviation });
    this.bias = scope.parameter("bias", [outputs], { kind: "constant", value: 0 });
  }

  forward(x: Value): Value {
    const options = { stride: this.stride, padLeft: 1, padRight: 1 };
    return gelu(conv1d(x, this.weight.in(x.graph), this.bias.in(x.graph), options));
  }
}

class EncoderLayer {
  private readonly attention: MultiHeadAttention;
  private readonly attentionNorm: LayerNorm;
  private readonly feedForward: FeedForward;

  constructor(scope: Scope, config: WhisperConfig) {
    this.attention = new MultiHeadAttention(scope.at("self_attn"), config.d_model, config.encoder_attention_heads);
    this.attentionNorm = new LayerNorm(scope.at("self_attn_layer_norm"), config.d_model);
    this.feedForward = new FeedForward(scope, config.d_model, config.encoder_ffn_dim);
  }

  forward(x: Value): Value {
    const normed = this.attentionNorm.forward(x);
    return this.feedForward.forward(add(x, this.attention.forward(normed, normed)));
  }
}

export class WhisperEncoder {
  private readonly conv1: Conv;
  private readonly conv2: Conv;
  private readonly positions: Parameter;
  private readonly layers: readonly EncoderLayer[];
  private readonly norm: LayerNorm;

  constructor(
    scope: Scope,
    private readonly config: WhisperConfig,
  ) {
    const { d_model: width, num_mel_bins: mels, max_source_positions: length } = config;
    this.conv1 = new Conv(scope.at("conv1"), mels, width, 1);
    this.conv2 = new Conv(scope.at("conv2"), width, width, 2);
    const positions = scope.at("embed_positions");
    this.positions = positions.parameter("weight", [length, width], { kind: "sinusoids" });
    this.layers = Array.from(
      { length: config.encoder_layers },
      (_, i) => new EncoderLayer(scope.at("layers", i), config),
    );
    this.norm = new LayerNorm(scope.at("layer_norm"), width);
  }

  /** The log-mel spectrum (B, frames, mels), frames an even number of at most 3000 -> features (B, frames / 2, width). */
  forward(mel: Value): Value {
    const frames = this.conv2.forward(this.conv1.forward(mel));
    const positions = slice(this.positions.in(mel.graph), 0, 0, frames.dim(1));
    const features = this.layers.reduce((x, layer) => layer.forward(x), add(frames, positions));
    return this.norm.forward(features);
  }

  /** Samples of 16 kHz that are heard at a time: 30 s of the published models. */
  get windowSamples(): number {
    return this.config.max_source_positions * SAMPLES_PER_FEATURE;
  }

  /** Features of audio (B, N) of 16 kHz, which is cut after the window's length. */
  features(audio: Value, window: WhisperWindow = "full"): Value {
    if (window !== "full" && window !== "segment") throw invalidArgument("window", '"full" or "segment"', window);
    const most = this.windowSamples;
    const whole = Math.ceil(audio.dim(1) / SAMPLES_PER_FEATURE) * SAMPLES_PER_FEATURE;
    const samples = window === "full" ? most : Math.min(most, whole);
    return this.forward(whisperLogMel(audio, this.config.num_mel_bins, samples));
  }
}
