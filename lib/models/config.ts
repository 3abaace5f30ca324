/** The configuration of a `released`-family model, with the field names of the public one. */
import { Fields, refuseField } from "./fields.js";

export interface AuxDecoderConfig {
  /** Width of the quantized latent. */
  readonly input_channel: number;
  readonly channels: number;
  readonly rates: readonly number[];
  /** Hz. */
  readonly sample_rate: number;
}

export interface ModelConfig {
  /** Hz of the input. */
  readonly sample_rate: number;
  /** Hz of the main decoder's output. */
  readonly output_sample_rate: number;
  /** Strides of the encoders; their product is the number of samples per frame. */
  readonly encoder_rates: readonly number[];
  /** Upsampling factors of the main decoder. */
  readonly decoder_rates: readonly number[];
  readonly encoder_dim: number;
  readonly semantic_encoder_dim: number;
  readonly acoustic_encoder_dim: number;
  readonly latent_dim: number;
  readonly decoder_dim: number;
  readonly n_codebooks: number;
  readonly n_semantic_codebooks: number;
  /** Share of a training batch whose acoustic codebooks are cut short. */
  readonly quantizer_dropout: number;
  readonly semantic_codebook_size: number;
  readonly acoustic_codebook_size: number;
  readonly semantic_codebook_dim: number;
  readonly acoustic_codebook_dim: number;
  readonly semantic_quantizer: "rvq" | "fsq";
  /** Levels of the semantic FSQ. */
  readonly semantic_quantizer_kwargs: { readonly levels?: readonly number[] };
  readonly use_shared_encoder: boolean;
  readonly semantic_subtraction: boolean;
  readonly is_causal: boolean;
  readonly dilation: readonly number[];
  readonly residual_kernel_size: number;
  readonly aux_decoder: AuxDecoderConfig;
}

/** As many as tokens can hold. */
const MOST_CODEBOOKS = 1024;

/** Samples of input that make one frame of tokens. */
export function samplesPerFrame(config: ModelConfig): number {
  return product(config.encoder_rates);
}

/** Checks an object (of config.json, say) and fills in what the public code defaults to. Throws ERR_LMSPT_MODEL. */
export function parseConfig(source: unknown): ModelConfig {
  const fields = new Fields(source, "config");
  const encoderRates = fields.rates("encoder_rates");
  const encoderDim = fields.size("encoder_dim", 64);
  const latentDim = fields.size("latent_dim", encoderDim * 2 ** encoderRates.length);
  const sampleRate = fields.size("sample_rate");
  const decoderRates = fields.rates("decoder_rates");
  const decoderDim = fields.size("decoder_dim", 1536);
  const outputSampleRate = fields.size("output_sample_rate", sampleRate);
  const codebookSize = fields.size("codebook_size", 2048);
  const codebookDim = fields.size("codebook_dim", 8);
  const quantizer = fields.choice("semantic_quantizer", ["rvq", "fsq"], "rvq");
  const kwargs = fields.object("semantic_quantizer_kwargs");
  const levels = quantizer === "fsq" ? kwargs.levels("levels") : undefined;
  const aux = fields.object("aux_decoder");
  const config: ModelConfig = {
    sample_rate: sampleRate,
    output_sample_rate: outputSampleRate,
    encoder_rates: encoderRates,
    decoder_rates: decoderRates,
    encoder_dim: encoderDim,
    semantic_encoder_dim: fields.size("semantic_encoder_dim", encoderDim),
    acoustic_encoder_dim: fields.size("acoustic_encoder_dim", encoderDim),
    latent_dim: latentDim,
    decoder_dim: decoderDim,
    n_codebooks: fields.size("n_codebooks", 8),
    n_semantic_codebooks: fields.size("n_semantic_codebooks", 1),
    quantizer_dropout: fields.number("quantizer_dropout", 1),
    semantic_codebook_size: levels ? product(levels) : fields.size("semantic_codebook_size", codebookSize),
    acoustic_codebook_size: fields.size("acoustic_codebook_size", codebookSize),
    semantic_codebook_dim: fields.size("semantic_codebook_dim", codebookDim),
    acoustic_codebook_dim: fields.size("acoustic_codebook_dim", codebookDim),
    semantic_quantizer: quantizer,
    semantic_quantizer_kwargs: levels ? { levels } : {},
    use_shared_encoder: fields.flag("use_shared_encoder", false),
    semantic_subtraction: fields.flag("semantic_subtraction", true),
    is_causal: fields.flag("is_causal", false),
    dilation: fields.rates("dilation", [1, 3, 9]),
    residual_kernel_size: fields.size("residual_kernel_size", 7),
    aux_decoder: {
      input_channel: aux.size("input_channel", latentDim),
      channels: aux.size("channels", decoderDim),
      rates: aux.rates("rates", decoderRates),
      sample_rate: aux.size("sample_rate", outputSampleRate),
    },
  };
  checkTogether(config);
  return config;
}

/** Rules that join several fields. */
function checkTogether(config: ModelConfig): void {
  const { aux_decoder: aux } = config;
  if (config.n_codebooks > MOST_CODEBOOKS) {
    refuseField("n_codebooks", `at most ${MOST_CODEBOOKS}`, config.n_codebooks);
  }
  if (config.n_codebooks <= config.n_semantic_codebooks) {
    refuseField("n_codebooks", `more than the ${config.n_semantic_codebooks} semantic ones`, config.n_codebooks);
  }
  if (config.semantic_quantizer === "fsq" && config.n_semantic_codebooks !== 1) {
    refuseField("n_semantic_codebooks", "1 with the semantic quantizer fsq", config.n_semantic_codebooks);
  }
  if (config.residual_kernel_size % 2 === 0)
    refuseField("residual_kernel_size", "an odd number", config.residual_kernel_size);
  if (aux.input_channel !== config.latent_dim) {
    refuseField("aux_decoder.input_channel", `latent_dim, ${config.latent_dim}`, aux.input_channel);
  }
  halvings("decoder_dim", config.decoder_dim, config.decoder_rates);
  halvings("aux_decoder.channels", aux.channels, aux.rates);
  checkRate("decoder_rates", config.decoder_rates, config.output_sample_rate, config);
  checkRate("aux_decoder.rates", aux.rates, aux.sample_rate, config);
}

function halvings(name: string, width: number, rates: readonly number[]): void {
  const factor = 2 ** rates.length;
  if (width % factor !== 0) refuseField(name, `a multiple of ${factor}, for ${rates.length} halvings`, width);
}

/** A decoder makes as much time of a frame as the encoders took for it. */
function checkRate(name: string, rates: readonly number[], sampleRate: number, config: ModelConfig): void {
  const hop = samplesPerFrame(config);
  const wanted = (hop * sampleRate) / config.sample_rate;
  if (product(rates) === wanted) return;
  const frame = `frames of ${hop} samples at ${config.sample_rate} Hz`;
  refuseField(name, `a product of ${wanted} for ${sampleRate} Hz and ${frame}`, rates);
}

export function product(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a * b, 1);
}
