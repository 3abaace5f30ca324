/** The discriminators of the training recipe, under one set of parameter names. */
import type { Value } from "../../graph/graph.js";
import { type Parameter, Scope } from "../../nn/index.js";
import { type Discriminator, standardize } from "./discriminator.js";
import { PeriodDiscriminator } from "./multi-period.js";
import { ResolutionDiscriminator } from "./multi-resolution.js";
import { ScaleDiscriminator } from "./multi-scale.js";

export interface DiscriminatorConfig {
  /** Samples per row of the multi-period ones. */
  readonly periods: readonly number[];
  /** Divisors of the sample rate of the multi-scale ones. */
  readonly rates: readonly number[];
  /** Samples of a frame of the multi-resolution ones. */
  readonly fft_sizes: readonly number[];
  /** Edges of their bands, from 0 to 1, as shares of the bins. */
  readonly bands: readonly number[];
  readonly period_channels: readonly number[];
  readonly resolution_channels: number;
}

export const PUBLIC_DISCRIMINATORS: DiscriminatorConfig = {
  periods: [2, 3, 5, 7, 11],
  rates: [],
  fft_sizes: [2048, 1024, 512],
  bands: [0, 0.1, 0.25, 0.5, 0.75, 1],
  period_channels: [32, 128, 512, 1024, 1024],
  resolution_channels: 64,
};

export class Discriminators {
  /** By name: `d.N.*`, the multi-period ones first, then the multi-scale and the multi-resolution ones. */
  readonly parameters: readonly Parameter[];
  private readonly discriminators: readonly Discriminator[];

  constructor(config: DiscriminatorConfig) {
    const { periods, rates, fft_sizes: sizes, bands } = config;
    const root = Scope.root();
    let index = 0;
    const scope = () => root.at("d", index++);
    this.discriminators = [
      ...periods.map((period) => new PeriodDiscriminator(scope(), period, config.period_channels)),
      ...rates.map((rate) => new ScaleDiscriminator(scope(), rate)),
      ...sizes.map((nFft) => new ResolutionDiscriminator(scope(), nFft, config.resolution_channels, bands)),
    ];
    this.parameters = root.parameters;
  }

  /** The feature maps that each discriminator makes of audio (B, N), the scores last. */
  forward(audio: Value): Value[][] {
    const heard = standardize(audio);
    return this.discriminators.map((discriminator) => discriminator.forward(heard));
  }
}
