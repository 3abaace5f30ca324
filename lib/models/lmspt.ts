/**
 * LM-SPT, the `released` family:
 *
 *          +-> semantic encoder -> VQ (1 codebook) -----+-> z_sem ---------> aux decoder -> speech'
 *   audio -|                                            |
 *          +-> acoustic encoder -> RVQ (K-1 codebooks) -+-> z_sem + z_ac --> main decoder -> speech
 */
import type { Value } from "../graph/graph.js";
import { add, concat, pad, slice } from "../graph/ops/index.js";
import { type Parameter, type Passage, Scope } from "../nn/index.js";
import type { ModelConfig } from "./config.js";
import { Decoder } from "./decoder.js";
import { Encoder } from "./encoder.js";
import type { TrainedQuantized } from "./quantized.js";
import { DualQuantizer } from "./quantizer.js";
import type { BlockStyle } from "./residual-unit.js";

/** What the training forward gives. */
export interface TrainedForward {
  readonly speech: Value;
  readonly auxSpeech: Value;
  readonly semantic: TrainedQuantized;
  readonly acoustic: TrainedQuantized;
}

export class LmSpt {
  readonly semanticEncoder: Encoder;
  readonly acousticEncoder: Encoder;
  readonly quantizer: DualQuantizer;
  readonly decoder: Decoder;
  readonly auxDecoder: Decoder;
  /** All parameters and buffers, by the names of the published weights. */
  readonly parameters: readonly Parameter[];

  constructor(readonly config: ModelConfig) {
    const { encoder_rates: strides, latent_dim: latent, aux_decoder: aux } = config;
    const style: BlockStyle = {
      dilations: config.dilation,
      kernel: config.residual_kernel_size,
      causal: config.is_causal,
    };
    const auxStyle: BlockStyle = { dilations: [1, 3, 9], kernel: 7, causal: false };
    const scope = Scope.root();
    const encoder = (name: string, width: number) => new Encoder(scope.at(name), width, strides, latent, style);
    this.semanticEncoder = encoder("semantic_encoder", config.semantic_encoder_dim);
    this.acousticEncoder = config.use_shared_encoder
      ? this.semanticEncoder
      : encoder("acoustic_encoder", config.acoustic_encoder_dim);
    this.quantizer = new DualQuantizer(scope.at("quantizer"), config);
    this.decoder = new Decoder(scope.at("decoder"), latent, config.decoder_dim, config.decoder_rates, style);
    this.auxDecoder = new Decoder(scope.at("aux_decoder"), latent, aux.channels, aux.rates, auxStyle);
    this.parameters = scope.parameters;
  }

  /** Audio (B, samples, 1) -> codes (B, frames, K), the semantic ones first. */
  encode(audio: Value, passage?: Passage): Value {
    return this.quantize(this.latents(audio, passage));
  }

  /** The first part of `encode`: audio (B, samples, 1) -> what the encoders pass on (B, rows, channels). */
  encodeFront(audio: Value, passage?: Passage): Value {
    return concat(
      this.encoders.map((encoder) => encoder.front(audio, passage)),
      -1,
    );
  }

  /** The second part of `encode`: (B, rows, channels) -> codes (B, frames, K). */
  encodeBack(rows: Value, passage?: Passage): Value {
    let first = 0;
    const latents = this.encoders.map((encoder) => {
      const own = slice(rows, 2, first, encoder.middle.channels);
      first += encoder.middle.channels;
      return encoder.back(own, passage);
    });
    return this.quantize({ semantic: latents[0]!, acoustic: latents.at(-1)! });
  }

  /** The encoders that there are: one where it is shared. */
  get encoders(): readonly Encoder[] {
    return this.config.use_shared_encoder ? [this.semanticEncoder] : [this.semanticEncoder, this.acousticEncoder];
  }

  /** Audio (B, samples, 1) -> the latents that are quantized (B, frames, D). */
  latents(audio: Value, passage?: Passage): { semantic: Value; acoustic: Value } {
    const semantic = this.semanticEncoder.forward(audio, passage);
    if (this.config.use_shared_encoder) return { semantic, acoustic: semantic };
    return { semantic, acoustic: this.acousticEncoder.forward(audio, passage) };
  }

  /** Codes (B, frames, n) of either kind, absent where they do not take part -> speech (B, samples, 1). */
  decode(semantic: Value | undefined, acoustic: Value | undefined, passage?: Passage): Value {
    return this.decoder.forward(this.dequantize(semantic, acoustic), passage);
  }

  /** Codes (B, frames, n) of either kind, absent where they do not take part -> the decoders' input (B, frames, D). */
  dequantize(semantic: Value | undefined, acoustic: Value | undefined): Value {
    const parts = [
      semantic && this.quantizer.decodeSemantic(semantic),
      acoustic && this.quantizer.decodeAcoustic(acoustic),
    ];
    return parts.filter((part) => part !== undefined).reduce((sum, part) => add(sum, part));
  }

  /**
   * The training forward: audio (B, samples, 1) -> speech of as many samples at the decoders' rates (cut, or completed by
   * zeros), and what the quantizers made of it. `used` as for DualQuantizer.train.
   */
  train(audio: Value, used?: Value): TrainedForward {
    const latents = this.latents(audio);
    const { semantic, acoustic } = this.quantizer.train(latents.semantic, latents.acoustic, used);
    const { sample_rate: rate, output_sample_rate: outputRate, aux_decoder: aux } = this.config;
    const lengthAt = (hertz: number) => Math.floor((audio.dim(1) * hertz) / rate);
    return {
      speech: toLength(this.decoder.forward(add(semantic.latent, acoustic.latent)), lengthAt(outputRate)),
      auxSpeech: toLength(this.auxDecoder.forward(semantic.latent), lengthAt(aux.sample_rate)),
      semantic,
      acoustic,
    };
  }

  /** Semantic codes (B, frames, n) -> the auxiliary decoder's speech (B, samples, 1). */
  decodeAux(semantic: Value): Value {
    return this.auxDecoder.forward(this.dequantize(semantic, undefined));
  }

  private quantize(latents: { semantic: Value; acoustic: Value }): Value {
    const { semantic, acoustic } = this.quantizer.encode(latents.semantic, latents.acoustic);
    return concat([semantic.codes, acoustic.codes], -1);
  }
}

function toLength(speech: Value, length: number): Value {
  const given = speech.dim(1);
  return given >= length ? slice(speech, 1, 0, length) : pad(speech, 1, 0, length - given);
}
