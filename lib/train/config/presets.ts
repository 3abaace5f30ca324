/** Configurations that have names; what they do not say is as the schema's defaults are. */

export const TRAIN_PRESETS: Readonly<Record<string, object>> = {
  /** The recipe of the published weights; data and teacher are the user's. */
  released: { exp_name: "released" },
  /** The same recipe, so small that it runs in minutes on two cores: for trials and tests. */
  tiny: {
    exp_name: "tiny",
    model: "tiny",
    steps: 200,
    discriminators: { periods: [2, 3], fft_sizes: [512], period_channels: [4, 8, 16, 16, 16], resolution_channels: 8 },
    data: { seconds: 1, batch: 4 },
    optimizer: { rate: 1e-3, final_rate: 2e-4, warmup_steps: 10 },
    log: { every: 5 },
    checkpoint: { every: 50 },
    validation: { every: 50, items: 4 },
  },
};
